"""The search of the trees of a model of all customers: successive halving over samples of customers.

Each configuration's trees are fitted to the rows of a sample and compared on its later rows with those of the
job's own settings, customer by customer; see `tree_rows` and `rounds`.
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from threading import Event
from typing import Final

from container import progress
from fleetcast.global_model import TrainingRows
from train.global_training import LEAST_ROWS, TreesStoppedError, train_trees
from train.tree_settings import TreeSettings
from train.tuning.journal import Journal, TreesLine
from train.tuning.rounds import KEPT, LEAST_CUSTOMERS, Round, Tried, is_better, ranked
from train.tuning.space import Configurations, Texts
from train.tuning.tree_rows import TreeRows

FEWEST_ROWS: Final = 10_000
"""Rows that trees of the first round are fitted to, where there are so many: with fewer, smaller trees look
better than they are."""


@dataclass(slots=True)
class TreeSearch:
    """One search of trees."""

    rows: TreeRows
    texts: Texts
    """Hyperparameters of the job."""
    configurations: Configurations
    """What each changes, by number; 0 is the job's own settings."""
    journal: Journal
    threads: int
    seconds_until: float
    """Processor time in the journal at which the search ends."""
    is_stopped: Callable[[], bool]
    tried: list[Tried] = field(default_factory=list)
    """The rounds, as far as they were completed."""
    best: int = 0

    def run(self) -> None:
        """Halve the configurations until the rounds or the budget end, and choose one.

        Raises TreesStoppedError once `is_stopped()`.
        """
        whole = len(self.rows.customers)
        self._fit(self.rows, [0], doing="your trees")
        alive = [number for number in self.configurations if number]
        first = self.journal.trees.get(self.rows.digest, {}).get(0)
        plan: list[Round] = []
        if first is not None:
            left = self.seconds_until - sum(self.journal.work.values()) - first.cpu_seconds
            most = left / max(first.cpu_seconds, 1e-6)
            plan = affordable(most, len(alive), sizes_of(self.rows))
        for number, each in enumerate(plan, start=1):
            sample = self.rows if each.customers == whole else self.rows.sample(each.customers)
            alive = alive[: each.configurations]
            self._fit(sample, [0, *alive], doing=f"trees, round {number} of {len(plan)}")
            tried = self._tried(sample, alive)
            if tried is None:
                return
            self.tried.append(tried)
            best = tried.configurations[0]
            self.best = best if is_better(tried.errors, tried.customers, best) else 0
            if len(tried.configurations) <= len(alive):
                return
            alive = [number for number in tried.configurations if number]

    def _tried(self, sample: TreeRows, alive: Sequence[int]) -> Tried | None:
        lines = self.journal.trees.get(sample.digest, {})
        complete = [number for number in alive if number in lines]
        if not complete or 0 not in lines:
            return None
        names = tuple(lines[0].errors)
        errors = {
            name: {number: (lines[number].errors[name],) for number in [0, *complete]} for name in names
        }
        return Tried(names, tuple(ranked(errors, names, [0, *complete])), errors)

    def _fit(self, sample: TreeRows, numbers: Sequence[int], *, doing: str) -> None:
        """Fit and compare what the journal lacks, several side by side, until the budget is used up."""
        digest, known = sample.digest, self.journal.trees.get(sample.digest, {})
        missing = [number for number in numbers if number not in known]
        before, ended = sample.before(), Event()

        def fit(number: int) -> TreesLine | None:
            return self._line(number, digest, before, sample, lambda: ended.is_set() or self._is_over())

        pool = ThreadPoolExecutor(self.threads)
        try:
            fits = as_completed([pool.submit(fit, number) for number in missing])
            for each in progress(fits, total=len(missing), doing=doing, unit="configurations"):
                line = each.result()
                if line is not None:
                    self.journal.add_trees(line)
        finally:
            ended.set()
            pool.shutdown(cancel_futures=True)
        if self.is_stopped():
            raise TreesStoppedError

    def _line(
        self, number: int, digest: str, before: TrainingRows, sample: TreeRows, stopped: Callable[[], bool]
    ) -> TreesLine | None:
        """Return the errors with a configuration; None if it is stopped before."""
        if stopped():
            return None
        began = time.thread_time()
        settings = TreeSettings.read({**self.texts, **self.configurations[number]})
        try:
            errors = sample.errors(train_trees(before, settings, stopped))
        except TreesStoppedError:
            return None
        return TreesLine(digest, number, round(time.thread_time() - began, 6), errors)

    def _is_over(self) -> bool:
        return self.is_stopped() or self.journal.cpu_seconds >= self.seconds_until


def can_compare(rows: TreeRows) -> bool:
    """Return whether there are enough rows to fit trees to, and to compare them on."""
    compared = sum(each.after.target.size for each in rows.compared())
    return min(rows.before().target.size, compared) >= LEAST_ROWS


def sizes_of(rows: TreeRows) -> list[int]:
    """Return the numbers of customers of the rounds: a third, and a third of it, while that is enough."""
    sizes = [len(rows.customers)]
    while True:
        sample = rows.sample(math.ceil(sizes[0] / KEPT))
        if len(sample.compared()) < LEAST_CUSTOMERS or sample.before().target.size < FEWEST_ROWS:
            return sizes
        sizes.insert(0, len(sample.customers))


def affordable(most: float, configurations: int, sizes: Sequence[int]) -> list[Round]:
    """Return rounds of at most so many configurations that cost at most `most` fits to all customers.

    The job's own trees, which each round fits too, are already fitted to all.  Returns no rounds where not
    even one configuration is affordable.
    """
    for number in range(configurations, 0, -1):
        rounds = [Round(math.ceil(number / KEPT**i), size) for i, size in enumerate(sizes)]
        fits = sum((each.configurations + 1) * each.customers for each in rounds) / sizes[-1] - 1
        if fits <= most:
            return rounds
    return []
