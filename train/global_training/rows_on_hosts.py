"""Rows that stay on the hosts of a Ray cluster that drew them, where all of them fit the trees together."""

import logging
from collections import defaultdict
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from container import progress, quoted
from fleetcast.global_model import Errors, Kind, Trees
from train.channel import Customer
from train.engines import HostError, LostError, RayEngine, RayHost, all_answers, call_on, dead_hosts
from train.global_training.draw_rows import DrawnRows
from train.global_training.fit_trees import TreesStoppedError
from train.global_training.kept_rows import KeptRows, answer
from train.global_training.rows import Extent, ShareErrors, Stopped, TreesFit, TreesOf
from train.global_training.trees_on_hosts import ROUNDS_PER_STEP, Checkpoint, fit_on_hosts
from train.tree_settings import TreeSettings

logger = logging.getLogger(__name__)

MOST_LOSSES: Final = 1
"""How often the work goes on after a host was lost."""
ANSWER_SECONDS: Final = 600.0
"""How long a host may take to sum up its rows."""
MOST_ERRORS: Final = 100_000
"""Errors of plain trees that a host sends."""


def with_owners(engine: RayEngine, customers: Sequence[Customer]) -> RayEngine:
    """Return an engine that always gives a customer to the same host, so that rows are where they were."""
    if engine.owners is not None:
        return engine
    owners = {each.name: engine.hosts[n % len(engine.hosts)].node for n, each in enumerate(customers)}
    return replace(engine, owners=owners)


class RowsOnHosts:
    """The rows of the hosts that are left; see `Rows`.

    Raises HostError where a host is lost after another one was.
    """

    def __init__(self, kept: Mapping[RayHost, KeptRows], settings: TreeSettings, stopped: Stopped) -> None:
        self._kept = dict(kept)
        self._settings = settings
        self._stopped = stopped
        self._rows: dict[tuple[Kind, int], dict[RayHost, int]] = {}
        """The number of rows up to a date on each host."""
        self._losses = 0

    @classmethod
    def of(
        cls,
        engine: RayEngine,
        drawn: Sequence[DrawnRows],
        folder: str,
        settings: TreeSettings,
        stopped: Stopped,
    ) -> Self:
        """Return the rows of drawn customers, which are on their owners, in this folder."""
        owners = engine.owners or {}
        own: dict[str, list[DrawnRows]] = defaultdict(list)
        for each in drawn:
            own[owners[each.customer]].append(each)
        dead = dead_hosts(engine.hosts)
        for host in dead:
            logger.warning(
                "host %s is lost, with the rows of %d customers", quoted(host.name), len(own[host.node])
            )
        kept = {
            host: KeptRows(own[host.node], folder)
            for host in engine.hosts
            if host not in dead and own[host.node]
        }
        if not kept:
            raise HostError("all hosts with rows for the model of all customers are lost; run the job again")
        logger.info("global model: rows stay on %d hosts, which fit the trees together", len(kept))
        return cls(kept, settings, stopped)

    @property
    def customers(self) -> Sequence[DrawnRows]:
        """See `Rows`."""
        every = (each for kept in self._kept.values() for each in kept.customers)
        return sorted(every, key=lambda each: each.customer)

    def extent(self, kind: Kind) -> Extent:
        """See `Rows`."""
        return Extent.together(list(self._answers(kind, "extent", kind).values()))

    def counts(self, kind: Kind, dates: Sequence[int]) -> NDArray[np.int64]:
        """See `Rows`."""
        counts = self._answers(kind, "counts", kind, dates)
        for place, date in enumerate(dates):
            self._rows[kind, date] = {host: int(own[place]) for host, own in counts.items()}
        total: NDArray[np.int64] = np.sum(list(counts.values()), axis=0, dtype=np.int64)
        return total

    def share_errors(self, trees: TreesOf, dates: Sequence[int]) -> ShareErrors:
        """See `Rows`."""
        return ShareErrors.together(list(self._answers("stacked", "share_errors", trees, dates).values()))

    def plain_errors(self, trees: Trees, first: int, end: int) -> Errors:
        """See `Rows`."""
        found = self._answers("plain", "plain_errors", trees, first, end, MOST_ERRORS)
        return Errors.together(list(found.values()))

    def fit(self, fits: Sequence[TreesFit]) -> dict[tuple[Kind, int], Trees]:
        """Fit one after the other, each on all hosts with rows of it; see `Rows`."""
        trees: dict[tuple[Kind, int], Trees] = {}
        steps = (step for fit in fits for step in self._steps(fit, trees))
        total = len(fits) * -(-self._settings.rounds // ROUNDS_PER_STEP)
        for _ in progress(steps, total=total, doing="fit trees", unit="steps"):
            pass
        return trees

    def _steps(
        self, fit: TreesFit, trees: dict[tuple[Kind, int], Trees]
    ) -> Generator[Checkpoint, None, None]:
        """Fit trees and add them; yield a checkpoint after each step."""
        last = Checkpoint()
        while last.rounds < self._settings.rounds:
            hosts = {host: kept for host, kept in self._kept.items() if self._rows[fit.key].get(host)}
            if not hosts:
                raise HostError("the hosts that are left have no rows for the model of all customers")
            try:
                for step in fit_on_hosts(hosts, fit, self._settings, last, self._check):
                    last = step
                    yield step
            except LostError as lost:
                self._lose(lost, f"; the fit goes on from tree {last.rounds} of {self._settings.rounds}")
        trees[fit.key] = last.trees()

    def _answers(self, kind: Kind, question: str, *arguments: object) -> dict[RayHost, Any]:
        """Return what each host says of its rows of a kind."""
        while True:
            calls = {
                host: call_on(host, answer, kept, kind, question, *arguments)
                for host, kept in self._kept.items()
            }
            try:
                return all_answers(calls, seconds=ANSWER_SECONDS, check=self._check)
            except LostError as lost:
                self._lose(lost)

    def _check(self) -> None:
        if self._stopped():
            raise TreesStoppedError

    def _lose(self, lost: LostError, what_follows: str = "") -> None:
        """Go on without the lost hosts and their rows, unless it is too often."""
        self._losses += 1
        gone = sum(len(self._kept.pop(host).customers) for host in lost.hosts)
        names = ", ".join(quoted(host.name) for host in lost.hosts)
        what = f"{names} is lost with the rows of {gone} customers" if names else "processes of hosts failed"
        advice = "" if names else "all TCP ports must be open between the hosts; "
        if self._losses > MOST_LOSSES or not self._kept:
            raise HostError(
                f"the model of all customers cannot be trained: {what}, after an earlier loss: {lost}; "
                f"{advice}run the same command again, or set global_rows to 200000, which needs no host but "
                "the head"
            )
        left = ", ".join(host.name for host in self._kept)
        logger.warning("global model: %s (%s)%s on %s", what, lost, what_follows, left)
