"""One customer from file to archive, inside a worker process; what happened comes back as a value."""

import hashlib
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from archive import Archive, write_archive
from forecasting import FitError, SettingError, fit
from train._channel import Customer
from train._readings import BOUNDS, Readings, read
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

    What is no customer's fault is raised: `archive.FilesystemError` where the archive cannot be written, and
    `forecasting.SettingError` for hyperparameters that nobody can be fitted with.
    """
    started = time.perf_counter()
    try:
        content = customer.path.read_bytes()
        readings = read(customer.path, content, columns=settings.columns)
        model = fit(readings.ds, readings.y, **_of_customer(readings, settings), **settings.model)
        text = model.dumps()
    except OSError as error:
        return Failed(customer.name, f"{customer.path.name}: {error.strerror}", _since(started))
    except SettingError:
        raise
    except (FitError, ValueError) as error:
        return Failed(customer.name, str(error), _since(started))
    metadata = _metadata(customer, readings, content, settings) | {"engine": model.engine}
    write_archive(folder, customer.name, Archive(text, metadata))
    return Fitted(customer.name, len(readings.ds), model.engine, _since(started))


def _of_customer(readings: Readings, settings: TrainSettings) -> dict[str, Any]:
    """Return the arguments of `forecasting.fit` that each customer's file has its own values for."""
    conditions = {row.get("condition_name") for row in settings.model.get("seasonalities", ())}
    arguments: dict[str, Any] = dict(settings.bounds)
    arguments |= {name: readings.columns[name] for name in BOUNDS if name in readings.columns}
    for name in settings.columns:
        kind = "conditions" if name in conditions else "regressors"
        arguments.setdefault(kind, {})[name] = readings.columns[name]
    return arguments


def _metadata(
    customer: Customer, readings: Readings, content: bytes, settings: TrainSettings
) -> dict[str, Any]:
    """Return what is the same whenever and wherever this customer is fitted again."""
    first, last = readings.ds.min(), readings.ds.max()
    return {
        "customer": customer.name,
        "data_sha256": hashlib.sha256(content).hexdigest(),
        "first": str(first.astype("datetime64[s]")),
        "format_version": FORMAT_VERSION,
        "hyperparameters": dict(settings.model) | dict(settings.bounds),
        "last": str(last.astype("datetime64[s]")),
        "rows": len(readings.ds),
        "versions": {"fleetcast": version("fleetcast"), "numpy": np.__version__},
    }


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 6)
