"""The archive that an earlier job left in the checkpoints, and the choice of methods in it."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeGuard

import numpy as np

from fleetcast.archive import SUFFIX, Archive, unpack
from fleetcast.evaluation import CORRECTED_PROPHET, GLOBAL, PROPHET, Combined, Incumbent
from train.channel import Customer, SentArchive

FORMAT_VERSION: Final = 2
"""Version of `metadata.json`; an archive of another version is fitted again."""
FITTING_ENGINES: Final = ("fleetcast", "prophet")
"""The engines whose archives no seasonal naive forecast replaces, unless a hyperparameter allows it."""
NOT_COMPARED: Final = "no methods were compared"
_OTHER_MAKER: Final = "train did not write it for this customer"
_ALONE: Final = (PROPHET, CORRECTED_PROPHET)
"""Values of `models` that leave no choice, so that no reading decided."""
_ROUNDING: Final = 1e-3
"""How far the sum of weights, each rounded to six digits, may be from 1."""
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class EarlierArchive:
    """The archive that an earlier job left, and its bytes."""

    archive: Archive
    packed: bytes

    @property
    def incumbent_sha256(self) -> str:
        """The hash of the archive whose choice of methods took part in this one; empty where none did."""
        return str(_object(self.archive.metadata.get("incumbent")).get("sha256", ""))


def read_earlier(customer: Customer, checkpoints: Path) -> EarlierArchive | None:
    """Return the archive that an earlier job left, None without one.

    It was sent with the customer, or is in the folder.  Raises ArchiveError for a damaged one, and OSError.
    """
    sent = customer.sent or sent_archive(customer.name, checkpoints)
    return None if sent.packed is None else EarlierArchive(unpack(sent.packed), sent.packed)


def sent_archive(customer: str, checkpoints: Path) -> SentArchive:
    """Return the archive that an earlier job left in a folder, to send it to another host; raise OSError."""
    try:
        return SentArchive((checkpoints / f"{customer}{SUFFIX}").read_bytes())
    except FileNotFoundError:
        return SentArchive(None)


@dataclass(frozen=True, slots=True)
class EarlierChoice:
    """The methods that an earlier job chose for a customer, for the job that may keep them."""

    incumbent: Incumbent | None = None
    """None where there is no archive with a choice."""
    sha256: str = ""
    """SHA-256 of the bytes of the archive; empty where there is no choice."""
    problem: str = ""
    """Why an archive that exists has no choice that can be used; empty where it has, or where it is naive."""

    @classmethod
    def in_archive(cls, earlier: EarlierArchive, customer: str) -> Self:
        """Return the choice in an archive, which anybody may have written."""
        metadata = earlier.archive.metadata
        engine = metadata.get("engine")
        if problem := maker_problem(earlier, customer):
            return cls(problem=problem)
        if engine == "naive":
            return cls()
        try:
            incumbent = _incumbent(metadata)
        except ValueError as error:
            return cls(problem=f"its metadata.json names no usable choice: {error}")
        return cls(incumbent, hashlib.sha256(earlier.packed).hexdigest())

    def before(self, time: np.datetime64) -> Incumbent | None:
        """Return the choice if it saw no reading at that time or later."""
        if self.incumbent is None or self.incumbent.seen_until is None:
            return self.incumbent
        return self.incumbent if np.datetime64(self.incumbent.seen_until, "us") < time else None

    def entry(self, together: Combined | None) -> dict[str, Any]:
        """Return what became of the choice, for metadata.json and the ledger; None is no comparison."""
        entry: dict[str, Any] = {"outcome": "none"}
        if self.incumbent is not None:
            entry |= {"reason": NOT_COMPARED, "sha256": self.sha256}
        if together is None:
            return entry
        seen: int | None = together.origin
        if self.incumbent is not None and (verdict := together.verdict) is not None:
            entry |= {"outcome": "kept" if verdict.is_kept else "replaced", "reason": verdict.reason}
            errors = {"error": verdict.incumbent_error, "challenger_error": verdict.challenger_error}
            entry |= {name: round(error, _DIGITS) for name, error in errors.items() if _is_finite(error)}
            seen = self.incumbent.seen_until if verdict.is_kept else seen
        if seen is not None:
            entry["seen_until"] = str(np.datetime64(seen, "us").astype("datetime64[s]"))
        return entry


def _is_finite(error: float | None) -> TypeGuard[float]:
    return error is not None and math.isfinite(error)


def maker_problem(earlier: EarlierArchive, customer: str) -> str:
    """Return why what an archive says of its methods cannot be used; empty where this version wrote it."""
    metadata = earlier.archive.metadata
    if metadata.get("customer") != customer or metadata.get("engine") not in (*FITTING_ENGINES, "naive"):
        return _OTHER_MAKER
    if metadata.get("format_version") != FORMAT_VERSION:
        return "another version of Fleetcast wrote it"
    return ""


def weights_of(metadata: Mapping[str, Any]) -> dict[str, float]:
    """Return the weights of all methods in metadata.json; none where no methods were compared.

    Raises ValueError where they are not what train writes.
    """
    members = _object(metadata.get("metrics")).get("members")
    weights = {} if members is None else {name: _number(weight) for name, weight in _object(members).items()}
    is_one = abs(math.fsum(weights.values()) - 1) < _ROUNDING
    if members is not None and not (all(0 < weight <= 1 for weight in weights.values()) and is_one):
        raise ValueError("the weights are no shares of 1")
    return weights


def _incumbent(metadata: Mapping[str, Any]) -> Incumbent:
    """Return the choice in metadata.json; raise ValueError where that is not what train writes."""
    freq, weights = metadata.get("freq"), weights_of(metadata)
    if not weights:
        return Incumbent({PROPHET: 1.0}, freq, None)
    of_all = weights.pop(GLOBAL, 0.0)  # its weight was no choice of backtests
    if not weights:
        raise ValueError("the model of all customers forecasts alone")
    total = math.fsum(weights.values())
    if of_all:
        weights = {name: weight / total for name, weight in weights.items()}
        total = math.fsum(weights.values())
    largest = max(weights, key=weights.__getitem__)
    weights[largest] += 1 - total  # a sum of exactly 1, so that a kept choice stays the same for ever
    return Incumbent(weights, freq, _seen_until(metadata))


def _seen_until(metadata: Mapping[str, Any]) -> int | None:
    if _object(metadata.get("hyperparameters")).get("models") in _ALONE:
        return None
    if "incumbent" not in metadata:
        return _end_of_second(metadata.get("trained_until", metadata.get("last")))
    seen = _object(metadata["incumbent"]).get("seen_until")
    return None if seen is None else _end_of_second(seen)


def _number(value: object) -> float:
    return float(value) if isinstance(value, float | int) and abs(value) <= 1 else math.nan


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _end_of_second(text: object) -> int:
    """Return the last microsecond of a second, since 1970: metadata.json has times in whole seconds."""
    try:
        time = datetime.fromisoformat(str(text)).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError("the last reading that it saw has no time") from error
    return (int(time.timestamp()) + 1) * 1_000_000 - 1
