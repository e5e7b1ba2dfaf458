"""Runs the backtests of a search on an engine, and writes each result to the journal, within the budget."""

import logging
import math
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from container import progress, quoted
from train.channel import Customer
from train.customer import BacktestCustomer, Backtested, Failed
from train.engines import Engine
from train.settings import TrainSettings
from train.tuning.journal import Evaluations, Journal
from train.tuning.settings import TuneSettings
from train.tuning.space import Configurations

logger = logging.getLogger(__name__)

CONFIGURATIONS_AT_ONCE: Final = 8
"""Configurations of one customer that a worker evaluates before it reports: what a kill may cost."""
_DIGITS: Final = 16
"""Of a digest, that name a model of all customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is backtested, and what it may cost."""

    doing: str
    """For people."""
    train: TrainSettings
    """What all configurations have in common: the model of all customers, if one takes part, its share."""
    share: float
    """The share of the budget that is used up when it ends; see `Backtests.limit`."""
    judges: bool = False
    """Whether the last horizon of each history is forecast, which no choice has seen."""


@dataclass(slots=True)
class Backtests:
    """The backtests of one search."""

    settings: TuneSettings
    engine: Engine
    journal: Journal
    data_of: Callable[[str], str]
    """Returns the SHA-256 of a customer's files."""
    is_stopped: Callable[[], bool]
    configurations: Configurations = field(default_factory=dict)
    """What each configuration of Prophet's model changes, by number."""
    reserved: float = 0.0
    """Processor time that the trees of a model of all customers have taken."""
    _began: float = field(default_factory=time.monotonic)
    _cpu_seconds_before: float = 0.0
    """Processor time of earlier runs."""

    def __post_init__(self) -> None:
        self._cpu_seconds_before = self.journal.cpu_seconds

    def of(self, train: TrainSettings) -> Evaluations:
        """Return what is known under the model of all customers, and its share, in these settings."""
        return self.journal.under(name_of_models(train))

    def limit(self, share: float) -> float:
        """Return the processor time at which a share of what the trees have left of the budget is used up."""
        return self.reserved + share * max(self.settings.cpu_seconds - self.reserved, 0.0)

    def is_over(self, share: float) -> bool:
        """Return whether this share of the budget is used up, or the search is to stop."""
        return self.is_stopped() or self.journal.cpu_seconds >= self.limit(share)

    def evaluate(self, task: Task, customers: Sequence[Customer], numbers: Sequence[int]) -> None:
        """Evaluate the configurations that the journal lacks, until the share of the budget is used up."""
        parts = [
            list(numbers[start : start + CONFIGURATIONS_AT_ONCE])
            for start in range(0, len(numbers), CONFIGURATIONS_AT_ONCE)
        ]
        evaluations = self.of(task.train)
        known = evaluations.judged if task.judges else evaluations.errors
        missing = [
            [each for each in customers if not set(part) <= known.get(each.name, {}).keys()] for part in parts
        ]
        results = self._results(task, parts, missing)
        total = sum(map(len, missing))
        left = lambda: self._seconds_left(task.share)  # noqa: E731 -- a line
        with closing(results):
            for result in progress(results, total=total, doing=task.doing, unit="backtests", at_most=left):
                self.journal.add(result, judges=task.judges, under=name_of_models(task.train))

    def _results(
        self, task: Task, parts: Sequence[list[int]], missing: Sequence[list[Customer]]
    ) -> Generator[Backtested, None, None]:
        for part, of_part in zip(parts, missing, strict=True):
            customers = [each for each in of_part if each.name not in self.journal.failed]
            if not customers or self.is_over(task.share):
                continue
            configurations = {number: self.configurations[number] for number in part}
            own = BacktestCustomer(task.train, self.settings.backtests, configurations, task.judges)
            results = self.engine.results(own, customers, stopped=lambda: self.is_over(task.share))
            with closing(results):
                for result in results:
                    yield result if isinstance(result, Backtested) else self._failed(result)

    def _failed(self, failed: Failed) -> Backtested:
        name = failed.customer
        logger.warning("%s takes no further part: %s", quoted(name), failed.reason)
        return Backtested(
            customer=name, data=self.data_of(name), reason=failed.reason, cpu_seconds=failed.seconds
        )

    def _seconds_left(self, share: float) -> float:
        """Return how long the share of the budget will last at the rate of this run, in seconds."""
        used = self.journal.cpu_seconds - self._cpu_seconds_before
        if used <= 0:
            return math.inf
        left = max(self.limit(share) - self.journal.cpu_seconds, 0.0)
        return left * (time.monotonic() - self._began) / used


def name_of_models(train: TrainSettings) -> str:
    """Return the name of the models of all customers, and of their share, in the journal; empty without."""
    models, combine = train.methods.global_models, train.methods.combine
    if models is None or combine is None:
        return ""
    return f"{models.digest[:_DIGITS]} {combine.global_share:g}"
