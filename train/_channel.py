"""Finding the customers: `<channel>/<customer>/data.csv`, `<channel>/<customer>.csv` or `.parquet`."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from container import InputError, Paths
from train._host import Host

logger = logging.getLogger(__name__)

PREFERRED = ("train", "training")
ENDINGS = (".csv", ".parquet")
WHOLE = ("data.csv", "data.parquet")


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer's readings on disk."""

    name: str
    places: tuple[str, ...]
    """The files' paths as texts: a fleet's fit into a third of the memory."""
    split: bool = False
    """More of this customer's objects may have gone to another host."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files with readings, sorted by name."""
        return tuple(map(Path, self.places))


def find_customers(paths: Paths, host: Host | None = None) -> list[Customer]:
    """Return this host's customers, sorted by name; an empty channel gives an empty list."""
    host = host or Host()
    folder = _channel(paths)
    given = host.was_given_a_share(folder.name)
    customers = [
        customer
        for path in sorted(folder.iterdir())
        if (customer := _customer(path, given=given)) is not None
    ]
    _check_names(customers, folder)
    if host.shares(folder.name):
        customers = customers[host.index :: host.hosts]
    logger.info("%d customers in %s for host %s", len(customers), folder, host.name)
    return customers


def _channel(paths: Paths) -> Path:
    folders = sorted(path for path in paths.channels.glob("*") if path.is_dir())
    chosen = [path for path in folders if path.name in PREFERRED] or folders
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        names = ", ".join(path.name for path in chosen)
        raise InputError(
            f"more than one channel in {paths.channels}: {names}. Call the one to train on 'train'"
        )
    if paths.processing_output.is_dir():
        return paths.processing_output
    raise InputError(f"no channel: {paths.channels}/<channel>/<customer>/data.csv is expected")


def _customer(path: Path, *, given: bool) -> Customer | None:
    if path.name.startswith("."):
        return None
    if path.is_dir():
        files = tuple(sorted(file for file in path.iterdir() if file.suffix in ENDINGS))
        split = given and not (len(files) == 1 and files[0].name in WHOLE)
        return Customer(path.name, tuple(map(str, files)), split)
    if path.suffix in ENDINGS:
        return Customer(path.name.removesuffix(path.suffix), (str(path),))
    logger.warning("%s is passed over: neither a folder nor a .csv or .parquet file", path)
    return None


def _check_names(customers: Sequence[Customer], folder: Path) -> None:
    seen: set[str] = set()
    twice = [customer.name for customer in customers if customer.name in seen or seen.add(customer.name)]  # type: ignore[func-returns-value]
    if twice:
        names = ", ".join(twice[:5])
        raise InputError(f"customer {names} is in {folder} more than once: keep one file or folder")
