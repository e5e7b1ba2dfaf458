"""One customer's forecast compared with readings that its archive has not seen, inside a worker process."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from fleetcast.errors import FutureError
from fleetcast.evaluation import Holdout, measure, naive_forecast
from fleetcast.forecasting import ForecastOptions, Model, SampledModel, forecast, loads
from fleetcast.forecasting.members import steps_ahead
from fleetcast.readings.customer import Readings, Vector
from pipeline.evaluate.archives import Archives
from pipeline.evaluate.findings import Evidence, Finding, findings
from pipeline.evaluate.history import End, in_archive, is_long_enough, pick, scale_of_mase
from pipeline.evaluate.outcome import Evaluated, EvaluationOutcome, NotEvaluated
from train.channel import Customer
from train.customer import (
    EXPECTED,
    Failed,
    check_cap,
    column_arguments,
    file_contents,
    load_readings,
    reason_of_error,
    settings_of_archive,
)
from train.settings import TrainSettings

PROBABILITY: Final = 0.8
"""Of the intervals that are measured, whatever the model's own are."""
NAMES: Final = {"coverage": "coverage_80", "winkler": "winkler_80"}
"""Metrics whose name says the probability."""


@dataclass(frozen=True, slots=True)
class CustomerWithHistory(Customer):
    """A customer of the input `actuals`, with its files in the input `history`."""

    history: Customer | None = None

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """See `Customer`."""
        _, fields = Customer.__reduce__(self)
        return type(self), (*fields, self.history)


@dataclass(frozen=True, slots=True)
class EvaluateCustomer:
    """The task of an evaluation."""

    settings: TrainSettings
    archives: Archives
    horizon: Holdout
    """Rows or span after the archive's end that count; the empty one is all."""

    def __call__(self, customer: Customer) -> EvaluationOutcome:
        """Return the customer's figures; whatever is wrong is the reason of a `Failed`."""
        started = time.perf_counter()
        try:
            archive = self.archives.find(customer.name)
            if archive is None:
                return _without_archive(customer)
            if not customer.paths and not customer.problem:
                return _without(customer, "no actuals", 0, "it has an archive, and no readings in the input")
            model = loads(archive.model, keep_history=True)
            if not isinstance(model, Model | SampledModel):
                return Failed(customer=customer.name, reason="its archive holds no customer's model")
            settings = settings_of_archive(model, archive.metadata, self.settings)
            evaluation = _Evaluation(customer, model, archive.metadata, settings, self.horizon)
            outcome = evaluation.outcome()
        except (*EXPECTED, LookupError) as error:
            return Failed(customer=customer.name, reason=reason_of_error(error))
        seconds = round(time.perf_counter() - started, 6)
        return replace(outcome, seconds=seconds) if isinstance(outcome, Evaluated) else outcome


@dataclass(frozen=True, slots=True)
class _Evaluation:
    customer: Customer
    model: Model | SampledModel
    metadata: Mapping[str, Any]
    settings: TrainSettings
    horizon: Holdout

    def outcome(self) -> Evaluated | NotEvaluated:
        """Return the figures; raise whatever reading the files and forecasting raise."""
        readings = load_readings(self.customer, file_contents(self.customer), self.settings)
        check_cap(readings, self.settings)
        usable = readings.rows(np.isfinite(readings.y)).by_time()
        end = End.of(self.model, self.metadata)
        is_new = usable.ds.view(np.int64) > end.cut
        after = self._within_horizon(usable.rows(is_new), end)
        if not len(after.ds):
            count = len(usable.ds)
            reason = f"it has no reading after the archive's end {_text(end.last)}"
            reason += f"; the latest of {count} is of {_second(usable.ds[-1])}" if count else ""
            return _without(self.customer, "no new readings", count, reason)
        history = pick(self._histories(usable.rows(~is_new)), end)
        return self._evaluated(after, history, end)

    def _histories(self, before: Readings) -> Iterator[Readings]:
        yield before
        if isinstance(self.customer, CustomerWithHistory) and (given := self.customer.history) is not None:
            yield load_readings(given, file_contents(given), replace(self.settings, columns=()))
        yield from in_archive(self.model, self.metadata)

    def _within_horizon(self, after: Readings, end: End) -> Readings:
        if self.horizon.span is not None:
            return after.rows(after.ds <= np.datetime64(end.last, "us") + self.horizon.span)
        return after.rows(np.arange(len(after.ds)) < (self.horizon.rows or len(after.ds)))

    def _evaluated(self, after: Readings, history: Readings | None, end: End) -> Evaluated:
        table = forecast(
            self.model,
            ForecastOptions(
                ds=after.ds,
                interval_width=PROBABILITY,
                non_negative=self.settings.non_negative,
                **column_arguments(after, self.settings),
            ),
        )
        scale = scale_of_mase(self.metadata, history)
        freq = self.metadata.get("freq")
        evidence = Evidence(
            after=after,
            yhat=table["yhat"],
            last=end.last,
            freq=freq if isinstance(freq, str) else None,
            history=history,
            is_never_negative=self.settings.non_negative,
        )
        bounds = [table[name] for name in ("yhat_lower", "yhat_upper") if name in table]
        measured = measure(after.y, table["yhat"], *bounds, naive_error=scale, probability=PROBABILITY)
        naive, problem = self._naive(after, history, scale, end)
        return Evaluated(
            customer=self.customer.name,
            engine=str(self.metadata.get("engine", "")),
            archive_end=_text(end.last),
            first=_second(after.ds[0]),
            last=_second(after.ds[-1]),
            readings=len(after.ds),
            steps=_steps(evidence),
            metrics={NAMES.get(name, name): value for name, value in measured.items()},
            naive_metrics=naive,
            findings=(*findings(evidence), *problem),
        )

    def _naive(
        self, after: Readings, history: Readings | None, scale: float, end: End
    ) -> tuple[dict[str, float], tuple[Finding, ...]]:
        """Return the metrics of the seasonal naive forecast, or why there is none."""
        rows = 0 if history is None else len(history.ds)
        if history is None or not is_long_enough(history, self.metadata):
            sentence = (
                f"there are {rows} readings up to the archive's end {_text(end.last)}, too few for a "
                "seasonal naive forecast: put those of the training into the input history"
            )
            return {}, (Finding("no naive forecast", rows, sentence),)
        yhat: Vector = naive_forecast(history.ds, history.y, after.ds)
        if self.settings.non_negative:
            yhat = np.maximum(yhat, 0.0)
        return measure(after.y, yhat, naive_error=scale), ()


def _steps(evidence: Evidence) -> float | None:
    if evidence.freq is None:
        return None
    try:
        stamps = evidence.after.ds[-1:].view(np.int64)
        return round(float(steps_ahead(evidence.last, stamps, evidence.freq)[0]), 3)
    except FutureError:
        return None


def _without_archive(customer: Customer) -> NotEvaluated | Failed:
    """Return the outcome of a customer that is new, or that has failed in the training."""
    if isinstance(customer, CustomerWithHistory) and customer.history is not None:
        reason = "its readings are in the input history, and it has no archive: its training failed"
        return Failed(customer=customer.name, reason=reason)
    return _without(customer, "no archive", len(customer.paths), "it has new readings and no archive")


def _without(customer: Customer, status: str, number: float, reason: str) -> NotEvaluated:
    return NotEvaluated(customer=customer.name, status=status, reason=reason, number=number)


def _text(stamp: int) -> str:
    return _second(np.datetime64(stamp, "us"))


def _second(time: np.datetime64) -> str:
    return str(time.astype("datetime64[s]"))
