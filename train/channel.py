"""Finds the customers: `<channel>/<customer>/data.csv`, `<channel>/<customer>.csv` or `.parquet`.

No link below the channel's folder is followed; the folder itself may be a link.  Each skipped file gets a
line in the log, or is counted there.
"""

import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from container import Host, Paths, quoted
from fleetcast.errors import InputError
from fleetcast.readings.customer import link_problem

logger = logging.getLogger(__name__)

PREFERRED: Final = ("train", "training")
CONFIG: Final = "config"
"""The channel of holidays, changepoints and seasonalities, which never holds readings."""
ENDINGS: Final = (".csv", ".csv.gz", ".parquet")
WHOLE: Final = ("data.csv", "data.csv.gz", "data.parquet")
SKIPPED_LOGGED: Final = 10
"""Skipped files that get a line in the log, per reason; the others are counted."""
_COPY: Final = re.compile(r"( \(\d+\)|[ _-]*\bcopy( \d+)?)$|^copy of ", re.IGNORECASE)
"""What browsers and file managers add to the name of a second copy."""


@dataclass(frozen=True, slots=True)
class SentArchive:
    """The archive that an earlier job left of a customer, on its way to another host."""

    packed: bytes | None
    """None where there is none."""

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        """See `Customer`."""
        return type(self), (self.packed,)


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer, and where its readings are on the disk."""

    name: str
    paths: tuple[str, ...]
    """The paths of its files as texts, which take a third of the memory of `Path`."""
    may_be_incomplete: bool = False
    """Whether other hosts may have more of this customer's files."""
    problem: str = ""
    """Why its files cannot be read; empty where they can."""
    sent: SentArchive | None = None
    """For a host that does not have the archives of earlier jobs; None where their folder is at hand."""

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        """Pickle it as a call of its constructor, which is faster than what the dataclass would do."""
        return type(self), (self.name, self.paths, self.may_be_incomplete, self.problem, self.sent)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files with readings, sorted by name."""
        return tuple(map(Path, self.paths))


@dataclass(slots=True)
class _Skipped:
    """Counts skipped files by reason, and logs the first few of each."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, reason: str) -> None:
        self.counts[reason] += 1
        if self.counts[reason] <= SKIPPED_LOGGED:
            logger.warning("%s is skipped: %s", quoted(path), reason)

    def log_rest(self) -> None:
        for reason, count in self.counts.items():
            if count > SKIPPED_LOGGED:
                logger.warning("%d more are skipped: %s", count - SKIPPED_LOGGED, reason)


def find_customers(paths: Paths, host: Host | None = None, *, fleet: str = "") -> list[Customer]:
    """Return this host's customers, sorted by name; an empty channel gives an empty list.

    `fleet` is the channel of a fleet's statistics, which holds no readings either; empty without one.
    """
    host = host or Host()
    folder = _channel(paths, fleet)
    customers = customers_in(folder, presharded=host.is_presharded(folder.name))
    if host.shares(folder.name):
        customers = customers[host.index :: host.hosts]
    logger.info("%d customers in %s for host %s", len(customers), quoted(folder), quoted(host.name))
    return customers


def customers_in(folder: Path, *, presharded: bool = False) -> list[Customer]:
    """Return the customers of a folder, sorted by name; raise `InputError` where one is there twice.

    `presharded` says that other hosts may have more files of the same customers.
    """
    skipped = _Skipped()
    customers = [
        customer
        for entry in _entries(folder.resolve())
        if (customer := _customer(entry, skipped, presharded=presharded)) is not None
    ]
    skipped.log_rest()
    _check_names(customers, folder)
    return customers


def is_divided(paths: Paths, host: Host, *, fleet: str = "") -> bool:
    """Return whether each host has the files of some customers only; see `find_customers`."""
    return host.is_presharded(_channel(paths, fleet).name)


def _channel(paths: Paths, fleet: str) -> Path:
    others = {CONFIG, fleet}
    folders = sorted(path for path in paths.channels.glob("*") if path.is_dir() and path.name not in others)
    chosen = [path for path in folders if path.name in PREFERRED] or folders
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        names = ", ".join(quoted(path.name) for path in chosen)
        raise InputError(
            f"more than one channel in {quoted(paths.channels)}: {names}; call the one with the readings "
            "'train'"
        )
    if paths.processing_output.is_dir():
        return paths.processing_output
    raise InputError(
        "there is no channel: put each customer's readings into "
        f"{paths.channels}/<channel>/<customer>/data.csv"
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _customer(entry: os.DirEntry[str], skipped: _Skipped, *, presharded: bool) -> Customer | None:
    stem, ending = _split_ending(entry.name)
    if entry.name.startswith("."):
        skipped.add(entry.path, "hidden")
    elif entry.is_symlink():
        return Customer(stem, (), problem=link_problem(entry.name))
    elif entry.is_dir(follow_symlinks=False):
        return _customer_of_folder(entry, skipped, presharded=presharded)
    elif ending:
        return Customer(stem, (entry.path,))
    else:
        skipped.add(entry.path, "neither a folder nor a .csv, .csv.gz or .parquet file")
    return None


def _customer_of_folder(entry: os.DirEntry[str], skipped: _Skipped, *, presharded: bool) -> Customer:
    try:
        entries = _entries(Path(entry.path))
    except OSError as error:
        return Customer(entry.name, (), problem=f"the folder cannot be read: {error.strerror}")
    files = []
    for file in entries:
        if file.name.startswith("."):
            skipped.add(file.path, "hidden")
        elif _split_ending(file.name)[1]:
            files.append(file)
        else:
            skipped.add(file.path, "not a .csv, .csv.gz or .parquet file")
    whole = len(files) == 1 and files[0].name in WHOLE
    return Customer(
        entry.name,
        tuple(file.path for file in files),
        may_be_incomplete=presharded and not whole,
        problem=_problem_of([file.name for file in files]),
    )


def _problem_of(names: Sequence[str]) -> str:
    """Return why these files of one customer must not be read together; empty where they may.

    Several parts make one history.  A whole history beside anything else, or a copy beside its original,
    would count readings twice.
    """
    first_of: dict[str, str] = {}
    for name in names:
        stem = _COPY.sub("", _split_ending(name)[0]).lower()
        other = first_of.setdefault(stem, name)
        if other != name:
            return f"{other} and {name} look like the same readings twice: keep one of them"
    if "data" in first_of and len(names) > 1:
        other = next(name for name in names if name != first_of["data"])
        return (
            f"{first_of['data']} stands for all of the readings, but {other} is beside it: keep one of them"
        )
    return ""


def _split_ending(name: str) -> tuple[str, str]:
    """Return a name without its ending, and the ending; the ending is empty where it is none of `ENDINGS`."""
    ending = next((ending for ending in ENDINGS if name.endswith(ending) and name != ending), "")
    return name.removesuffix(ending) if ending else name, ending


def _check_names(customers: Sequence[Customer], folder: Path) -> None:
    count = Counter(customer.name for customer in customers)
    repeated = [name for name in count if count[name] > 1]
    if repeated:
        names = ", ".join(map(quoted, repeated[:5]))
        raise InputError(f"customer {names} is in {quoted(folder)} more than once: keep one file or folder")
