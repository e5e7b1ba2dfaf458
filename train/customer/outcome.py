"""What became of a customer: one type per status, sent from a worker process to the job.

The class is the declaration of its status: the ledger, the log, the metrics and the reference take the word
and its meaning from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeAlias, get_args

from fleetcast.evaluation import ErrorSummary


@dataclass(frozen=True, kw_only=True)  # no slots: pickle handles those slowly, field by field
class WithArchive:
    """A customer whose archive can be served: what all statuses but `failed` share."""

    customer: str
    engine: str
    """What fitted the model in the archive: `fleetcast`, `prophet` or `naive`."""
    rows: int
    """Number of readings."""
    seconds: float
    packed: bytes = field(repr=False)
    """The bytes of the archive."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """By `in_sample` and `holdout` what `fleetcast.evaluation.measure` returns, the latter with
    beats_seasonal_naive.  Where methods were compared: by `backtest` the mase of each method, by `members`
    its weight, and of the combined forecast `beats_seasonal_naive`, `backtest_wape`, `backtest_bias` and,
    if intervals are calibrated, `coverage_80` and `backtest_coverage`, shares by probability in percent."""
    incumbent: Mapping[str, Any] = field(default_factory=dict)
    """What became of the methods that an earlier job chose, if the job may keep them: `outcome` and more."""
    errors: ErrorSummary | None = None
    """Its errors in the backtests, for the fleet's statistics; None without backtests."""
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Sentences about the customer's data, by kind."""
    non_negative: bool = False


@dataclass(frozen=True, kw_only=True)
class Fitted(WithArchive):
    """A customer with a new model of the engine that was to fit it."""

    status: ClassVar[str] = "ok"
    meaning: ClassVar[str] = (
        "fitted; its archive was read back with the limits of serving and forecasts one step"
    )


@dataclass(frozen=True, kw_only=True)
class Skipped(WithArchive):
    """A customer whose archive needs no change."""

    status: ClassVar[str] = "skipped"
    meaning: ClassVar[str] = "the archive was up to date"


@dataclass(frozen=True, kw_only=True)
class Fallback(WithArchive):
    """A customer with a new model that Fleetcast's own solver could not fit."""

    status: ClassVar[str] = "fallback"
    meaning: ClassVar[str] = (
        "Fleetcast's own solver could not fit it: the archive holds Prophet's own fit or, if that failed "
        "too, a seasonal naive forecast; `engine` says which"
    )
    reason: str
    """Why the solver could not fit it."""


@dataclass(frozen=True, kw_only=True)
class Kept(WithArchive):
    """A customer with the archive of an earlier job."""

    status: ClassVar[str] = "kept"
    meaning: ClassVar[str] = (
        "only a seasonal naive forecast could be made; the archive that the solver or Prophet fitted earlier "
        "stays"
    )
    reason: str
    """Why only a seasonal naive forecast could be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A customer without a new model."""

    status: ClassVar[str] = "failed"
    meaning: ClassVar[str] = "no model; an old archive, if there is one, stays"
    customer: str
    reason: str
    """What is wrong, and what to do about it."""
    rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Refreshed(WithArchive):
    """A customer whose forecast begins after newer readings."""

    status: ClassVar[str] = "refreshed"
    meaning: ClassVar[str] = (
        "the forecast begins after the last reading of the channel; the new archive was read back with the "
        "limits of serving and forecasts one step"
    )


@dataclass(frozen=True, kw_only=True)
class Unchanged(WithArchive):
    """A customer whose archive needs no refresh."""

    status: ClassVar[str] = "unchanged"
    meaning: ClassVar[str] = (
        "the archive stays: there is no newer reading, or no method beside the fitted model, which only a "
        "training makes new"
    )
    reason: str
    """Which of both."""


@dataclass(frozen=True, kw_only=True)
class NotRefreshed(WithArchive):
    """A customer whose archive needs a refresh that failed."""

    status: ClassVar[str] = "kept"
    meaning: ClassVar[str] = "the refresh failed; the old archive stays, and forecasts from its old end"
    reason: str
    """What is wrong, and what to do about it."""


Outcome: TypeAlias = Fitted | Skipped | Fallback | Kept | Failed
STATUSES: Final[Mapping[str, str]] = {each.status: each.meaning for each in get_args(Outcome)}
"""Meanings of all statuses, in the order of the documentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A customer with readings and without an archive."""

    status: ClassVar[str] = "new"
    meaning: ClassVar[str] = (
        "it has readings and no archive: the next training makes one; until then a global model can forecast "
        "it from a history in the request"
    )
    customer: str
    reason: str = "it has no archive; the next training makes one"
    rows: int = 0
    seconds: float = 0.0


RefreshOutcome: TypeAlias = Refreshed | Unchanged | NotRefreshed | New | Failed
REFRESH_STATUSES: Final[Mapping[str, str]] = {
    **{each.status: each.meaning for each in get_args(RefreshOutcome)},
    Failed.status: "the refresh failed, and so did reading its old archive, which stays as it is",
}
"""Those of a refresh, in the order of the documentation."""


def reason_of(outcome: Outcome | RefreshOutcome) -> str:
    """Return why a customer has no new model of Fleetcast's solver; empty where nothing is to be said."""
    match outcome:
        case Fitted() | Skipped() | Refreshed():
            return ""
        case _:
            return outcome.reason


def status_table(statuses: Mapping[str, str] = STATUSES) -> str:
    """Return the statuses as a table in Markdown, for the reference page."""
    rows = [f"| `{status}` | {meaning} |" for status, meaning in statuses.items()]
    return "\n".join(["| status | meaning |", "| --- | --- |", *rows])
