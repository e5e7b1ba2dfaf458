"""The settings of a search, from the hyperparameters of `fleetcast tune` and the channel `config`."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
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
from train.methods import AUTO, Methods
from train.settings import TrainSettings
from train.tuning.space import (
    DEFAULT_OF_GLOBAL,
    OF_GLOBAL,
    SHARE,
    TREES,
    Configurations,
    Setting,
    Space,
    Texts,
    default_space,
    parse_space,
)

OWN: Final = "tune_"
"""Begins the names of the hyperparameters that only a search has."""
ATTEMPTS: Final = 20
"""Numbers that are looked at for each configuration; a small space repeats itself."""


def _versions() -> dict[str, str]:
    """Return the versions of what decides an evaluation."""
    found = {"fleetcast": version("fleetcast"), "numpy": np.__version__}
    for name in ("xgboost-cpu", "xgboost"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


VERSIONS: Final = _versions()


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
    configurations_to_try: int
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
            configurations_to_try=hyperparameters.TUNE_CONFIGURATIONS.read(texts),
            customers=hyperparameters.TUNE_CUSTOMERS.read(texts),
            seed=hyperparameters.TUNE_SEED.read(texts),
        )

    def space(self, seasons: list[str], *, has_global: bool) -> Space:
        """Return what is searched; raise SettingError where there is nothing.

        `seasons` are those that Prophet fits by itself to the histories, and `has_global` says whether a
        model of all customers takes part.
        """
        methods = self.train.methods
        if self.own_space is not None:
            _check_takes_part(self.own_space, methods, has_global=has_global)
            return self.own_space
        arguments = self.train.arguments
        effects = ("holidays", "extra_regressors", "country_holidays")
        has_effects = self.train.country is not None or any(arguments.get(name) for name in effects)
        found: dict[str, Setting] = {}
        if not methods.needs_global:
            found |= default_space(set_by_user=self.texts, seasons=seasons, has_effects=has_effects).settings
        if has_global:
            left_out = {*self.texts, *([SHARE] if methods.needs_global else [])}
            found |= {name: each for name, each in DEFAULT_OF_GLOBAL.items() if name not in left_out}
        if not found:
            raise SettingError(
                "there is nothing to search: the hyperparameters set all that the default space has; leave "
                f"some out, or declare tune_space or config/{SEARCH_SPACE}"
            )
        return Space(found)

    def configurations(self, space: Space) -> Configurations:
        """Return the configurations to try by number, the job's own settings as 0; none of them twice."""
        found: dict[int, Texts] = {0: {}}
        seen: set[tuple[tuple[str, str], ...]] = {()}
        for number in range(1, ATTEMPTS * self.configurations_to_try + 1):
            changed = space.configuration(number, seed=self.seed)
            changed = {name: text for name, text in changed.items() if text != self.value_of_job(name)}
            key = tuple(sorted(changed.items()))
            if key not in seen:
                seen.add(key)
                found[number] = changed
            if len(found) > self.configurations_to_try:
                break
        return found

    def search_digest(self, space: Space) -> str:
        """Return the SHA-256 of what decides an evaluation, besides a customer's data."""
        config = self.train.config
        decisive: dict[str, Any] = {
            "versions": VERSIONS,
            "settings": self.train.for_archive(),
            "config": {name: config.digest_of(name) for name in sorted(config.own)},
            "non_negative": self.train.non_negative,
            "backtests": [self.backtests.cutoffs, self.backtests.horizon, self.backtests.metric],
            "global": [asdict(self.train.methods.trees), self.global_share],
            "space": space.describe(),
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    @property
    def global_share(self) -> float:
        """The weight of a model of all customers in a forecast."""
        combine = self.train.methods.combine
        return 0.0 if combine is None else combine.global_share

    def value_of_job(self, name: str) -> str:
        """Return the text of a hyperparameter in the job's own settings: as it is set, or its default."""
        if name in self.texts:
            return self.texts[name]
        if name in OF_GLOBAL:
            return f"{OF_GLOBAL[name].default:g}"
        default = getattr(FitOptions().settings, name)
        return default if isinstance(default, str) else json.dumps(default)


def _check_takes_part(space: Space, methods: Methods, *, has_global: bool) -> None:
    """Raise SettingError for a setting that no forecast of the job depends on."""
    for name in space.settings:
        if name in OF_GLOBAL and not has_global:
            raise SettingError(
                f"the search space has {name}, but models = {methods.models} has no model of all customers "
                f"here: leave it out, or set models = {AUTO} and install fleetcast[global]"
            )
        if methods.needs_global and (name == SHARE or name not in OF_GLOBAL):
            raise SettingError(
                f"the search space has {name}, but models = {methods.models} is a model of all customers "
                f"alone: search {', '.join(TREES)}, or set models = {AUTO}"
            )


def _own_space(text: str, of_file: object) -> Space | None:
    if text and of_file is not None:
        raise SettingError(f"tune_space is a hyperparameter and the file config/{SEARCH_SPACE}: keep one")
    if text:
        return parse_space(value_of(text))
    return None if of_file is None else parse_space(of_file)
