"""One customer from file to archive, inside a worker process; what happened comes back as a value."""

import hashlib
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from archive import Archive, write_archive
from forecasting import fit
from train._channel import Customer
from train._readings import History, read_history
from train._settings import TrainSettings

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Fitted:
    """A customer whose archive is in place."""

    customer: str
    rows: int
    engine: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A customer without an archive, and the reason in words a person can act on."""

    customer: str
    reason: str
    seconds: float


def fit_customer(customer: Customer, *, settings: TrainSettings, folder: Path) -> Fitted | Failed:
    """Read, fit, and write `<folder>/<customer>.tar.gz`; never raise for what is wrong with one customer.

    A file system that does not take the archive is not the customer's fault: that raises
    `archive.FilesystemError`.
    """
    started = time.perf_counter()
    try:
        content = customer.path.read_bytes()
        history = read_history(customer.path, content)
        model = fit(history.ds, history.y, **settings.prophet)
        text = model.dumps()
    except OSError as error:
        return Failed(customer.name, f"{customer.path.name}: {error.strerror}", _since(started))
    except (ArithmeticError, ValueError) as error:
        return Failed(customer.name, str(error), _since(started))
    metadata = _metadata(customer, history, content, settings) | {"engine": model.engine}
    write_archive(folder, customer.name, Archive(text, metadata))
    return Fitted(customer.name, len(history.ds), model.engine, _since(started))


def _metadata(
    customer: Customer, history: History, content: bytes, settings: TrainSettings
) -> dict[str, Any]:
    """Return what is the same whenever and wherever this customer is fitted again."""
    first, last = history.ds.min(), history.ds.max()
    return {
        "customer": customer.name,
        "data_sha256": hashlib.sha256(content).hexdigest(),
        "first": str(first.astype("datetime64[s]")),
        "format_version": FORMAT_VERSION,
        "hyperparameters": dict(settings.prophet),
        "last": str(last.astype("datetime64[s]")),
        "rows": len(history.ds),
        "versions": {"fleetcast": version("fleetcast"), "numpy": np.__version__},
    }


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 6)
