"""What can become of a customer; a value that crosses from a worker to the job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["ok", "skipped", "fallback", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A customer with a model: fitted now, fitted now by a fallback, or found unchanged and skipped."""

    customer: str
    status: Status
    engine: str
    rows: int
    seconds: float
    packed: bytes = field(repr=False)
    """The bytes of the archive."""
    reason: str = ""
    """Why it is a fallback."""
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By `in_sample` and `holdout`: mae, rmse, smape, mase, coverage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A customer without a new model, and the reason in words a person can act on."""

    customer: str
    reason: str
    rows: int = 0
    seconds: float = 0.0

    @property
    def status(self) -> Status:
        """Always `failed`."""
        return "failed"


Outcome: TypeAlias = Fitted | Failed
