"""The settings of a search, from the hyperparameters of `fleetcast tune` and the channel `config`."""

import hashlib
import json
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Final, Literal, Self

import numpy as np

from container import Paths, quoted
from fleetcast.errors import SettingError
from fleetcast.evaluation import PROPHET
from fleetcast.forecasting import FitOptions
from train import hyperparameters
from train.config import BEST_HYPERPARAMETERS, SEARCH_SPACE
from train.customer import BacktestOptions
from train.hyperparameters_file import read_texts, value_of
from train.settings import TrainSettings
from train.tuning.space import Space, Texts, default_space, parse_space

OWN: Final = "tune_"
"""Begins the names of the hyperparameters that only a search has."""
VERSIONS: Final = {"fleetcast": version("fleetcast"), "numpy": np.__version__}


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneSettings:
    """How a search runs."""

    train: TrainSettings
    """The settings of the job whose hyperparameters are searched."""
    texts: Texts
    """Its hyperparameters, without those of the search."""
    backtests: BacktestOptions
    own_space: Space | None
    """The space that the user has declared; None for the default."""
    per: Literal["fleet", "customer"]
    margin: float
    """By which share of its error a customer's own settings must be better than the fleet's."""
    cpu_seconds: int
    configurations: int
    customers: int
    seed: int

    @classmethod
    def from_files(cls, paths: Paths) -> Self:
        """Read `hyperparameters.json` and the channel `config`; raise SettingError and InputError."""
        train = TrainSettings.from_files(paths)
        texts = {**train.config.best.get("", {}), **read_texts(paths.config / "hyperparameters.json")}
        if customers := sorted(train.config.best.keys() - {""}):
            raise SettingError(
                f"a search begins with settings that all customers share, but config/{BEST_HYPERPARAMETERS} "
                f"has a row of customer {quoted(customers[0])}: remove the rows with a customer"
            )
        methods = train.methods
        if methods.needs_global:
            raise SettingError(
                f"models = {methods.models} is one model of all customers, without settings that a search "
                "could choose for its forecasts: use prophet, auto or a list of methods"
            )
        if methods.combine is not None:
            prophet_alone = methods.combine.members == (PROPHET,)
            options = None if prophet_alone else replace(methods.combine, calibrate=False)
            methods = replace(methods, combine=options, keeps_incumbent=False)
        return cls(
            train=replace(train, methods=methods),
            texts={name: text for name, text in texts.items() if not name.startswith(OWN)},
            backtests=BacktestOptions(
                cutoffs=hyperparameters.BACKTEST_CUTOFFS.read(texts),
                horizon=hyperparameters.BACKTEST_HORIZON.read(texts) or None,
                metric="wape" if hyperparameters.METRIC.read(texts) == "wape" else "mase",
            ),
            own_space=_own_space(hyperparameters.TUNE_SPACE.read(texts), train.config.search_space),
            per="customer" if hyperparameters.TUNE_PER.read(texts) == "customer" else "fleet",
            margin=hyperparameters.TUNE_MARGIN.read(texts),
            cpu_seconds=hyperparameters.TUNE_CPU.read(texts),
            configurations=hyperparameters.TUNE_CONFIGURATIONS.read(texts),
            customers=hyperparameters.TUNE_CUSTOMERS.read(texts),
            seed=hyperparameters.TUNE_SEED.read(texts),
        )

    def space(self, seasons: list[str]) -> Space:
        """Return what is searched; `seasons` are those that Prophet fits by itself to the histories."""
        if self.own_space is not None:
            return self.own_space
        arguments = self.train.arguments
        effects = ("holidays", "extra_regressors", "country_holidays")
        has_effects = self.train.country is not None or any(arguments.get(name) for name in effects)
        space = default_space(set_by_user=self.texts, seasons=seasons, has_effects=has_effects)
        if not space.settings:
            raise SettingError(
                "there is nothing to search: the hyperparameters set all that the default space has; leave "
                f"some out, or declare tune_space or config/{SEARCH_SPACE}"
            )
        return space

    def search_digest(self, space: Space) -> str:
        """Return the SHA-256 of what decides an evaluation, besides a customer's data."""
        config = self.train.config
        decisive: dict[str, Any] = {
            "versions": VERSIONS,
            "settings": self.train.for_archive(),
            "config": {name: config.digest_of(name) for name in sorted(config.own)},
            "non_negative": self.train.non_negative,
            "backtests": [self.backtests.cutoffs, self.backtests.horizon, self.backtests.metric],
            "space": space.describe(),
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def value_of_job(self, name: str) -> str:
        """Return the text of a hyperparameter in the job's own settings: as it is set, or its default."""
        if name in self.texts:
            return self.texts[name]
        default = getattr(FitOptions().settings, name)
        return default if isinstance(default, str) else json.dumps(default)


def _own_space(text: str, of_file: object) -> Space | None:
    if text and of_file is not None:
        raise SettingError(f"tune_space is a hyperparameter and the file config/{SEARCH_SPACE}: keep one")
    if text:
        return parse_space(value_of(text))
    return None if of_file is None else parse_space(of_file)
