"""The arguments of Prophet 1.5's constructor, each declared once with its type, its check and its default.

A fitted model keeps them as `Settings`; `FitOptions` applies the checks.
"""

from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

from numpy.typing import ArrayLike

from fleetcast.forecasting import option_checks as checks
from fleetcast.forecasting.parameters import Growth

Mode: TypeAlias = Literal["additive", "multiplicative"]
Scaling: TypeAlias = Literal["absmax", "minmax"]
Order: TypeAlias = bool | int | Literal["auto"]

GROWTHS: Final = ("linear", "flat", "logistic")
MODES: Final = ("additive", "multiplicative")
SCALINGS: Final = ("absmax", "minmax")
_check_mode: Final = checks.one_of(*MODES)


def mode(name: str, value: object) -> Mode:
    """Return "additive" or "multiplicative"; raises SettingError for anything else."""
    return cast("Mode", _check_mode(name, value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model was fitted; names, meanings and defaults are those of Prophet's constructor.

    The class itself checks nothing: the text of a model that stock Prophet fitted may hold what no
    `FitOptions` accepts, such as n_changepoints = -1.
    """

    growth: Annotated[Growth, checks.one_of(*GROWTHS)] = "linear"
    changepoints: Annotated[ArrayLike | None, checks.dates] = None
    """Dates at which the trend may change its slope; in a model, microseconds since 1970 as a tuple."""
    n_changepoints: Annotated[int, checks.changepoint_count] = 25
    """How many changepoints to place; in a model, how many there are."""
    changepoint_range: Annotated[float, checks.share] = 0.8
    yearly_seasonality: Annotated[Order, checks.fourier_order] = "auto"
    weekly_seasonality: Annotated[Order, checks.fourier_order] = "auto"
    daily_seasonality: Annotated[Order, checks.fourier_order] = "auto"
    holidays: Annotated[Any, checks.holiday_table] = None
    """A mapping of columns, a data frame or a list of rows; in a model a `HolidayTable`."""
    seasonality_mode: Annotated[Mode, mode] = "additive"
    seasonality_prior_scale: Annotated[float, checks.positive] = 10.0
    holidays_prior_scale: Annotated[float, checks.positive] = 10.0
    changepoint_prior_scale: Annotated[float, checks.positive] = 0.05
    mcmc_samples: Annotated[int, checks.sample_count] = 0
    interval_width: Annotated[float, checks.interval_width] = 0.8
    uncertainty_samples: Annotated[int, checks.sample_count] = 1000
    stan_backend: Annotated[str | None, checks.stan_backend] = None
    scaling: Annotated[Scaling, checks.one_of(*SCALINGS)] = "absmax"
    holidays_mode: Annotated[Mode | None, checks.optional(mode)] = None
    """None means the seasonality_mode; in a model it is never None."""


NAMES: Final = tuple(field.name for field in fields(Settings))
