"""What every reader of raw files yields: rows as texts, and those that are none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be used."""

    line: int
    """Where it begins in its file, from 1; in Parquet, which row it is."""
    row: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of one file, in its order."""

    columns: Sequence[Sequence[str]]
    """The texts of the columns that are read, in the order of `Columns.names()`, each of shape (rows,)."""
    lines: Sequence[int]
    """Where each row begins in its file, shape (rows,)."""
    row: Callable[[int], str]
    """Returns a whole row as the file has it, by its place here."""
    refused: Sequence[Refused] = field(default=())
    """Rows that do not match the header."""
