"""What a model may be called in a model store: a key of SageMaker's TargetModel, never a path to follow."""

import os
from typing import Final

from fleetcast.archive import SUFFIX, UNFINISHED
from serving.errors import RequestError

MOST_BYTES: Final = 1_024
"""Of a key in S3."""
MOST_BYTES_OF_A_PART: Final = 255
"""Of a file's name."""
_ACCEPTED: Final = (
    f"target_model must be the name of an archive in the model store, such as customer{SUFFIX} or "
    f"region/customer{SUFFIX}"
)


def archive_name(name: str) -> str:
    """Return the name with its ending `.tar.gz`, which may be left out; raise `RequestError`.

    Refused is what a file system or S3 would take for anything but a name below the store.
    """
    key = name.removesuffix(SUFFIX)
    whole = f"{key}{SUFFIX}"
    try:
        lengths = [len(os.fsencode(part)) for part in whole.split("/")]
    except UnicodeEncodeError:
        raise RequestError(f"{_ACCEPTED}; it has characters that no file name can have") from None
    if sum(lengths) + len(lengths) > MOST_BYTES or max(lengths) > MOST_BYTES_OF_A_PART:
        raise RequestError(
            f"{_ACCEPTED}, of at most {MOST_BYTES} bytes, {MOST_BYTES_OF_A_PART} between two slashes"
        )
    if "\0" in key or UNFINISHED in key or not {"", ".", ".."}.isdisjoint(key.split("/")):
        raise RequestError(f"{_ACCEPTED}; '.', '..' and empty parts are refused")
    return whole


def check_model_name(name: str) -> None:
    """Raise `RequestError` for a `model_name` of POST /models that no route could reach afterwards.

    A slash and a dot alone would change the path of the route, and no character of a line's end or beginning
    may get into a log.
    """
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= MOST_BYTES or name in {".", ".."} or "/" in name or not name.isprintable():
        raise RequestError(
            f"model_name must be a text of 1 to {MOST_BYTES} bytes without slashes and control characters, "
            "and neither '.' nor '..'"
        )
