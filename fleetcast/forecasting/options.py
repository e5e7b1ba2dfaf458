"""The options of a fit and of a forecast: each is declared and checked once, here, and travels whole.

A new option of Prophet's constructor is a field of `Settings`, which `FitOptions` inherits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from numbers import Real
from typing import Any, Final, cast

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import FutureError, SettingError
from fleetcast.forecasting.calendar import datetimes, microseconds, parse_frequency
from fleetcast.forecasting.features import AddedComponents
from fleetcast.forecasting.option_checks import interval_width
from fleetcast.forecasting.settings import PROPHET_ARGUMENTS, Settings

MOST_ROWS: Final = 10_000_000
"""Most rows of one forecast."""


@dataclass(frozen=True, slots=True, eq=False)
class RowColumns:
    """Columns that come with the rows of a history: one value for each row, or one for all."""

    cap: ArrayLike | None = None
    floor: ArrayLike | None = None
    """With `cap`, of logistic growth only."""
    regressors: Mapping[str, ArrayLike] | None = None
    conditions: Mapping[str, ArrayLike] | None = None
    """True where the seasonality with this `condition_name` applies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions(Settings):
    """How to fit a model: the arguments of Prophet's constructor, with its defaults, and the ones below.

    Raises SettingError, which names the option, what is accepted, and the value.
    """

    seasonalities: Sequence[Mapping[str, Any]] = ()
    """Each with the arguments of Prophet's `add_seasonality`."""
    extra_regressors: Sequence[str | Mapping[str, Any]] | None = None
    """Names, or the arguments of `add_regressor`; None for all regressors that come with the rows."""
    country_holidays: str | None = None
    """A country's code or name, as Prophet's `add_country_holidays` takes it."""
    keep_history: bool = False
    """Whether the model and its text keep the readings."""
    stan_arguments: Mapping[str, Any] | None = None
    """The arguments of `Prophet.fit`; with any, stock Prophet fits."""
    settings: Settings = field(init=False, repr=False, compare=False)
    """The arguments of Prophet's constructor as the model keeps them."""
    added: AddedComponents = field(init=False, repr=False, compare=False)
    """The seasonalities, regressors and country above, checked."""

    def __post_init__(self) -> None:
        """Check every option; `settings` and `added` have them in the types that the model uses."""
        values: dict[str, Any] = {}
        for name, option in PROPHET_ARGUMENTS.items():
            if (value := getattr(self, name)) is not getattr(_DEFAULTS, name):
                values[name] = option.check(name, value)
        if values.get("changepoints") is not None:
            values["n_changepoints"] = len(values["changepoints"])
        if values.get("holidays_mode") is None:
            values["holidays_mode"] = values.get("seasonality_mode", self.seasonality_mode)
        settings = Settings(**values)
        object.__setattr__(self, "settings", settings)
        regressors = () if self.extra_regressors is None else self.extra_regressors
        added = AddedComponents.of(self.seasonalities, regressors, self.country_holidays, settings)
        object.__setattr__(self, "added", added)

    def added_for(self, columns: RowColumns) -> AddedComponents:
        """Return the added components; without `extra_regressors` each regressor of the rows is one."""
        if self.extra_regressors is not None or columns.regressors is None:
            return self.added
        names = tuple(columns.regressors)
        return AddedComponents.of(self.seasonalities, names, self.country_holidays, self.settings)


_DEFAULTS: Final = Settings()
DEFAULT_FIT: Final = FitOptions()


@dataclass(frozen=True, slots=True)
class ForecastOptions:
    """What to forecast and what to return.

    Raises FutureError for what no model can forecast; `forecast` raises it for what this model cannot.
    """

    periods: int = 7
    """Steps after the last timestamp of the history."""
    freq: str | None = "D"
    """A pandas alias, or None to infer it from the last five timestamps."""
    _: KW_ONLY
    include_history: bool = False
    """Also forecast the history's timestamps; needs a model with `keep_history`."""
    quantiles: Sequence[float] = ()
    """Probabilities between 0 and 1; each adds columns such as yhat_0.1 and trend_0.1."""
    components: bool = False
    """Also return each component, with a _lower and an _upper that equal it."""
    ds: ArrayLike | None = None
    """Timestamps to forecast instead of `periods` steps."""
    regressors: Mapping[str, ArrayLike] | None = None
    cap: ArrayLike | None = None
    floor: ArrayLike | None = None
    conditions: Mapping[str, ArrayLike] | None = None
    """As in `RowColumns`: one value for each row of the forecast (history first), or one for all."""
    interval_width: float | None = None
    """The share between yhat_lower and yhat_upper, instead of the model's own."""
    non_negative: bool = False
    """Raise yhat and its quantiles to 0 where they are below; the trend and the components stay."""

    def __post_init__(self) -> None:
        """Check every option that does not depend on the model."""
        if type(self.periods) is not int or not 1 <= self.periods <= MOST_ROWS:
            object.__setattr__(self, "periods", _periods(self.periods))
        if self.freq is not None:
            parse_frequency(self.freq)
        if type(self.quantiles) is not tuple or self.quantiles:
            object.__setattr__(self, "quantiles", _quantiles(self.quantiles))
        if self.interval_width is not None:
            object.__setattr__(self, "interval_width", _width(self.interval_width))
        if self.ds is not None:
            object.__setattr__(self, "ds", _timestamps(self.ds))


DEFAULT_FORECAST: Final = ForecastOptions()


def _periods(periods: object) -> int:
    """Return the number of steps; raises FutureError."""
    is_whole = isinstance(periods, (int, np.integer)) and not isinstance(periods, bool)
    number = int(cast("int", periods)) if is_whole else 0
    if not 1 <= number <= MOST_ROWS:
        raise FutureError(
            f"periods must be a whole number of at least 1 and at most {MOST_ROWS}, not {periods!r:.40}"
        )
    return number


def _quantiles(quantiles: Sequence[float] | None) -> tuple[float, ...]:
    """Return the probabilities; None, as JSON has it, means that there are none."""
    shares = () if quantiles is None else tuple(quantiles)
    for share in shares:
        if isinstance(share, (bool, np.bool_)) or not isinstance(share, Real) or not 0 < share < 1:
            raise FutureError(f"quantiles must be numbers between 0 and 1, not {share!r}")
    return tuple(map(float, shares))


def _width(width: object) -> float:
    """Return the width of the interval; raises FutureError."""
    try:
        return interval_width("interval_width", width)
    except SettingError as error:
        raise FutureError(str(error)) from error


def _timestamps(ds: ArrayLike) -> ArrayLike:
    """Return the timestamps as datetime64; raises FutureError."""
    try:
        stamps = microseconds(ds)
    except (ValueError, TypeError) as error:
        raise FutureError(str(error)) from error
    if not stamps.size:
        raise FutureError("ds has no rows; a forecast needs at least one timestamp")
    if stamps.size > MOST_ROWS:
        raise FutureError(f"ds must have at most {MOST_ROWS} timestamps")
    return datetimes(stamps)
