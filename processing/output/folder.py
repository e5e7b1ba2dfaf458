"""The output folder: one `process` at a time, and in the end exactly the customers of this input."""

import fcntl
import logging
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from container import quoted
from fleetcast.archive import remove_unfinished
from fleetcast.errors import InputError

logger = logging.getLogger(__name__)

FILE_NAME: Final = "data.csv"
_NOT_OURS: Final = frozenset({"lost+found"})
"""A mounted disk has it."""
MOST_NAMES: Final = 3
"""In a message."""


@contextmanager
def lock_output(output: Path) -> Iterator[None]:
    """Keep every other `process` out of the output folder; raise `InputError` where one runs already.

    The lock is on the folder itself: no file of it remains, and it ends with the process.
    """
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(output, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another process step writes to {output}: wait for its end, or choose another folder with "
                "SAGEMAKER_BASE_DIR"
            ) from None
        except OSError as error:
            logger.warning("%s cannot be locked (%s): start no second process step", output, error.strerror)
        remove_unfinished(output)
        yield
    finally:
        if is_new:
            with suppress(OSError):  # it is not empty: the step came so far
                output.rmdir()
        os.close(descriptor)


def customers_to_remove(output: Path, customers: Iterable[str], *, replace: bool) -> list[str]:
    """Return the customers of an earlier run that are not among the `customers` of this one, sorted.

    Raises `InputError` where there are any but `replace` is false, and where the folder holds what this
    program does not write: `train` would take it for readings.
    """
    names = (path.name for path in output.iterdir())
    there = {name for name in names if not name.startswith(".") and name not in _NOT_OURS}
    strangers = [name for name in there if not _is_ours(output / name)]
    if strangers:
        raise InputError(
            f"{output} holds {_some(strangers)}, which this program did not write: move it away, because "
            "train would take it for readings"
        )
    there.difference_update(customers)
    if there and not replace:
        raise InputError(
            f"{output} is not empty: {_some(there)} from an earlier run would stay, but this input has no "
            "such customer. Empty the folder, or add --replace to remove what this input does not have"
        )
    return sorted(there)


def remove(output: Path, customers: list[str]) -> None:
    """Remove the folders of `customers`."""
    for customer in customers:
        folder = output / customer
        (folder / FILE_NAME).unlink(missing_ok=True)
        folder.rmdir()
    if customers:
        logger.info("removed from %s: %s of an earlier run", output, _some(customers))


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        return False
    with os.scandir(path) as entries:
        return all(entry.name == FILE_NAME and entry.is_file(follow_symlinks=False) for entry in entries)


def _some(names: Collection[str]) -> str:
    shown = ", ".join(map(quoted, sorted(names)[:MOST_NAMES]))
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"
