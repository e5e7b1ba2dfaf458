"""What a model may be called in a model store: a key of SageMaker's TargetModel, never a path to follow."""

import os
from typing import Final

from archive import SUFFIX, UNFINISHED
from serving._errors import RequestError

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
    whole = name if name.endswith(SUFFIX) else f"{name}{SUFFIX}"
    try:
        content = os.fsencode(whole)
    except UnicodeEncodeError:
        raise RequestError(f"{_ACCEPTED}; it has characters that no file name can have") from None
    if len(content) > MOST_BYTES:
        raise RequestError(f"{_ACCEPTED}, of at most {MOST_BYTES} bytes")
    parts = content.split(b"/")
    if b"\0" in content or UNFINISHED in whole or name in ("", SUFFIX):
        raise RequestError(_ACCEPTED)
    if any(part in (b"", b".", b"..") or len(part) > MOST_BYTES_OF_A_PART for part in parts):
        raise RequestError(f"{_ACCEPTED}; '.', '..', empty parts and parts of over 255 bytes are refused")
    return whole
