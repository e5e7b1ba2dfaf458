"""The models of all customers of a search: their rows, the search of their trees, models for backtests."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from train import hyperparameters
from train.channel import Customer
from train.engines import Engine
from train.global_training import DrawnRows, drawn_rows, trained_models
from train.settings import TrainSettings
from train.tree_settings import TreeSettings
from train.tuning.journal import Journal
from train.tuning.settings import TuneSettings
from train.tuning.space import Configurations, Texts
from train.tuning.tree_rows import a_horizon_earlier, tree_rows
from train.tuning.tree_search import TreeSearch, can_compare


@dataclass(slots=True)
class GlobalModels:
    """Trains models as `train` would have done a horizon before the end of each history."""

    settings: TuneSettings
    journal: Journal
    rows: Sequence[DrawnRows]
    """As such a training would have drawn them."""
    is_stopped: Callable[[], bool]
    _trained: dict[TreeSettings, TrainSettings] = field(default_factory=dict)

    @classmethod
    def draw(
        cls,
        engine: Engine,
        customers: Sequence[Customer],
        settings: TuneSettings,
        journal: Journal,
        is_stopped: Callable[[], bool],
    ) -> "GlobalModels":
        """Draw the rows; raise TooFewError, and TreesStoppedError once `is_stopped()`.

        They are no more than the default of `global_rows`, as they stay on this host.
        """
        methods = settings.train.methods
        rows = min(methods.global_rows, hyperparameters.GLOBAL_ROWS.read({}))
        train = replace(settings.train, methods=replace(methods, global_rows=rows))
        drawn = drawn_rows(engine, customers, train, is_stopped)
        journal.add_work("rows", sum(each.cpu_seconds for each in drawn))
        return cls(settings, journal, a_horizon_earlier(drawn), is_stopped)

    def search(self, configurations: Configurations, *, seconds_until: float) -> TreeSearch | None:
        """Return the search of trees after its end; None where too few rows can compare any.

        Raises TreesStoppedError.
        """
        rows = tree_rows(self.rows, seed=self.settings.seed)
        if len(configurations) == 1 or rows is None or not can_compare(rows):
            return None
        search = TreeSearch(
            rows=rows,
            texts=self.settings.texts,
            configurations=configurations,
            journal=self.journal,
            threads=self.settings.train.workers,
            seconds_until=seconds_until,
            is_stopped=self.is_stopped,
        )
        search.run()
        return search

    def train_settings(self, changes: Texts) -> TrainSettings:
        """Return the job's settings with the models of changed trees; raise as `trained_models` does."""
        trees = TreeSettings.read({**self.settings.texts, **changes})
        if trees not in self._trained:
            began = time.process_time()
            train = self.settings.train
            train = replace(train, methods=replace(train.methods, trees=trees))
            models = trained_models(self.rows, train, self.is_stopped)
            self.journal.add_work(_name(trees), time.process_time() - began)
            self._trained[trees] = replace(train, methods=replace(train.methods, global_models=models))
        return self._trained[trees]

    def cpu_seconds(self, train: TrainSettings) -> float:
        """Return what rows, search and the models of these settings took when they were made first."""
        work, trees = self.journal.work, self.journal.trees.values()
        fits = sum(line.cpu_seconds for lines in trees for line in lines.values())
        return work.get("rows", 0.0) + work.get(_name(train.methods.trees), 0.0) + fits


def _name(trees: TreeSettings) -> str:
    return f"models of {trees}"
