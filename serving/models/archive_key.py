"""The key of a model in a model store, made from the name that a client sends.

A key is a relative path of plain parts, as in SageMaker's TargetModel header.  Names that a file system or S3
could take for anything else are refused before they reach a store.
"""

import os
from typing import Final

from fleetcast.archive import SUFFIX, UNFINISHED
from serving.errors import RequestError

MAX_KEY_BYTES: Final = 1_024
"""Longest key of an object in S3."""
MAX_PART_BYTES: Final = 255
"""Longest name of a file or folder."""
_ACCEPTED: Final = (
    f"target_model must be the name of an archive in the model store, such as customer{SUFFIX} or "
    f"region/customer{SUFFIX}"
)


def archive_key(name: str) -> str:
    """Return the key of a name, which may omit the ending `.tar.gz`; raise `RequestError`."""
    key = name.removesuffix(SUFFIX)
    whole = f"{key}{SUFFIX}"
    try:
        lengths = [len(os.fsencode(part)) for part in whole.split("/")]
    except UnicodeEncodeError:
        raise RequestError(f"{_ACCEPTED}; it has characters that a file name cannot have") from None
    if sum(lengths) + len(lengths) > MAX_KEY_BYTES or max(lengths) > MAX_PART_BYTES:
        raise RequestError(
            f"{_ACCEPTED}, of at most {MAX_KEY_BYTES} bytes, {MAX_PART_BYTES} between two slashes"
        )
    if "\0" in key or UNFINISHED in key or not {"", ".", ".."}.isdisjoint(key.split("/")):
        raise RequestError(f"{_ACCEPTED}; '.', '..' and empty parts are refused")
    return whole


def check_model_name(name: str) -> None:
    """Raise `RequestError` for a `model_name` of POST /models that no route could name afterwards.

    A slash, or a name of dots, would change the path of the route; a control character would break a log
    line.
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= MAX_KEY_BYTES or name in {".", ".."} or "/" in name or not name.isprintable():
        raise RequestError(
            f"model_name must be a text of 1 to {MAX_KEY_BYTES} bytes without slashes and control "
            "characters, and neither '.' nor '..'"
        )
