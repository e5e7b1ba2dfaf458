"""Locks the output folder, and finds and removes customers that the input does not have."""

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
_SYSTEM_FOLDERS: Final = frozenset({"lost+found"})
"""Folders that a mounted disk has."""
MOST_NAMES: Final = 3
"""Most names in a message."""


@contextmanager
def lock_output(output: Path) -> Iterator[None]:
    """Keep other runs of `process` out of the output folder; raise InputError if one is writing to it.

    The lock is on the folder itself, so it leaves no file and ends with the process.  Temporary files of a
    killed run are removed first; a folder that is new and still empty is removed at the end.
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
            with suppress(OSError):  # it is not empty
                output.rmdir()
        os.close(descriptor)


def customers_to_remove(output: Path, customers: Iterable[str], *, replace: bool) -> list[str]:
    """Return the customers of an earlier run that are not among `customers`, sorted.

    Raises InputError if there are any but `replace` is false, and if the folder holds anything that this
    program does not write, because `train` would read it.
    """
    names = (path.name for path in output.iterdir())
    present = {name for name in names if not name.startswith(".") and name not in _SYSTEM_FOLDERS}
    strangers = [name for name in present if not _is_ours(output / name)]
    if strangers:
        raise InputError(
            f"{output} holds {_some(strangers)}, which this program did not write: move it away, because "
            "train would take it for readings"
        )
    present.difference_update(customers)
    if present and not replace:
        raise InputError(
            f"{output} is not empty: {_some(present)} from an earlier run would stay, but this input has no "
            "such customer. Empty the folder, or add --replace to remove what this input does not have"
        )
    return sorted(present)


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
