"""Finds the files with readings in the input folder; each file that is skipped has a log line."""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from container import quoted
from fleetcast.errors import InputError

logger = logging.getLogger(__name__)

TEXT: Final = (".csv", ".tsv", ".txt")
ENDINGS: Final = (*TEXT, *(f"{ending}.gz" for ending in TEXT), ".parquet")
MOST_LINES: Final = 20
"""Most log lines about files that are skipped; the rest is counted."""
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"
_DELTA_LOG: Final = "_delta_log"
_HINTS: Final = {
    ".bz2": "decompress it, or compress it with gzip",
    ".xz": "decompress it, or compress it with gzip",
    ".zst": "decompress it, or compress it with gzip",
    ".zip": "unpack it",
    ".xlsx": "save it as CSV",
    ".xls": "save it as CSV",
    ".json": "write it as CSV or Parquet",
    ".jsonl": "write it as CSV or Parquet",
    ".orc": "write it as CSV or Parquet",
    ".avro": "write it as CSV or Parquet",
}


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file in the input folder or in a folder below."""

    path: Path
    name: str
    """Its path relative to the input folder."""
    partition: Mapping[str, str] = field(default_factory=dict)
    """Columns from the names of its folders, such as `customer_id=7`."""

    @property
    def is_parquet(self) -> bool:
        """Whether it is read as Parquet; text otherwise."""
        return self.name.lower().endswith(".parquet")


def find_files(folder: Path) -> list[RawFile]:
    """Return the files to read, sorted by path; raises InputError if there is none.

    Hidden files and folders, and folders whose name begins with `_` as Spark's do, are skipped with one log
    line together; links and files with other endings are skipped with one log line each.
    """
    files, hidden, others = [], [], []
    for name, is_hidden in _walk(folder):
        path = folder / name
        if is_hidden:
            hidden.append(name)
        elif reason := _reason_against(path):
            others.append(f"{quoted(name)} is not read: {reason}")
        else:
            files.append(RawFile(path, name, _partition(name)))
    _log(hidden, others)
    if not files:
        skipped = f" ({others[0]})" if others else ""
        raise InputError(f"no readings in {folder}{skipped}: put files ending in {', '.join(ENDINGS)} there")
    return files


def _walk(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield the path below `folder` of each file, sorted, and whether it or a folder above it is hidden."""
    for place, folders, names in os.walk(folder, onerror=_refuse):
        below = Path(place).relative_to(folder)
        linked = [name for name in folders if Path(place, name).is_symlink()]
        hidden = [name for name in folders if name.startswith((".", "_"))]
        folders[:] = sorted(set(folders) - set(hidden) - set(linked))
        for name in sorted({*names, *linked, *hidden}):
            yield str(below / name), name.startswith(".") or name == "_SUCCESS" or name in hidden


def _refuse(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):  # there is no input folder, or a folder was removed meanwhile
        return
    raise InputError(f"{quoted(error.filename)} cannot be read: {error.strerror}") from error


def _reason_against(path: Path) -> str | None:
    if path.is_symlink():
        return "it is a link, and links are not followed; copy the file"
    if not path.is_file():
        return "it is not a regular file"
    if path.name.lower().endswith(ENDINGS):
        return None
    accepted = f"its ending is none of {', '.join(ENDINGS)}"
    hint = _HINTS.get(path.suffix.lower())
    return f"{accepted}; {hint}" if hint else accepted


def _partition(name: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in Path(name).parts[:-1])
    return {
        unquote(column): "" if value == _NO_VALUE else unquote(value)
        for column, equals, value in pairs
        if column and equals
    }


def _log(hidden: list[str], others: list[str]) -> None:
    for line in others[:MOST_LINES]:
        logger.warning("%s", line)
    if len(others) > MOST_LINES:
        logger.warning("%d more files are not read", len(others) - MOST_LINES)
    if hidden:
        names = ", ".join(map(quoted, hidden[:3])) + (", ..." if len(hidden) > 3 else "")  # noqa: PLR2004
        logger.info("%d hidden files or folders are not read: %s", len(hidden), names)
    if any(Path(name).name == _DELTA_LOG for name in hidden):
        logger.warning(
            "the input is a Delta table: rows that the table has deleted since are read too, if its files "
            "hold them; export the table to be sure"
        )
