"""What a fit and a forecast can be asked for: each option is declared once here and travels whole."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Self

from numpy.typing import ArrayLike

from fleetcast.forecasting.settings import DEFAULTS, Settings, settings_from


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
class FitOptions:
    """How a model is fitted, besides the readings and the columns that come with them."""

    settings: Settings = DEFAULTS
    """The arguments of Prophet's constructor, checked."""
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

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Self:
        """Return the options in the keyword arguments of `fit`; raises SettingError for an unknown one."""
        own = {name: value for name, value in arguments.items() if name in _OWN}
        rest = {name: value for name, value in arguments.items() if name not in _OWN}
        return cls(settings=settings_from(rest), **own)


_OWN = frozenset(each.name for each in fields(FitOptions)) - {"settings"}


@dataclass(frozen=True, slots=True)
class ForecastOptions:
    """What to forecast and what to return; `forecast` checks every limit and raises FutureError."""

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
        quantiles = () if self.quantiles is None else tuple(self.quantiles)  # None is what JSON has for none
        object.__setattr__(self, "quantiles", quantiles)


DEFAULT_FORECAST = ForecastOptions()
