"""One training at a time on one tree: a lock that ends with its process, however that ends.

Two hosts of one job may share a folder of checkpoints, so that the lock is this host's own.  It is a file
that SageMaker's uploader passes over; what locks is the open file, not its name, so that a file left behind
by a killed job locks nothing.
"""

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from container import quoted
from fleetcast.archive import UNFINISHED
from fleetcast.errors import FleetcastError

logger = logging.getLogger(__name__)

_PREFIX: Final = f"{UNFINISHED}.lock."
_CANNOT_LOCK: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
"""What folders mounted from elsewhere may answer."""


class TreeInUseError(FleetcastError):
    """Another training works on the same tree."""


@contextmanager
def locked(checkpoints: Path, host: str) -> Iterator[None]:
    """Hold the lock of `host` on a folder of checkpoints; raise `TreeInUseError` if another process has it.

    In a folder that cannot be locked a line in the log says so, and the job goes on.
    """
    path = checkpoints / f"{_PREFIX}{host}"
    descriptor = _locked_file(path)
    try:
        yield
    finally:
        if descriptor is not None:
            with suppress(OSError):
                path.unlink()
            os.close(descriptor)


def _locked_file(path: Path) -> int | None:
    while True:
        descriptor = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in _CANNOT_LOCK:
                path.unlink(missing_ok=True)
                logger.warning(
                    "%s cannot be locked (%s): nothing keeps a second training from writing there too",
                    quoted(path.parent),
                    error.strerror,
                )
                return None
            raise TreeInUseError(
                f"another training is at work on {quoted(path.parent)}: wait for its end, or use another "
                "folder. Nothing was changed"
            ) from error
        if _is_still_there(path, descriptor):
            return descriptor
        os.close(descriptor)  # its last owner removed it between our two calls


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)


def _is_still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
