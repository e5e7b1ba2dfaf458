"""Which forecasting methods a job compares, from its hyperparameters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from container import Host, Paths, quoted
from fleetcast.errors import SettingError
from fleetcast.evaluation import CORRECTED_PROPHET, GLOBAL, METHODS, PROPHET, CombineOptions
from fleetcast.global_model import DatedModels
from train import hyperparameters
from train.fleet_statistics import FleetStatistics, read_statistics
from train.hyperparameters_file import value_of
from train.tree_settings import TreeSettings

AUTO: Final = "auto"
CHAMPION: Final = "champion"


@dataclass(frozen=True, slots=True)
class Methods:
    """The methods of a job."""

    models: str = PROPHET
    """The text of the hyperparameter."""
    combine: CombineOptions | None = None
    """What to compare; None where Prophet's model forecasts alone, with its own intervals."""
    keeps_incumbent: bool = False
    """Whether the choice of an earlier job stays unless a new one is better."""
    fleet: FleetStatistics = field(default_factory=FleetStatistics)
    """What another job found out about its fleet."""
    needs_global: bool = False
    """Whether the job fails without a model of all customers."""
    tries_global: bool = False
    """Whether the job trains a model of all customers, if it can."""
    trees: TreeSettings = field(default_factory=TreeSettings)
    """How those models are fitted."""
    global_rows: int = hyperparameters.GLOBAL_ROWS.read({})
    """About how many rows train a model of all customers."""
    global_models: DatedModels | None = field(default=None, repr=False)
    """The models of all customers that this job has trained."""

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> Self:
        """Return the methods that the hyperparameters name; raise SettingError."""
        models = hyperparameters.MODELS.read(texts)
        are_calibrated = hyperparameters.INTERVALS.read(texts) == "calibrated"
        keeps_incumbent = hyperparameters.KEEP_INCUMBENT.read(texts)
        members = _members(models)
        if keeps_incumbent and (len(members) == 1 or models == GLOBAL):
            raise SettingError(
                f"keep_incumbent needs models with a choice: {AUTO}, {CHAMPION} or a JSON list of several "
                f"methods, not {quoted(models)}; set one of them, or leave keep_incumbent out"
            )
        options = CombineOptions(
            members=members,
            cutoffs=hyperparameters.BACKTEST_CUTOFFS.read(texts),
            horizon=hyperparameters.BACKTEST_HORIZON.read(texts) or None,
            one_only=models == CHAMPION,
            margin=hyperparameters.CHAMPION_MARGIN.read(texts),
            metric="wape" if hyperparameters.METRIC.read(texts) == "wape" else "mase",
            calibrate=are_calibrated,
            floor=0.0 if hyperparameters.NON_NEGATIVE.read(texts) else -math.inf,
            global_share=1.0 if models == GLOBAL else hyperparameters.GLOBAL_SHARE.read(texts),
        )
        is_alone = members == (PROPHET,) and not are_calibrated
        tries_global = models == GLOBAL or (models == AUTO and options.global_share > 0)
        return cls(
            models,
            None if is_alone else options,
            keeps_incumbent,
            needs_global=models == GLOBAL,
            tries_global=tries_global,
            trees=TreeSettings.read(texts),
            global_rows=hyperparameters.GLOBAL_ROWS.read(texts),
        )

    @property
    def horizon(self) -> int:
        """The hyperparameter `backtest_horizon`, in steps; 0 if it is not set."""
        return 0 if self.combine is None else self.combine.horizon or 0

    def with_fleet(self, paths: Paths, host: Host, channel: str) -> Self:
        """Return these methods with the statistics in a channel; see `read_statistics`."""
        if not channel:
            return self
        if self.combine is None:
            raise SettingError(
                "fleet_statistics needs a comparison of methods: set models or intervals = calibrated as in "
                "the job that wrote the files, or leave fleet_statistics out"
            )
        fleet = read_statistics(paths, host, channel, models=self.models, backtest_horizon=self.horizon)
        return replace(self, combine=replace(self.combine, fleet=fleet.means), fleet=fleet)

    def for_archive(self) -> dict[str, Any]:
        """Return what decides what an archive holds; nothing where Prophet's model forecasts alone."""
        if self.combine is None:
            return {}
        options = self.combine
        return {
            "models": self.models,
            "backtest_cutoffs": options.cutoffs,
            "backtest_horizon": options.horizon,
            "champion_margin": options.margin if options.one_only or self.keeps_incumbent else None,
            "fleet_statistics": self.fleet.digest or None,
            "intervals": "calibrated" if options.calibrate else None,
            "keep_incumbent": self.keeps_incumbent or None,
            "metric": options.metric if options.metric != CombineOptions().metric else None,
            "global_model": None if self.global_models is None else self.global_models.digest,
            "global_share": None if self.global_models is None else options.global_share,
        }


def _members(models: str) -> tuple[str, ...]:
    if models in {AUTO, CHAMPION, GLOBAL}:
        return METHODS
    if models in {PROPHET, CORRECTED_PROPHET}:
        return (models,)
    names = value_of(models)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise SettingError(
            f"models must be {PROPHET}, {CORRECTED_PROPHET}, {AUTO}, {CHAMPION}, {GLOBAL} or a JSON list of "
            f"methods, not {quoted(models)}"
        )
    for name in names:
        if name not in METHODS:
            raise SettingError(f"models has no method {quoted(name)}; there are {', '.join(METHODS)}")
    return tuple(dict.fromkeys(names))
