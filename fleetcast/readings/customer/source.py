"""The columns of one file of a customer, and the reasons against its rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from fleetcast.errors import ReadingsError
from fleetcast.readings import ParsedColumn

TIME_NAMES = ("timestamp", "ds")
VALUE_NAMES = ("consumption", "y")
BOUNDS = ("cap", "floor")
"""Columns that are read if the file has them."""
OWNER = "customer_id"
"""Name of the column of customers in the raw table of many customers."""
MOST_CHARACTERS_SHOWN = 100


def check_owner(name: str, owners: Collection[object]) -> None:
    """Raise ReadingsError if the rows of the file `name` belong to several customers."""
    if len(owners) > 1:
        raise ReadingsError(
            f"{name} has rows of several customers in its column {OWNER}; process makes a folder for each"
        )


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file."""

    parsed: ParsedColumn
    text: Callable[[int], str]
    """Returns the text of the file in a row."""


@dataclass(frozen=True, slots=True)
class Source:
    """The columns of one file that a model is fitted to."""

    name: str
    time: Column
    value: Column
    further: Mapping[str, Column]
    """Regressors, conditions, and the `BOUNDS` that the file has."""
    place: Callable[[int], str]
    """Returns where a row is in the file, such as 'line 2'."""
    notes: Sequence[str] = ()

    def check(self) -> None:
        """Raise ReadingsError for the first row that has a refused text."""
        columns = (self.time, self.value, *self.further.values())
        refused = [(min(column.parsed.reasons), column) for column in columns if column.parsed.reasons]
        if not refused:
            return
        row, column = min(refused, key=lambda pair: pair[0])
        rows = len({row for _, column in refused for row in column.parsed.reasons})
        more = f"; rows that cannot be used: {rows}" if rows > 1 else ""
        text = column.text(row)[:MOST_CHARACTERS_SHOWN]
        raise ReadingsError(f"{self.name}, {self.place(row)}: {text!r} {column.parsed.reasons[row]}{more}")
