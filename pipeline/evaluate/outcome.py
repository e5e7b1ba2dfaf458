"""What an evaluation finds out about a customer, sent from a worker process to the job."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, TypeAlias

from pipeline.evaluate.findings import Finding
from train.customer import Failed

STATUSES: Final[Mapping[str, str]] = {
    "ok": "evaluated: it has metrics",
    "no new readings": "its readings end where its archive ends, or before",
    "no actuals": "it has an archive, and no readings in the input",
    "no archive": "it has new readings, and no archive: it was not in the training",
    "failed": "its readings or archive cannot be read, it took too long, or its training left no archive; "
    "`reason` says which",
}
"""Meanings of all statuses, in the order of the documentation."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """A customer whose forecast was compared with new readings."""

    status: ClassVar[str] = "ok"
    customer: str
    engine: str
    """What fitted the model: `fleetcast`, `prophet` or `naive`."""
    archive_end: str
    """The archive's last reading; only later ones count."""
    first: str
    last: str
    readings: int
    """How many new readings were compared, from `first` to `last`."""
    steps: float | None
    """How many steps of the training after the archive's end the last one is; None without such a step."""
    metrics: Mapping[str, float]
    naive_metrics: Mapping[str, float]
    """The same, of the seasonal naive forecast; empty where its history is missing."""
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class NotEvaluated:
    """A customer without metrics, although nothing failed."""

    customer: str
    status: str
    """One of `STATUSES`."""
    reason: str
    number: float
    """Of what `reason` counts."""


EvaluationOutcome: TypeAlias = Evaluated | NotEvaluated | Failed


def line(outcome: EvaluationOutcome) -> dict[str, Any]:
    """Return a customer's line of evaluation.jsonl."""
    start = {"customer": outcome.customer, "status": outcome.status}
    match outcome:
        case Evaluated():
            content = asdict(outcome)
            names = ("engine", "archive_end", "first", "last", "readings", "steps")
            return (
                start
                | {name: content[name] for name in names if content[name] is not None}
                | {"metrics": content["metrics"], "naive_metrics": content["naive_metrics"]}
                | {"findings": list(content["findings"]), "seconds": outcome.seconds}
            )
        case NotEvaluated():
            return start | {"reason": outcome.reason, "number": outcome.number}
        case Failed():
            return start | {"reason": outcome.reason}
