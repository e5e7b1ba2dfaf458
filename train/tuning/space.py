"""The settings that a search may choose, and the configurations that it tries: declared, checked, sampled.

A configuration changes some hyperparameters of the job and leaves the others as they are.  Configuration 0
changes nothing.  Each value of the others is a hash of the seed, the number of the configuration and the name
of the hyperparameter, so that configuration 17 is the same on every machine, whatever else is tried.

Bergstra and Bengio (2012), "Random search for hyper-parameter optimization", JMLR 13.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from container import Fraction, WholeNumber, quoted
from fleetcast.errors import SettingError
from fleetcast.forecasting import PROPHET_ARGUMENTS
from train import hyperparameters
from train.hyperparameters_file import value_of

Texts: TypeAlias = Mapping[str, str]
"""Hyperparameters by name, as `train` takes them."""
Configurations: TypeAlias = Mapping[int, Texts]
"""What each configuration changes, by number; 0 changes nothing."""

TREES: Final[Mapping[str, Fraction | WholeNumber]] = {
    each.name: each
    for each in (hyperparameters.GLOBAL_ETA, hyperparameters.GLOBAL_ROUNDS, hyperparameters.GLOBAL_MAX_DEPTH)
}
"""Hyperparameters that decide the trees of a model of all customers."""
SHARE: Final = hyperparameters.GLOBAL_SHARE.name
OF_GLOBAL: Final[Mapping[str, Fraction | WholeNumber]] = {**TREES, SHARE: hyperparameters.GLOBAL_SHARE}
WHOLE: Final = frozenset(
    {
        "n_changepoints",
        "yearly_seasonality",
        "weekly_seasonality",
        "daily_seasonality",
        hyperparameters.GLOBAL_ROUNDS.name,
        hyperparameters.GLOBAL_MAX_DEPTH.name,
    }
)
OF_PROPHET: Final = (
    "changepoint_prior_scale",
    "seasonality_prior_scale",
    "holidays_prior_scale",
    "seasonality_mode",
    "holidays_mode",
    "growth",
    "changepoint_range",
    "n_changepoints",
    "yearly_seasonality",
    "weekly_seasonality",
    "daily_seasonality",
    "scaling",
)
"""Hyperparameters that decide the forecast of Prophet's model and hold a single value."""
SEARCHABLE: Final = (*OF_PROPHET, *OF_GLOBAL)
KEPT_SHARE: Final = 0.5
"""Probability that a configuration leaves a setting as it is: most settings of a fleet need no change, and a
configuration with a single bad value says nothing about its others."""
MOST_VALUES: Final = 100
_DIGITS: Final = 3
_EXAMPLE: Final = '{"from": 0.001, "to": 0.5, "scale": "log"}'


@dataclass(frozen=True, slots=True)
class Values:
    """A setting with a few values."""

    texts: tuple[str, ...]

    def at(self, share: float) -> str:
        """Return the value at a share of the list, from 0 to below 1."""
        return self.texts[int(share * len(self.texts))]

    def describe(self) -> str:
        """Return the accepted values in words."""
        return ", ".join(self.texts)


@dataclass(frozen=True, slots=True)
class Range:
    """A setting with a number between two bounds, both included."""

    least: float
    most: float
    is_log: bool = False
    """Whether each factor is as likely as another, as suits prior scales, instead of each distance."""
    is_whole: bool = False

    def at(self, share: float) -> str:
        """Return the number at a share of the range, from 0 to below 1; with three digits unless whole."""
        number = self.number_at(share)
        if self.is_whole:
            return str(round(number))
        return f"{min(max(float(f'{number:.{_DIGITS}g}'), self.least), self.most):g}"

    def number_at(self, share: float) -> float:
        """Return the number at a share of the range."""
        ends = self.scaled(self.least), self.scaled(self.most)
        number = ends[0] + share * (ends[1] - ends[0])
        return math.exp(number) if self.is_log else number

    def share_of(self, number: float) -> float:
        """Return at which share of the range a number is."""
        ends = self.scaled(self.least), self.scaled(self.most)
        return (self.scaled(number) - ends[0]) / (ends[1] - ends[0])

    def scaled(self, number: float) -> float:
        """Return a number of the range on its scale."""
        return math.log(number) if self.is_log else number

    def describe(self) -> str:
        """Return the range in words."""
        return f"{self.least:g} to {self.most:g}{', on a log scale' if self.is_log else ''}"


Setting: TypeAlias = Values | Range


@dataclass(frozen=True, slots=True)
class Space:
    """The settings of a search by the name of the hyperparameter."""

    settings: Mapping[str, Setting]

    def configuration(self, number: int, *, seed: int) -> dict[str, str]:
        """Return what configuration `number`, from 0, changes; the same for the same seed, everywhere."""
        if number == 0:
            return {}
        return {
            name: setting.at((share - KEPT_SHARE) / (1 - KEPT_SHARE))
            for name, setting in self.settings.items()
            if (share := _share(seed, number, name)) >= KEPT_SHARE
        }

    def part(self, names: Iterable[str]) -> "Space":
        """Return the space of these settings alone."""
        return Space({name: self.settings[name] for name in names if name in self.settings})

    def texts_of(self, name: str) -> tuple[str, ...]:
        """Return the values of a setting that has a few; none for a range, and for what is not searched."""
        setting = self.settings.get(name)
        return setting.texts if isinstance(setting, Values) else ()

    def describe(self) -> dict[str, str]:
        """Return the values of each setting in words."""
        return {name: setting.describe() for name, setting in self.settings.items()}


def _share(seed: int, number: int, name: str) -> float:
    digest = hashlib.sha256(f"{seed}/{number}/{name}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


DEFAULT: Final[Mapping[str, Setting]] = {
    "changepoint_prior_scale": Range(0.001, 0.5, is_log=True),
    "seasonality_prior_scale": Range(0.01, 10, is_log=True),
    "holidays_prior_scale": Range(0.01, 10, is_log=True),
    "seasonality_mode": Values(("additive", "multiplicative")),
    "growth": Values(("linear", "flat")),
    "changepoint_range": Range(0.8, 0.95),
    "n_changepoints": Range(5, 50, is_whole=True),
    "yearly_seasonality": Values(("false", "5", "20")),
    "weekly_seasonality": Values(("false", "5", "10")),
    "daily_seasonality": Values(("6", "8", "12")),
}
"""What is searched where no space is set; the first four and the sixth have the ranges that Prophet's own
documentation recommends ("Diagnostics", hyperparameter tuning)."""
SEASONS: Final = ("yearly_seasonality", "weekly_seasonality", "daily_seasonality")
"""Searched by default where Prophet fits them by itself."""


DEFAULT_OF_GLOBAL: Final[Mapping[str, Setting]] = {
    "global_eta": Range(0.01, 0.2, is_log=True),
    "global_rounds": Range(80, 800, is_log=True, is_whole=True),
    "global_max_depth": Range(3, 8, is_whole=True),
    "global_share": Values(("0.4", "0.55", "0.85", "1")),
}
"""What is searched of a model of all customers, where no space is set."""


def default_space(*, set_by_user: Iterable[str], seasons: Iterable[str], has_effects: bool) -> Space:
    """Return the default space without what the user has set, and without what changes nothing.

    `seasons` are those of `SEASONS` that Prophet fits by itself to the customers' histories, and
    `has_effects` says whether there are holidays or regressors.
    """
    left_out = {*set_by_user, *set(SEASONS) - set(seasons)}
    if not has_effects:
        left_out.add("holidays_prior_scale")
    return Space({name: setting for name, setting in DEFAULT.items() if name not in left_out})


def parse_space(content: Any) -> Space:  # noqa: ANN401 -- whatever JSON holds
    """Return the space that a JSON object declares; raise SettingError with what is accepted.

    Each hyperparameter has a list of values, or an object with the numbers `from` and `to` and, for each
    factor to be as likely as another, `"scale": "log"`.
    """
    if not isinstance(content, dict) or not content:
        raise SettingError(
            "a search space must be a JSON object of hyperparameters, each with a list of values or an "
            f"object such as {_EXAMPLE}, not {quoted(json.dumps(content))}"
        )
    unknown = [name for name in content if name not in SEARCHABLE]
    if unknown:
        raise SettingError(f"{quoted(unknown[0])} cannot be searched; accepted are {', '.join(SEARCHABLE)}")
    return Space({name: _setting(name, declared) for name, declared in content.items()})


def _setting(name: str, declared: Any) -> Setting:  # noqa: ANN401 -- as above
    if isinstance(declared, list):
        if not 1 <= len(declared) <= MOST_VALUES:
            raise SettingError(f"{name} must have 1 to {MOST_VALUES} values, not {len(declared)}")
        return Values(tuple(_text(name, value) for value in declared))
    if not isinstance(declared, dict) or not {"from", "to"} <= declared.keys() <= {"from", "to", "scale"}:
        raise SettingError(
            f"{name} must have a list of values, or an object such as {_EXAMPLE}, not "
            f"{quoted(json.dumps(declared))}"
        )
    for end in ("from", "to"):
        if isinstance(declared[end], bool) or not isinstance(declared[end], int | float):
            raise SettingError(f"{name}: {end} must be a number, not {quoted(json.dumps(declared[end]))}")
        _text(name, declared[end])
    if (scale := declared.get("scale", "linear")) not in ("linear", "log"):
        raise SettingError(f"{name}: scale must be linear or log, not {quoted(json.dumps(scale))}")
    least, most = declared["from"], declared["to"]
    if not least < most:
        raise SettingError(f"{name}: from must be below to, not {least:g} and {most:g}")
    if scale == "log" and least <= 0:
        raise SettingError(f"{name}: from must be above 0 on a log scale, not {least:g}")
    return Range(float(least), float(most), is_log=scale == "log", is_whole=name in WHOLE)


def _text(name: str, value: Any) -> str:  # noqa: ANN401 -- as above
    """Return a value as the text of a hyperparameter; raise SettingError unless it is accepted."""
    text = value if isinstance(value, str) else json.dumps(value)
    if name in OF_GLOBAL:
        OF_GLOBAL[name].read({name: text})
    else:
        PROPHET_ARGUMENTS[name].check(name, value_of(value) if isinstance(value, str) else value)
    return text
