"""Rows that stay on the host that drew them: files there, in a folder of the job."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from container.cluster import folder_of_run
from fleetcast.global_model import FEATURES, Kind, TrainingRows
from train.channel import Customer
from train.engines import RayHost, tell_all
from train.global_training.draw_rows import DrawnRows, DrawRows
from train.global_training.rows_here import RowsHere

REMOVE_SECONDS: Final = 10.0
"""How long hosts have to remove their folders at the end."""


@contextmanager
def host_folders(hosts: Sequence[RayHost]) -> Generator[str, None, None]:
    """Return the name of a folder that is new on every host, and is gone after the block."""
    name = f"fleetcast-rows-{secrets.token_hex(8)}"
    try:
        yield name
    finally:
        tell_all(hosts, _remove, name, seconds=REMOVE_SECONDS)


def _remove(folder: str) -> None:
    shutil.rmtree(_here(folder), ignore_errors=True)


def _here(folder: str) -> Path:
    return folder_of_run() / folder


@dataclass(frozen=True, slots=True)
class KeepRows:
    """Draws a customer's rows, writes them to a file of this host, and returns what else is known of it."""

    draw: DrawRows
    folder: str

    def __call__(self, customer: Customer) -> DrawnRows:
        """Return the customer without its rows; raise OSError where they cannot be written."""
        drawn = self.draw(customer)
        if drawn.freq:
            folder = _here(self.folder)
            folder.mkdir(mode=0o700, exist_ok=True)
            for kind in FEATURES:
                _write(_file(folder, customer.name, kind), drawn.rows(kind), len(drawn.features(kind)))
                drawn = drawn.with_rows(kind, None)
        return drawn


def _file(folder: Path, customer: str, kind: Kind) -> Path:
    return folder / f"{hashlib.sha256(os.fsencode(customer)).hexdigest()}.{kind}"


def _write(path: Path, rows: TrainingRows | None, features: int) -> None:
    own = TrainingRows.together([rows], features)
    with path.open("wb") as file:
        for column in (own.x, own.target, own.times):
            np.save(file, column, allow_pickle=False)


def _read(path: Path) -> TrainingRows:
    with path.open("rb") as file:
        return TrainingRows(*(np.load(file, allow_pickle=False) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class KeptRows:
    """The customers whose rows a host has."""

    customers: Sequence[DrawnRows]
    """In alphabetical order, without their rows."""
    folder: str

    def load(self, kind: Kind) -> Iterator[TrainingRows]:
        """Yield the rows of a kind, customer after customer, on the host that has them."""
        folder = _here(self.folder)
        return (_read(_file(folder, each.customer, kind)) for each in self.customers)


def answer(kept: KeptRows, kind: Kind, question: str, *arguments: object) -> Any:  # noqa: ANN401 -- the method's
    """Return what a method of `RowsHere` says of the rows of one kind, on the host that has them."""
    pairs = zip(kept.customers, kept.load(kind), strict=True)
    rows = RowsHere.of([each.with_rows(kind, own) for each, own in pairs])
    return getattr(rows, question)(*arguments)
