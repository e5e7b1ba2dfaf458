"""Finding the customers: `<channel>/<customer>/data.csv`, `<channel>/<customer>.csv` or `.parquet`."""

import logging
from dataclasses import dataclass
from pathlib import Path

from container import InputError, Paths

logger = logging.getLogger(__name__)

PREFERRED = ("train", "training")
ENDINGS = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer's readings on disk."""

    name: str
    path: Path


def find_customers(paths: Paths) -> list[Customer]:
    """Return this job's customers, sorted by name; an empty channel gives an empty list."""
    folder = _channel(paths)
    customers = [customer for path in sorted(folder.iterdir()) if (customer := _customer(path)) is not None]
    names = [customer.name for customer in customers]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(
            f"customer {', '.join(twice[:5])} is in {folder} more than once: keep one file or folder"
        )
    logger.info("%d customers in %s", len(customers), folder)
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


def _customer(path: Path) -> Customer | None:
    if path.name.startswith("."):
        return None
    if path.is_dir():
        for ending in ENDINGS:
            if (file := path / f"data{ending}").is_file():
                return Customer(path.name, file)
        return Customer(path.name, path / "data.csv")
    if path.suffix in ENDINGS:
        return Customer(path.name.removesuffix(path.suffix), path)
    logger.warning("%s is passed over: neither a folder with data.csv nor a .csv or .parquet file", path)
    return None
