"""The search: evaluates configurations round by round, within a budget, and chooses; see `rounds`.

Everything that is decided follows from the journal, so a run that was killed goes on and decides as it would
have done undisturbed; only what was being evaluated is evaluated again.
"""

import hashlib
import logging
import math
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from container import progress, quoted
from fleetcast.errors import InputError
from train.channel import Customer
from train.customer import BacktestCustomer, Backtested, Failed
from train.engines import Engine
from train.tuning.journal import Journal
from train.tuning.own_choice import own_choices
from train.tuning.rounds import Judged, affordable, is_better, ranked
from train.tuning.settings import TuneSettings
from train.tuning.space import Space, Texts

logger = logging.getLogger(__name__)

CONFIGURATIONS_AT_ONCE: Final = 8
"""Configurations of one customer that a worker evaluates before it reports: what a kill may cost."""
SHARE_OF_FIRST: Final = 1 / 3
"""Share of the budget for the job's own settings on all customers, which show what the rest will cost."""
SHARE_OF_SEARCH: Final = 0.9
"""Share of the budget until the choice; the rest judges it."""
FINALISTS: Final = 6
"""Configurations among which customers may choose their own."""
ATTEMPTS: Final = 20
"""Numbers that are looked at for each configuration; a small space repeats itself."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A round, as far as it was completed."""

    customers: tuple[str, ...]
    configurations: tuple[int, ...]
    """In ascending order of their error; 0, the job's own settings, is among them."""


@dataclass(slots=True)
class Found:
    """What a search has found out so far."""

    customers: list[str] = field(default_factory=list)
    """Those that compare configurations, in the order in which rounds take them."""
    rounds: list[Tried] = field(default_factory=list)
    best: int = 0
    """The configuration of the fleet; 0 is the job's own settings."""
    judged: Judged | None = None
    """How `best`, or the configuration that the judging cut-off refused, did there; None for 0."""
    own: dict[str, int] = field(default_factory=dict)
    """Configurations of customers that leave the fleet's."""
    own_judged: Judged | None = None
    """How these customers' own configurations did after the judging cut-off, against the fleet's."""
    is_complete: bool = False
    """Whether everything was done that the budget allowed; a stopped search is not complete."""


def in_order(customers: Iterable[Customer], *, seed: int) -> list[Customer]:
    """Return customers in an order that depends on seed and names alone: its beginning is a random sample."""
    return sorted(
        customers, key=lambda each: (hashlib.sha256(f"{seed}/{each.name}".encode()).digest(), each.name)
    )


@dataclass(slots=True)
class Search:
    """One search of a fleet."""

    settings: TuneSettings
    space: Space
    engine: Engine
    journal: Journal
    customers: Sequence[Customer]
    """In the order of `in_order`."""
    data_of: Callable[[str], str]
    """Returns the SHA-256 of a customer's files."""
    is_stopped: Callable[[], bool]
    found: Found = field(default_factory=Found)
    configurations: dict[int, Texts] = field(default_factory=dict)
    """What each configuration changes, by number."""
    _began: float = field(default_factory=time.monotonic)
    _cpu_seconds_before: float = 0.0
    """Processor time of earlier runs."""

    def __post_init__(self) -> None:
        self._cpu_seconds_before = self.journal.cpu_seconds
        self.configurations = distinct_configurations(self.space, self.settings)

    def run(self) -> Found:
        """Search and judge until the rounds or the budget end, or `is_stopped()`; return what was found.

        Raises InputError where no customer can be backtested.
        """
        sample = self.customers[: self.settings.customers]
        self._evaluate(sample, [0], doing="your settings", share=SHARE_OF_FIRST)
        usable = [each for each in sample if 0 in self.journal.errors.get(each.name, {})]
        self.found.customers = [each.name for each in usable]
        if not usable:
            self._check_failed(sample)
            return self.found
        self._rounds(usable)
        if self.found.best:
            self.found.judged = self._judged(usable, {each.name: self.found.best for each in usable}, than=0)
            if self.found.judged is not None and self.found.judged.gain < 0:
                self.found.best = 0
        if self.settings.per == "customer":
            self._choose_own()
        self.found.is_complete = not self.is_stopped()
        return self.found

    def _rounds(self, usable: Sequence[Customer]) -> None:
        """Halve the configurations until the rounds or the budget end, and choose the fleet's."""
        costs = self.journal.cpu_seconds_of_start
        cost = max(sum(costs.values()) / max(len(costs), 1), 1e-6)
        left = SHARE_OF_SEARCH * self.settings.cpu_seconds - sum(costs.values())
        alive = [number for number in self.configurations if number]
        if not alive:
            return
        plan = affordable(int(max(left, 0) / cost), configurations=len(alive), customers=len(usable))
        for number, each in enumerate(plan, start=1):
            alive, taking_part = alive[: each.configurations], usable[: each.customers]
            logger.info(
                "round %d of %d: %d configurations on %d customers; %.0f of %d CPU seconds are used",
                number,
                len(plan),
                len(alive),
                len(taking_part),
                self.journal.cpu_seconds,
                self.settings.cpu_seconds,
            )
            self._evaluate(taking_part, alive, doing=f"round {number} of {len(plan)}", share=SHARE_OF_SEARCH)
            tried = self._tried(taking_part, alive)
            if tried is None:
                return
            self.found.rounds.append(tried)
            best = tried.configurations[0]
            self.found.best = best if is_better(self.journal.errors, tried.customers, best) else 0
            if len(tried.configurations) <= len(alive) or self._is_over(SHARE_OF_SEARCH):
                return
            alive = [number for number in tried.configurations if number]

    def _tried(self, customers: Sequence[Customer], alive: Sequence[int]) -> Tried | None:
        """Return the round's configurations that all of its customers have, in the order of their errors."""
        errors = self.journal.errors
        names = [each.name for each in customers if each.name not in self.journal.failed]
        complete = [number for number in alive if all(number in errors[name] for name in names)]
        if not names or not complete:
            return None
        return Tried(tuple(names), tuple(ranked(errors, names, [0, *complete])))

    def _choose_own(self) -> None:
        """Let customers leave the fleet's configuration, if that is better after the judging cut-off."""
        order = [number for tried in reversed(self.found.rounds) for number in tried.configurations]
        finalists = list(dict.fromkeys((self.found.best, 0, *order)))[:FINALISTS]
        if len(finalists) == 1:
            return
        self._evaluate(self.customers, finalists, doing="customers", share=SHARE_OF_SEARCH)
        errors = self.journal.errors
        complete = [
            each.name
            for each in self.customers
            if each.name not in self.journal.failed and set(finalists) <= errors.get(each.name, {}).keys()
        ]
        own = own_choices(errors, complete, finalists, fleet=self.found.best, margin=self.settings.margin)
        leaving = [each for each in self.customers if each.name in own]
        self.found.own_judged = self._judged(leaving, own, than=self.found.best)
        if self.found.own_judged is not None and self.found.own_judged.gain >= 0:
            self.found.own = own

    def _judged(
        self, customers: Sequence[Customer], chosen: Mapping[str, int], *, than: int
    ) -> Judged | None:
        """Return how chosen configurations did after the cut-off that no choice has seen, against another."""
        self._evaluate(customers, sorted({than, *chosen.values()}), doing="judge", share=1.0, judges=True)
        pairs = [
            (known[than], known[chosen[each.name]])
            for each in customers
            if {than, chosen[each.name]} <= (known := self.journal.judged.get(each.name, {})).keys()
        ]
        return Judged.of(pairs) if pairs else None

    def _check_failed(self, sample: Sequence[Customer]) -> None:
        """Raise InputError if all customers failed, instead of being left out by the budget or a stop."""
        failed = self.journal.failed
        if all(each.name in failed for each in sample):
            first = f"; the first: {quoted(sample[0].name)}: {failed[sample[0].name]}" if sample else ""
            raise InputError(f"none of {len(sample)} customers can be backtested{first}")

    def _evaluate(
        self,
        customers: Sequence[Customer],
        numbers: Sequence[int],
        *,
        doing: str,
        share: float,
        judges: bool = False,
    ) -> None:
        """Evaluate the configurations that the journal lacks, until the share of the budget is used up."""
        parts = [
            list(numbers[start : start + CONFIGURATIONS_AT_ONCE])
            for start in range(0, len(numbers), CONFIGURATIONS_AT_ONCE)
        ]
        known = self.journal.judged if judges else self.journal.errors
        missing = [
            [each for each in customers if not set(part) <= known.get(each.name, {}).keys()] for part in parts
        ]
        results = self._results(parts, missing, share=share, judges=judges)
        total = sum(map(len, missing))
        left = lambda: self._seconds_left(share)  # noqa: E731 -- a line
        with closing(results):
            for result in progress(results, total=total, doing=doing, unit="backtests", at_most=left):
                self.journal.add(result, judges=judges)

    def _results(
        self, parts: Sequence[list[int]], missing: Sequence[list[Customer]], *, share: float, judges: bool
    ) -> Generator[Backtested, None, None]:
        for part, of_part in zip(parts, missing, strict=True):
            customers = [each for each in of_part if each.name not in self.journal.failed]
            if not customers or self._is_over(share):
                continue
            configurations = {number: self.configurations[number] for number in part}
            train, backtests = self.settings.train, self.settings.backtests
            task = BacktestCustomer(train, backtests, configurations, judges)
            results = self.engine.results(task, customers, stopped=lambda: self._is_over(share))
            with closing(results):
                for result in results:
                    yield result if isinstance(result, Backtested) else self._failed(result)

    def _failed(self, failed: Failed) -> Backtested:
        name = failed.customer
        logger.warning("%s takes no further part: %s", quoted(name), failed.reason)
        return Backtested(
            customer=name, data=self.data_of(name), reason=failed.reason, cpu_seconds=failed.seconds
        )

    def _is_over(self, share: float) -> bool:
        """Return whether this share of the budget is used up, or the search is to stop."""
        return self.is_stopped() or self.journal.cpu_seconds >= share * self.settings.cpu_seconds

    def _seconds_left(self, share: float) -> float:
        """Return how long the share of the budget will last at the rate of this run, in seconds."""
        used = self.journal.cpu_seconds - self._cpu_seconds_before
        if used <= 0:
            return math.inf
        left = max(share * self.settings.cpu_seconds - self.journal.cpu_seconds, 0.0)
        return left * (time.monotonic() - self._began) / used


def distinct_configurations(space: Space, settings: TuneSettings) -> dict[int, Texts]:
    """Return the configurations by number, the job's own settings as 0; none of them twice."""
    found: dict[int, Texts] = {0: {}}
    seen: set[tuple[tuple[str, str], ...]] = {()}
    for number in range(1, ATTEMPTS * settings.configurations + 1):
        changed = space.configuration(number, seed=settings.seed)
        changed = {name: text for name, text in changed.items() if text != settings.value_of_job(name)}
        key = tuple(sorted(changed.items()))
        if key not in seen:
            seen.add(key)
            found[number] = changed
        if len(found) > settings.configurations:
            break
    return found
