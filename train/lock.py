"""Lets one training at a time write to a folder of checkpoints.

Two hosts of one job may share the folder, so each host has a lock of its own.  The lock is an open file, not
its name: it ends with its process, and a file that a killed job leaves behind locks nothing.  SageMaker does
not upload files with this prefix.
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
"""Errors of mounted folders that have no locks."""


class TreeInUseError(FleetcastError):
    """Another training writes to the same folder of checkpoints."""


@contextmanager
def locked(checkpoints: Path, host: str) -> Iterator[None]:
    """Hold the lock of `host` on a folder of checkpoints; raise `TreeInUseError` if another process has it.

    Where the folder has no locks, a warning is logged and the job goes on.
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
                    "%s cannot be locked (%s): make sure that no second training writes there",
                    quoted(path.parent),
                    error.strerror,
                )
                return None
            raise TreeInUseError(
                f"another training writes to {quoted(path.parent)}: wait for its end, or use another folder. "
                "Nothing was changed"
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
