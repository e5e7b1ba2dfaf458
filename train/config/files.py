"""The channel `config`: holidays, changepoints, seasonalities and chosen hyperparameters from files.

Each file has rows for all customers or for one.

Every file is checked before the job writes anything; an error names the file and the line.
"""

import hashlib
import json
import logging
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from container import Host, Paths, quoted
from fleetcast.errors import InputError, SettingError
from fleetcast.forecasting import FitOptions, HolidayTable
from train.channel import CONFIG
from train.config.best_hyperparameters import NAME as BEST
from train.config.best_hyperparameters import read_best, read_json
from train.config.rows import CUSTOMER, Placed, Row, read_rows

logger = logging.getLogger(__name__)

_FILES: Final = {
    "holidays.csv": "holidays",
    "holidays.json": "holidays",
    "changepoints.json": "changepoints",
    "seasonalities.json": "seasonalities",
}
SEARCH_SPACE: Final = "search-space.json"
_OTHERS: Final = (BEST, SEARCH_SPACE)
_ACCEPTED: Final = ", ".join((*_FILES, *_OTHERS))
Rows: TypeAlias = Mapping[str, Sequence[Row]]
"""Rows by the name of the argument of `fit` that they become."""


@dataclass(frozen=True, slots=True)
class Config:
    """The rows in the files of the channel."""

    shared: Rows = field(default_factory=dict)
    """Rows for every customer."""
    own: Mapping[str, Rows] = field(default_factory=dict)
    """Further rows by customer."""
    best: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Hyperparameters as texts by customer, those for all customers under an empty name."""
    search_space: Any = None
    """The content of the file that `fleetcast tune` reads; None without one."""

    @classmethod
    def from_files(cls, paths: Paths, host: Host | None = None) -> "Config":
        """Read the channel; without one there are no rows.  Raises InputError with file, line and reason."""
        folder = paths.channels / CONFIG
        if not folder.is_dir():
            return cls()
        if (host or Host()).is_presharded(CONFIG):
            raise InputError("the channel config must be FullyReplicated: each host needs all of its files")
        shared: dict[str, list[Row]] = {}
        own: dict[str, dict[str, list[Row]]] = {}
        best: Mapping[str, Mapping[str, str]] = {}
        search_space = None
        for argument, path in _files(folder.resolve()).items():
            if argument == BEST:
                best = read_best(path)
                continue
            if argument == SEARCH_SPACE:
                search_space = read_json(path)
                continue
            placed = read_rows(path, argument)
            _check_together(f"config/{path.name}", argument, placed)
            for _, row in placed:
                customer = row.pop(CUSTOMER, "")
                rows = own.setdefault(customer, {}) if customer else shared
                rows.setdefault(argument, []).append(row)
        return cls(shared, own, best, search_space)

    def arguments_of(self, customer: str = "") -> dict[str, Any]:
        """Return the arguments of `fit` from the files, for all customers or with the rows of one.

        Raises SettingError where rows contradict each other.
        """
        return {name: _argument(name, rows) for name, rows in self.rows_of(customer).items()}

    def digest_of(self, customer: str = "") -> str:
        """Return the SHA-256 of the rows for all customers, or with those of one; empty without rows."""
        rows = self.rows_of(customer)
        return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest() if rows else ""

    def customers(self) -> set[str]:
        """Return the customers with rows or hyperparameters of their own."""
        return (self.own.keys() | self.best.keys()) - {""}

    def names(self) -> set[str]:
        """Return the names of the arguments of `fit` that come from files."""
        return {name for rows in (self.shared, *self.own.values()) for name in rows}

    def rows_of(self, customer: str) -> dict[str, list[Row]]:
        """Return the rows for a customer: those for all, then its own."""
        own = self.own.get(customer, {})
        names = dict.fromkeys((*self.shared, *own))
        return {name: [*self.shared.get(name, ()), *own.get(name, ())] for name in names}


def _files(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            logger.info("%s is skipped: hidden", quoted(path))
            continue
        argument = path.name if path.name in _OTHERS else _FILES.get(path.name)
        if argument is None:
            raise InputError(f"config/{path.name} is not a file of this channel; accepted are {_ACCEPTED}")
        if argument in files:
            raise InputError(f"config/{files[argument].name} and config/{path.name}: keep one of them")
        files[argument] = path
    return files


def _argument(name: str, rows: Sequence[Row]) -> Any:  # noqa: ANN401 -- what `fit` takes
    if name == "holidays":
        return HolidayTable.of(rows)
    return sorted({row["ds"] for row in rows}) if name == "changepoints" else rows


def _check_together(name: str, argument: str, placed: Sequence[Placed]) -> None:
    """Raise InputError with the first row that breaks Prophet's rules, alone or with the rows before it."""
    shared = [each for each in placed if not each[1].get(CUSTOMER)]
    own: dict[str, list[Placed]] = {}
    for place, row in placed:
        if row.get(CUSTOMER):
            own.setdefault(row[CUSTOMER], []).append((place, row))
    for rows in ([], *own.values()):
        together = [*shared, *rows]
        if _problem(argument, together):
            wrong = _first_wrong(argument, together)
            reason = _problem(argument, together[: wrong + 1])
            raise InputError(f"{name}, {together[wrong][0]}: {reason}")


def _first_wrong(argument: str, placed: Sequence[Placed]) -> int:
    """Return the number of the first row that is wrong together with those before it, by bisection."""
    return bisect_left(range(len(placed)), 1, key=lambda n: int(_problem(argument, placed[: n + 1]) != ""))


def _problem(argument: str, placed: Sequence[Placed]) -> str:
    rows = [{column: cell for column, cell in row.items() if column != CUSTOMER} for _, row in placed]
    try:
        FitOptions(**{argument: _argument(argument, rows)})
    except SettingError as error:
        return str(error)
    return ""
