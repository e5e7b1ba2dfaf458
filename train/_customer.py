"""One customer from file to packed archive, inside a worker; what happened comes back as a value."""

import hashlib
import json
import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from archive import SUFFIX, Archive, ArchiveError, pack, unpack
from forecasting import SettingError
from train._channel import Customer
from train._fit import Estimate, estimate, evaluate
from train._outcome import Failed, Fitted, Outcome
from train._readings import MOST_BYTES, Readings, ReadingsError, read
from train._settings import TrainSettings

FORMAT_VERSION = 1
MOST_BYTES_OF_A_NAME = 255
"""What a file system takes."""
VERSIONS = {"fleetcast": version("fleetcast"), "numpy": np.__version__}


def fit_customer(customer: Customer, *, settings: TrainSettings, checkpoints: Path) -> Outcome:
    """Read, fit and pack a customer, or find its archive in `checkpoints` complete and unchanged.

    Never raises for what is wrong with one customer; hyperparameters that nobody can be fitted with raise
    `forecasting.SettingError`.
    """
    started = time.perf_counter()
    rows = 0
    try:
        contents = _contents(customer)
        fingerprint = _fingerprint(contents, settings)
        if (kept := _unchanged(checkpoints / f"{customer.name}{SUFFIX}", fingerprint)) is not None:
            return _skipped(customer, *kept)
        readings = read(customer.files, contents, columns=settings.columns)
        rows = len(readings.ds)
        estimated = estimate(readings, settings)
        return _fitted(customer, readings, estimated, settings, fingerprint=fingerprint, started=started)
    except SettingError:
        raise
    except MemoryError:
        reason = "not enough memory; raise customer_memory_mb or shorten the history"
    except OSError as error:
        reason = f"{Path(error.filename or '').name}: {error.strerror}"
    except (ArithmeticError, RuntimeError, ValueError) as error:
        reason = str(error)
    return Failed(customer=customer.name, reason=reason, rows=rows, seconds=_since(started))


def _contents(customer: Customer) -> list[bytes]:
    if customer.split:
        raise ReadingsError(
            "its readings are several objects, and under ShardedByS3Key other hosts may hold the rest: "
            "keep one object per customer, data.csv, or use FullyReplicated"
        )
    if len(os.fsencode(customer.name + SUFFIX)) > MOST_BYTES_OF_A_NAME:
        raise ReadingsError(f"the customer's name has more than {MOST_BYTES_OF_A_NAME - len(SUFFIX)} bytes")
    if not customer.files:
        raise ReadingsError("the folder has no data.csv or data.parquet")
    for path in customer.files:
        if not path.is_file():
            raise ReadingsError(f"{path.name} is not a regular file")
        if path.stat().st_size > MOST_BYTES:
            raise ReadingsError(f"{path.name} has more than {MOST_BYTES} bytes")
    return [path.read_bytes() for path in customer.files]


def _fingerprint(contents: list[bytes], settings: TrainSettings) -> str:
    """Return what decides whether an archive is up to date: data, hyperparameters, versions."""
    digest = hashlib.sha256(json.dumps([FORMAT_VERSION, VERSIONS, settings.of_model()]).encode())
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _unchanged(path: Path, fingerprint: str) -> tuple[Archive, bytes] | None:
    try:
        packed = path.read_bytes()
        archive = unpack(packed)
    except (FileNotFoundError, ArchiveError):
        return None
    return (archive, packed) if archive.metadata.get("fingerprint") == fingerprint else None


def _skipped(customer: Customer, archive: Archive, packed: bytes) -> Fitted:
    return Fitted(
        customer=customer.name,
        status="skipped",
        engine=archive.metadata["engine"],
        rows=archive.metadata["rows"],
        seconds=0.0,
        packed=packed,
        metrics=archive.metadata["metrics"],
    )


def _fitted(  # noqa: PLR0913 -- all that is known of a customer by now
    customer: Customer,
    readings: Readings,
    estimated: Estimate,
    settings: TrainSettings,
    *,
    fingerprint: str,
    started: float,
) -> Fitted:
    measured = evaluate(readings, estimated, settings)
    metadata = _metadata(customer, readings, settings) | {
        "engine": estimated.engine,
        "fingerprint": fingerprint,
        "metrics": measured,
    }
    return Fitted(
        customer=customer.name,
        status="fallback" if estimated.reason else "ok",
        engine=estimated.engine,
        rows=len(readings.ds),
        packed=pack(Archive(estimated.model.dumps(), metadata)),
        seconds=_since(started),
        reason=estimated.reason,
        metrics=measured,
    )


def _metadata(customer: Customer, readings: Readings, settings: TrainSettings) -> dict[str, Any]:
    """Return what is the same whenever and wherever this customer is fitted again."""
    first, last = readings.ds.min(), readings.ds.max()
    return {
        "customer": customer.name,
        "first": str(first.astype("datetime64[s]")),
        "format_version": FORMAT_VERSION,
        "hyperparameters": settings.of_model(),
        "last": str(last.astype("datetime64[s]")),
        "rows": len(readings.ds),
        "versions": VERSIONS,
    }


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 6)
