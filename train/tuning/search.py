"""The search: evaluates configurations round by round, within a budget, and chooses; see `rounds`.

Where a model of all customers takes part, its trees are chosen first, then its share in the forecasts, then
the settings of Prophet's model, each with what was chosen before.

Everything that is decided follows from the journal, so a run that was killed goes on and decides as it would
have done undisturbed; only what was being evaluated is evaluated again.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from container import quoted
from fleetcast.errors import InputError
from train.channel import Customer
from train.global_training import TooFewError, TreesStoppedError, do_without
from train.settings import TrainSettings
from train.tuning.backtests import Backtests, Task, name_of_models
from train.tuning.global_models import GlobalModels
from train.tuning.journal import Journal
from train.tuning.own_choice import own_choices
from train.tuning.rounds import Judged, Tried, affordable, is_better, ranked
from train.tuning.settings import TuneSettings
from train.tuning.space import OF_PROPHET, SHARE, TREES, Configurations, Space, Texts

logger = logging.getLogger(__name__)

SHARE_OF_TREES: Final = 0.5
"""Share of the budget for the trees of a model of all customers where more than these is searched.  The other
shares are shares of what is left."""
SHARE_OF_FIRST: Final = 1 / 3
"""Share of the budget for the job's own settings on all customers, which show what the rest will cost."""
SHARE_OF_SHARES: Final = 0.6
"""Share of the budget until the share of the model of all customers is chosen."""
SHARE_OF_SEARCH: Final = 0.9
"""Share of the budget until the choice; the rest judges it."""
MOST_SHARES: Final = 10
"""Most shares of the model of all customers that are tried."""
JUDGED_AT_ONCE: Final = 32
"""Customers that are judged with both choices before the next ones, as the budget may end in between."""
FINALISTS: Final = 6
"""Configurations among which customers may choose their own."""


@dataclass(slots=True)
class Found:
    """What a search has found out so far."""

    customers: list[str] = field(default_factory=list)
    """Those that compare configurations, in the order in which rounds take them."""
    rounds: list[Tried] = field(default_factory=list)
    best: int = 0
    """The configuration of the fleet; 0 is the job's own settings."""
    trees: list[Tried] = field(default_factory=list)
    """Rounds of the search of trees."""
    best_trees: int = 0
    """The configuration of the trees; 0 is the job's own settings."""
    shares: Tried | None = None
    """The comparison of shares of the model of all customers."""
    best_share: int = 0
    """The configuration of the share; 0 is the job's own."""
    judged: Judged | None = None
    """How the choice, or the one that the judging cut-off refused, did there; None if nothing is changed."""
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

    space: Space
    customers: Sequence[Customer]
    """In the order of `in_order`."""
    backtests: Backtests
    has_global: bool = False
    """Whether a model of all customers is to take part."""
    found: Found = field(default_factory=Found)
    configurations: Configurations = field(default_factory=dict)
    """What each configuration of Prophet's model changes, by number."""
    trees: Configurations = field(default_factory=dict)
    """The same of the trees."""
    shares: Configurations = field(default_factory=dict)
    """The same of the share of the model of all customers."""
    _train: TrainSettings = field(default_factory=TrainSettings)
    """The job's settings with the models of all customers, and their share, that were chosen."""
    _models: GlobalModels | None = None

    def __post_init__(self) -> None:
        settings = self.settings
        self._train = settings.train
        self.configurations = settings.configurations(self.space.part(OF_PROPHET))
        self.trees = settings.configurations(self.space.part(TREES))
        shares = settings.configurations(self.space.part([SHARE]))
        self.shares = dict(list(shares.items())[: MOST_SHARES + 1])
        self.backtests.configurations = self.configurations

    @property
    def settings(self) -> TuneSettings:
        """Return the settings of the search."""
        return self.backtests.settings

    @property
    def journal(self) -> Journal:
        """Return the journal of the search."""
        return self.backtests.journal

    @property
    def changes(self) -> Texts:
        """Return what the choice for the fleet changes of the job's own settings."""
        found = self.found
        return {
            **self.configurations[found.best],
            **self.trees[found.best_trees],
            **self.shares[found.best_share],
        }

    def run(self) -> Found:
        """Search and judge until the rounds or the budget end, or `is_stopped()`; return what was found.

        Raises InputError where no customer can be backtested, and SettingError where the job needs a model
        of all customers and there can be none.
        """
        try:
            if self.has_global:
                self._choose_trees()
        except TreesStoppedError:
            return self.found
        except TooFewError as error:
            do_without(error, self.settings.train)
        sample = self.customers[: self.settings.customers]
        first = Task(doing="your settings", train=self._train, share=SHARE_OF_FIRST)
        self.backtests.evaluate(first, sample, [0])
        usable = [each for each in sample if 0 in self.backtests.of(self._train).errors.get(each.name, {})]
        self.found.customers = [each.name for each in usable]
        if usable:
            if self._models is not None:
                self._choose_share(usable)
            self._rounds(usable)
            if self.changes:
                self._judge(usable)
            if self.settings.per == "customer":
                self._choose_own()
        else:
            self._check_failed(sample)
            self._use_own(self.settings.train)
        self.found.is_complete = not self.backtests.is_stopped()
        return self.found

    def _choose_trees(self) -> None:
        """Choose the trees, and train models with them; raise TreesStoppedError and TooFewError."""
        own = self.backtests
        models = GlobalModels.draw(own.engine, self.customers, self.settings, self.journal, own.is_stopped)
        is_all = self.space.settings.keys() <= TREES.keys()
        seconds = (SHARE_OF_SEARCH if is_all else SHARE_OF_TREES) * self.settings.cpu_seconds
        search = models.search(self.trees, seconds_until=seconds)
        self._train = models.train_settings(self.trees[0 if search is None else search.best])
        self._models = models
        own.reserved = models.cpu_seconds(self._train)
        if search is not None:
            self.found.trees, self.found.best_trees = search.tried, search.best

    def _choose_share(self, usable: Sequence[Customer]) -> None:
        """Choose the share of the model of all customers, by backtests with the job's own settings."""
        trains = {0: self._train}
        for number, changed in self.shares.items():
            if number:
                trains[number] = self._train.with_global_share(float(changed[SHARE]))
                doing = f"{SHARE} = {changed[SHARE]}"
                task = Task(doing=doing, train=trains[number], share=SHARE_OF_SHARES)
                self.backtests.evaluate(task, usable, [0])
        names = [each.name for each in usable if each.name not in self.journal.failed]
        errors: dict[str, dict[int, Sequence[float]]] = {name: {} for name in names}
        for number, train in trains.items():
            found = self.backtests.of(train).errors
            if all(0 in found.get(name, {}) for name in names):
                for name in names:
                    errors[name][number] = found[name][0]
        complete = [number for number in trains if names and number in errors[names[0]]]
        if len(complete) > 1:
            tried = Tried(tuple(names), tuple(ranked(errors, names, complete)), errors)
            best = tried.configurations[0]
            self.found.shares = tried
            self.found.best_share = best if is_better(errors, names, best) else 0
            self._train = trains[self.found.best_share]

    def _judge(self, usable: Sequence[Customer]) -> None:
        """Compare the choice with the job's own settings after the cut-off that no choice has seen.

        Trees and a share that could not be compared there are not used.
        """
        own = self.settings.train
        if self._models is not None:
            try:
                own = self._models.train_settings({})
            except TreesStoppedError:
                self._use_own(own)
                return
        found = self.found
        found.judged = self._judged(usable, {each.name: found.best for each in usable}, than=0, under=own)
        is_refused = found.judged is not None and found.judged.gain < 0
        if is_refused or (found.judged is None and (found.best_trees or found.best_share)):
            self._use_own(own)

    def _use_own(self, train: TrainSettings) -> None:
        """Go back to the job's own settings, which are `train` with their model of all customers."""
        self.found.best = self.found.best_trees = self.found.best_share = 0
        self._train = train

    def _rounds(self, usable: Sequence[Customer]) -> None:
        """Halve the configurations until the rounds or the budget end, and choose the fleet's."""
        own = self.backtests
        costs = own.of(self._train).cpu_seconds_of_start
        cost = max(sum(costs.values()) / max(len(costs), 1), 1e-6)
        left = own.limit(SHARE_OF_SEARCH) - own.reserved - self.journal.cpu_seconds_of_starts
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
            doing = f"round {number} of {len(plan)}"
            task = Task(doing=doing, train=self._train, share=SHARE_OF_SEARCH)
            self.backtests.evaluate(task, taking_part, alive)
            tried = self._tried(taking_part, alive)
            if tried is None:
                return
            self.found.rounds.append(tried)
            best = tried.configurations[0]
            self.found.best = best if is_better(tried.errors, tried.customers, best) else 0
            if len(tried.configurations) <= len(alive) or self.backtests.is_over(SHARE_OF_SEARCH):
                return
            alive = [number for number in tried.configurations if number]

    def _tried(self, customers: Sequence[Customer], alive: Sequence[int]) -> Tried | None:
        """Return the round's configurations that all of its customers have, in the order of their errors."""
        errors = self.backtests.of(self._train).errors
        names = [each.name for each in customers if each.name not in self.journal.failed]
        complete = [number for number in alive if all(number in errors[name] for name in names)]
        if not names or not complete:
            return None
        return Tried(tuple(names), tuple(ranked(errors, names, [0, *complete])), errors)

    def _choose_own(self) -> None:
        """Let customers leave the fleet's configuration, if that is better after the judging cut-off."""
        order = [number for tried in reversed(self.found.rounds) for number in tried.configurations]
        finalists = list(dict.fromkeys((self.found.best, 0, *order)))[:FINALISTS]
        if len(finalists) == 1:
            return
        task = Task(doing="customers", train=self._train, share=SHARE_OF_SEARCH)
        self.backtests.evaluate(task, self.customers, finalists)
        errors = self.backtests.of(self._train).errors
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
        self,
        customers: Sequence[Customer],
        chosen: Mapping[str, int],
        *,
        than: int,
        under: TrainSettings | None = None,
    ) -> Judged | None:
        """Return how chosen configurations did after the cut-off that no choice has seen, against another.

        `under` are the settings that the other one has, if not those that were chosen.
        """
        judge = Task(doing="judge", train=self._train, share=1.0, judges=True)
        numbers = set(chosen.values())
        if under is None or name_of_models(under) == name_of_models(self._train):
            under = self._train
            self.backtests.evaluate(judge, customers, sorted({than, *numbers}))
        else:
            for start in range(0, len(customers), JUDGED_AT_ONCE):
                part = customers[start : start + JUDGED_AT_ONCE]
                self.backtests.evaluate(replace(judge, train=under), part, [than])
                self.backtests.evaluate(judge, part, sorted(numbers))
        before, after = self.backtests.of(under).judged, self.backtests.of(self._train).judged
        pairs = [
            (before[each.name][than], after[each.name][chosen[each.name]])
            for each in customers
            if than in before.get(each.name, {}) and chosen[each.name] in after.get(each.name, {})
        ]
        return Judged.of(pairs) if pairs else None

    def _check_failed(self, sample: Sequence[Customer]) -> None:
        """Raise InputError if all customers failed, instead of being left out by the budget or a stop."""
        failed = self.journal.failed
        if all(each.name in failed for each in sample):
            first = f"; the first: {quoted(sample[0].name)}: {failed[sample[0].name]}" if sample else ""
            raise InputError(f"none of {len(sample)} customers can be backtested{first}")
