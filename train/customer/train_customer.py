"""One customer from file to packed archive, inside a worker; the result is an outcome, never an exception."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from fleetcast.archive import Archive, pack
from fleetcast.errors import ArchiveError
from fleetcast.evaluation import ErrorSummary
from fleetcast.forecasting import Model, dumps
from fleetcast.readings.customer import Readings
from train.channel import Customer
from train.customer.combine import opens_in_prophet
from train.customer.data_warnings import data_warnings
from train.customer.earlier import (
    FITTING_ENGINES,
    FORMAT_VERSION,
    EarlierArchive,
    EarlierChoice,
    read_earlier,
)
from train.customer.estimate import Estimate, estimate, naive_estimate
from train.customer.evaluate import evaluate
from train.customer.files import check_cap, file_contents, load_readings
from train.customer.freq import freq_of
from train.customer.outcome import Failed, Fallback, Fitted, Kept, Outcome, Skipped
from train.customer.proof import ProofError, prove
from train.settings import TrainSettings

VERSIONS: Final = {"fleetcast": version("fleetcast"), "numpy": np.__version__}
UNUSED: Final = "its methods were chosen anew, as no choice could be read from the earlier archive"
EXPECTED: Final = (MemoryError, OSError, ArithmeticError, RuntimeError, ValueError)
"""Errors of one customer that end no job."""
MOST_REASON_CHARACTERS: Final = 2_000
"""A cell or a name may have megabytes; the ledger does not repeat them."""


@dataclass(frozen=True, slots=True)
class FitCustomer:
    """The task of a training job: from a customer's files to its archive."""

    settings: TrainSettings
    checkpoints: Path
    """Folder of the archives that earlier jobs left."""

    def __call__(self, customer: Customer) -> Outcome:
        """Return what becomes of a customer; see `fit_customer`."""
        return fit_customer(customer, settings=self.settings, checkpoints=self.checkpoints)


def fit_customer(customer: Customer, *, settings: TrainSettings, checkpoints: Path) -> Outcome:
    """Read, fit, pack and prove a customer, or find its archive in `checkpoints` complete and up to date.

    Whatever is wrong with one customer is the reason of a `Failed`.
    """
    started = time.perf_counter()
    rows = 0
    try:
        settings = settings.for_customer(customer.name)
        contents = file_contents(customer)
        earlier, problem = _earlier(customer, checkpoints)
        took_part = earlier.incumbent_sha256 if earlier is not None else ""
        if (unchanged := _unchanged(earlier, _fingerprint(contents, settings, took_part))) is not None:
            return _skipped(customer, unchanged, settings)
        choice = _choice(customer, settings, earlier, problem)
        fingerprint = _fingerprint(contents, settings, choice.sha256)
        readings = load_readings(customer, contents, settings)
        rows = len(readings.ds)
        check_cap(readings, settings)
        return _Fit(customer, readings, settings, fingerprint, choice, started).outcome(earlier)
    except EXPECTED as error:
        reason = reason_of_error(error)
    return Failed(customer=customer.name, reason=reason, rows=rows, seconds=since(started))


def reason_of_error(error: Exception) -> str:
    """Return what is wrong with a customer, for the ledger, from one of the errors in `EXPECTED`."""
    match error:
        case MemoryError():
            return "not enough memory; raise customer_memory_mb or shorten the history"
        case OSError():
            return _short(f"{Path(error.filename or '').name}: {error.strerror}")
        case _:
            return _short(str(error))


def _short(reason: str) -> str:
    return reason if len(reason) <= MOST_REASON_CHARACTERS else f"{reason[:MOST_REASON_CHARACTERS]} ..."


def _fingerprint(contents: Sequence[bytes], settings: TrainSettings, incumbent: str) -> str:
    """Return the SHA-256 of what decides whether an archive is up to date: data, settings, versions.

    A job that keeps earlier choices also has the hash of the archive with such a choice, or an empty one.
    """
    decisive = [FORMAT_VERSION, VERSIONS, settings.for_archive()]
    if settings.methods.keeps_incumbent:
        decisive.append(incumbent)
    digest = hashlib.sha256(json.dumps(decisive).encode())
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _earlier(customer: Customer, checkpoints: Path) -> tuple[EarlierArchive | None, str]:
    """Return the archive that an earlier job left, and what is wrong with it if it is damaged."""
    try:
        return read_earlier(customer, checkpoints), ""
    except ArchiveError as error:
        return None, str(error)


def _choice(
    customer: Customer, settings: TrainSettings, earlier: EarlierArchive | None, problem: str
) -> EarlierChoice:
    """Return the choice of methods that this job may keep."""
    if not settings.methods.keeps_incumbent:
        return EarlierChoice()
    if earlier is None:
        return EarlierChoice(problem=problem)
    return EarlierChoice.in_archive(earlier, customer.name)


def _unchanged(earlier: EarlierArchive | None, fingerprint: str) -> EarlierArchive | None:
    if earlier is None or earlier.archive.metadata.get("fingerprint") != fingerprint:
        return None
    return earlier


def _skipped(customer: Customer, earlier: EarlierArchive, settings: TrainSettings) -> Skipped:
    metadata = earlier.archive.metadata
    return Skipped(
        customer=customer.name,
        engine=metadata["engine"],
        rows=metadata["rows"],
        seconds=0.0,
        packed=earlier.packed,
        metrics=metadata["metrics"],
        errors=_errors(metadata.get("errors")),
        incumbent=metadata.get("incumbent", {}),
        non_negative=settings.non_negative,
    )


def _errors(entry: object) -> ErrorSummary | None:
    """Return the errors that an archive has kept; None without them, and if they are no such errors."""
    try:
        return msgspec.convert(entry, ErrorSummary | None)
    except msgspec.ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class _Fit:
    """The steps from one customer's readings to an archive."""

    customer: Customer
    readings: Readings
    settings: TrainSettings
    fingerprint: str
    choice: EarlierChoice
    started: float

    def outcome(self, earlier: EarlierArchive | None) -> Fitted | Fallback | Kept:
        """Return a proven archive, of the first engine that makes one; raise ValueError where none does."""
        estimated = estimate(self.readings, self.settings, self.choice.incumbent)
        try:
            return self._archived(estimated, earlier)
        except ProofError as error:
            if estimated.is_naive:
                raise
            return self._archived(naive_estimate(self.readings, str(error)), earlier)

    def _archived(self, estimated: Estimate, earlier: EarlierArchive | None) -> Fitted | Fallback | Kept:
        if estimated.is_naive and earlier is not None and self._is_worth_more(earlier):
            return self._kept(estimated, earlier)
        freq = freq_of(self.readings.ds)
        metrics = evaluate(self.readings, estimated, self.settings, self.choice)
        packed = pack(Archive(dumps(estimated.model), self._metadata(estimated, metrics, freq)))
        prove(packed, self.readings, self.settings, is_naive=estimated.is_naive)
        common: dict[str, Any] = {
            "customer": self.customer.name,
            "engine": estimated.engine,
            "rows": len(self.readings.ds),
            "packed": packed,
            "seconds": since(self.started),
            "metrics": metrics,
            "errors": estimated.combined.summary if estimated.combined else None,
            "incumbent": self._incumbent(estimated),
            "warnings": self._warnings(estimated, freq),
            "non_negative": self.settings.non_negative,
        }
        if not estimated.why_not_fleetcast:
            return Fitted(**common)
        instead = "seasonal naive forecast instead: " if estimated.is_naive else ""
        return Fallback(reason=instead + estimated.why_not_fleetcast, **common)

    def _incumbent(self, estimated: Estimate) -> dict[str, Any]:
        """Return what became of an earlier job's choice; empty where the job keeps none."""
        return self.choice.entry(estimated.combined) if self.settings.methods.keeps_incumbent else {}

    def _warnings(self, estimated: Estimate, freq: str | None) -> dict[str, tuple[str, ...]]:
        warnings = data_warnings(self.readings, estimated, self.settings, freq)
        if self.choice.problem:
            warnings["earlier archive"] = (f"{UNUSED}: {self.choice.problem}",)
        return warnings

    def _is_worth_more(self, earlier: EarlierArchive) -> bool:
        """Return whether the earlier archive is better than a seasonal naive forecast of today."""
        engine = earlier.archive.metadata.get("engine")
        return not self.settings.replace_with_fallback and engine in FITTING_ENGINES

    def _kept(self, estimated: Estimate, earlier: EarlierArchive) -> Kept:
        engine = str(earlier.archive.metadata["engine"])
        last = str(earlier.archive.metadata.get("last", "an unknown time"))
        return Kept(
            customer=self.customer.name,
            engine=engine,
            rows=len(self.readings.ds),
            packed=earlier.packed,
            seconds=since(self.started),
            reason=f"{estimated.why_not_fleetcast}; the archive of an earlier job ({engine}, "
            f"readings until {last}) stays: replace_with_fallback = true replaces it by a naive forecast",
            non_negative=self.settings.non_negative,
        )

    def _metadata(self, estimated: Estimate, metrics: dict[str, Any], freq: str | None) -> dict[str, Any]:
        """Return metadata.json: equal whenever and wherever this customer is fitted again."""
        first, last = self.readings.ds.min(), self.readings.ds.max()
        metadata = {
            "customer": self.customer.name,
            "engine": estimated.engine,
            "fingerprint": self.fingerprint,
            "first": str(first.astype("datetime64[s]")),
            "format_version": FORMAT_VERSION,
            "freq": freq,
            "hyperparameters": self.settings.for_archive(),
            "last": str(last.astype("datetime64[s]")),
            "metrics": metrics,
            "rows": len(self.readings.ds),
            "versions": VERSIONS,
        }
        if isinstance(estimated.model, Model) and (opens := opens_in_prophet(estimated.model)):
            metadata["opens_in_prophet"] = opens
        if estimated.combined is not None and estimated.combined.summary is not None:
            metadata["errors"] = msgspec.to_builtins(estimated.combined.summary)
        if incumbent := self._incumbent(estimated):
            metadata["incumbent"] = incumbent
        return metadata | ({"non_negative": True} if self.settings.non_negative else {})


def since(started: float) -> float:
    """Return the seconds since a `time.perf_counter()`, to microseconds."""
    return round(time.perf_counter() - started, 6)
