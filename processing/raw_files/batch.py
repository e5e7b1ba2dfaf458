"""The rows that a reader of raw files yields, as texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that cannot be used."""

    line: int
    """The line at which it begins, from 1; in Parquet, the number of the row."""
    row: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows of one file."""

    columns: Sequence[Sequence[str]]
    """The texts of the columns that are read, in the order of `Columns.names()`, each of shape (rows,)."""
    lines: Sequence[int]
    """The line at which each row begins, shape (rows,)."""
    row: Callable[[int], str]
    """Returns the text of a whole row, by its index in this batch."""
    refused: Sequence[RefusedRow] = field(default=())
    """Rows that do not match the header."""
