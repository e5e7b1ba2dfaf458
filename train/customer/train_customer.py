"""One customer from file to packed archive, inside a worker; what happened comes back as a value."""

import hashlib
import json
import os
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fleetcast.archive import SUFFIX, Archive, pack, unpack
from fleetcast.errors import ArchiveError, ReadingsError
from fleetcast.forecasting import Model, dumps, unseen_slots
from fleetcast.readings.customer.readings import MOST_BYTES, Readings, read
from fleetcast.readings.customer.regular_files import read_file
from train.channel import Customer
from train.customer.fit import INSTEAD, NO_NOISE, Estimate, arguments_of, estimate, evaluate, naive_estimate
from train.customer.freq import freq_of
from train.customer.outcome import Failed, Fitted, Outcome
from train.customer.proof import ProofError, prove
from train.settings import TrainSettings

FORMAT_VERSION = 2
MOST_BYTES_OF_A_NAME = 255
"""What a file system takes."""
VERSIONS = {"fleetcast": version("fleetcast"), "numpy": np.__version__}
ENGINES = ("fleetcast", "prophet")
"""Those whose archives no seasonal naive forecast replaces unasked."""
MOST_REASON_CHARACTERS = 2_000


_FLOOR = (
    "terms multiply a trend that has a floor: Prophet itself forecasts this model.json otherwise, as it "
    "multiplies the floor too, which the fit does not"
)


@dataclass(frozen=True, slots=True)
class Packed:
    """An archive, and the bytes it was read from."""

    archive: Archive
    content: bytes


def fit_customer(customer: Customer, *, settings: TrainSettings, checkpoints: Path) -> Outcome:
    """Read, fit, pack and prove a customer, or find its archive in `checkpoints` complete and unchanged.

    Never raises for what is wrong with one customer.
    """
    started = time.perf_counter()
    rows = 0
    try:
        settings = settings.for_customer(customer.name)
        contents = _contents(customer)
        fingerprint = _fingerprint(contents, settings)
        earlier = _earlier(checkpoints / f"{customer.name}{SUFFIX}")
        if (unchanged := _unchanged(earlier, fingerprint)) is not None:
            return _skipped(customer, unchanged, settings)
        readings = read(customer.files, contents, columns=settings.columns, options=settings.reading)
        rows = len(readings.ds)
        _check_cap(readings, settings)
        fitted = _Fit(customer, readings, settings, fingerprint, started)
        return fitted.outcome(earlier)
    except MemoryError:
        reason = "not enough memory; raise customer_memory_mb or shorten the history"
    except OSError as error:
        reason = f"{Path(error.filename or '').name}: {error.strerror}"
    except (ArithmeticError, RuntimeError, ValueError) as error:
        reason = str(error)
    return Failed(customer=customer.name, reason=_short(reason), rows=rows, seconds=_since(started))


def _short(reason: str) -> str:
    """Return a reason that a cell or a name of a megabyte does not fill the ledger with."""
    return reason if len(reason) <= MOST_REASON_CHARACTERS else f"{reason[:MOST_REASON_CHARACTERS]} ..."


def _contents(customer: Customer) -> list[bytes]:
    if customer.problem:
        raise ReadingsError(customer.problem)
    if customer.split:
        raise ReadingsError(
            "its readings are several objects, and under ShardedByS3Key other hosts may hold the rest: "
            "keep one object per customer, data.csv, or use FullyReplicated"
        )
    if len(os.fsencode(customer.name + SUFFIX)) > MOST_BYTES_OF_A_NAME:
        raise ReadingsError(f"the customer's name has more than {MOST_BYTES_OF_A_NAME - len(SUFFIX)} bytes")
    if not customer.files:
        raise ReadingsError("the folder has no data.csv or data.parquet")
    return [read_file(path, most_bytes=MOST_BYTES) for path in customer.files]


def _check_cap(readings: Readings, settings: TrainSettings) -> None:
    if settings.is_logistic and "cap" not in settings.bounds and "cap" not in readings.columns:
        raise ReadingsError("its files have no column cap, which growth = logistic needs")


def _fingerprint(contents: list[bytes], settings: TrainSettings) -> str:
    """Return what decides whether an archive is up to date: data, hyperparameters, versions."""
    digest = hashlib.sha256(json.dumps([FORMAT_VERSION, VERSIONS, settings.of_model()]).encode())
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _earlier(path: Path) -> Packed | None:
    """Return the archive that an earlier job left; None where there is none, or a damaged one."""
    try:
        content = path.read_bytes()
        return Packed(unpack(content), content)
    except (FileNotFoundError, ArchiveError):
        return None


def _unchanged(earlier: Packed | None, fingerprint: str) -> Packed | None:
    if earlier is None or earlier.archive.metadata.get("fingerprint") != fingerprint:
        return None
    return earlier


def _skipped(customer: Customer, earlier: Packed, settings: TrainSettings) -> Fitted:
    metadata = earlier.archive.metadata
    return Fitted(
        customer=customer.name,
        status="skipped",
        engine=metadata["engine"],
        rows=metadata["rows"],
        seconds=0.0,
        packed=earlier.content,
        metrics=metadata["metrics"],
        non_negative=settings.non_negative,
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """One customer with its readings, on the way to an archive."""

    customer: Customer
    readings: Readings
    settings: TrainSettings
    fingerprint: str
    started: float

    def outcome(self, earlier: Packed | None) -> Fitted:
        """Return a proven archive, of the first engine that makes one; raise ValueError where none does."""
        estimated = estimate(self.readings, self.settings)
        try:
            return self._fitted(estimated, earlier)
        except ProofError as error:
            if estimated.engine == "naive":
                raise
            return self._fitted(naive_estimate(self.readings, str(error)), earlier)

    def _fitted(self, estimated: Estimate, earlier: Packed | None) -> Fitted:
        is_naive = estimated.engine == "naive"
        if is_naive and earlier is not None and self._is_worth_more(earlier):
            return self._kept(estimated, earlier)
        freq = freq_of(self.readings.ds)
        measured = evaluate(self.readings, estimated, self.settings)
        packed = pack(Archive(dumps(estimated.model), self._metadata(estimated, measured, freq)))
        prove(packed, self.readings, self.settings, is_naive=is_naive)
        return Fitted(
            customer=self.customer.name,
            status="fallback" if estimated.reason else "ok",
            engine=estimated.engine,
            rows=len(self.readings.ds),
            packed=packed,
            seconds=_since(self.started),
            reason=estimated.reason,
            metrics=measured,
            warnings=_warnings(self.readings, estimated, self.settings, freq),
            non_negative=self.settings.non_negative,
        )

    def _is_worth_more(self, earlier: Packed) -> bool:
        return not self.settings.replace_with_fallback and earlier.archive.metadata.get("engine") in ENGINES

    def _kept(self, estimated: Estimate, earlier: Packed) -> Fitted:
        engine = str(earlier.archive.metadata["engine"])
        last = str(earlier.archive.metadata.get("last", "an unknown time"))
        return Fitted(
            customer=self.customer.name,
            status="kept",
            engine=engine,
            rows=len(self.readings.ds),
            packed=earlier.content,
            seconds=_since(self.started),
            reason=f"{estimated.reason.removeprefix(INSTEAD)}; the archive of an earlier job ({engine}, "
            f"readings until {last}) stays: replace_with_fallback = true replaces it by a naive forecast",
            non_negative=self.settings.non_negative,
        )

    def _metadata(
        self, estimated: Estimate, measured: dict[str, dict[str, float]], freq: str | None
    ) -> dict[str, Any]:
        """Return what is the same whenever and wherever this customer is fitted again."""
        first, last = self.readings.ds.min(), self.readings.ds.max()
        metadata = {
            "customer": self.customer.name,
            "engine": estimated.engine,
            "fingerprint": self.fingerprint,
            "first": str(first.astype("datetime64[s]")),
            "format_version": FORMAT_VERSION,
            "freq": freq,
            "hyperparameters": self.settings.of_model(),
            "last": str(last.astype("datetime64[s]")),
            "metrics": measured,
            "rows": len(self.readings.ds),
            "versions": VERSIONS,
        }
        return metadata | ({"non_negative": True} if self.settings.non_negative else {})


def _warnings(
    readings: Readings, estimated: Estimate, settings: TrainSettings, freq: str | None
) -> dict[str, tuple[str, ...]]:
    """Return what a reader of the forecasts should know of the data, as sentences by kind."""
    found = {"rows left out" if readings.dropped_rows else "readings": readings.notes}
    if settings.is_logistic:
        found["beyond cap or floor"] = _beyond_bounds(readings, settings)
    model = estimated.model
    if estimated.engine == "naive" or not isinstance(model, Model):
        return {kind: sentences for kind, sentences in found.items() if sentences}
    finite = np.isfinite(readings.y)
    usable = readings if finite.all() else readings.rows(finite)
    conditions = arguments_of(usable, settings).get("conditions") if settings.columns else None
    found["unseen slots"] = tuple(unseen_slots(model, usable.ds, freq=freq, conditions=conditions))
    if model.layout.multiplicative.any() and (
        model.settings.scaling == "minmax" or model.scale.logistic_floor
    ):
        found["a floor"] = (_FLOOR,)
    if model.parameters.sigma_obs < NO_NOISE:
        found["no noise"] = ("the model explains the readings without noise: its interval has no width",)
    return {kind: sentences for kind, sentences in found.items() if sentences}


def _beyond_bounds(readings: Readings, settings: TrainSettings) -> tuple[str, ...]:
    cap, floor = (readings.columns.get(name, settings.bounds.get(name, 0.0)) for name in ("cap", "floor"))
    # a missing reading is on neither side
    above, below = int(np.sum(readings.y > cap)), int(np.sum(readings.y < floor))
    if not above + below:
        return ()
    count = len(readings.y)
    return (f"of {count} readings {above} are above cap and {below} below floor, where no trend goes",)


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 6)
