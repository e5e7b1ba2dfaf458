"""What can become of a customer; a value that crosses from a worker to the job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["ok", "skipped", "fallback", "kept", "failed"]
WRITTEN: frozenset[Status] = frozenset({"ok", "fallback"})
"""Those whose archive is new."""


@dataclass(frozen=True, kw_only=True)  # no slots: they are pickled slowly, field by field
class Fitted:
    """A customer with a model.

    `ok` and `fallback` were fitted now; `skipped` is up to date; `kept` has the archive of an earlier job, as
    only a seasonal naive forecast could have taken its place.
    """

    customer: str
    status: Status
    engine: str
    """That fitted the model in the archive."""
    rows: int
    seconds: float
    packed: bytes = field(repr=False)
    """The bytes of the archive."""
    reason: str = ""
    """Why it is a fallback, or was kept."""
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By `in_sample` and `holdout`: mae, rmse, smape, mase, coverage; none that was not measured."""
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Sentences about the customer's data, by kind."""
    non_negative: bool = False


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
