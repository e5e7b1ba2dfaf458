"""The arguments of Prophet 1.5's constructor, each declared once: type, default, check, meaning.

A fitted model keeps them as `Settings`; `FitOptions` applies the checks; a training job's hyperparameters and
the documentation come from the same declaration.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal, TypeAlias, cast, get_type_hints

from numpy.typing import ArrayLike

from fleetcast.forecasting import option_checks as checks
from fleetcast.forecasting.limits import MOST_CHANGEPOINTS, MOST_FOURIER_TERMS
from fleetcast.forecasting.option_checks import Option
from fleetcast.forecasting.parameters import Growth

Mode: TypeAlias = Literal["additive", "multiplicative"]
Scaling: TypeAlias = Literal["absmax", "minmax"]
Order: TypeAlias = bool | int | Literal["auto"]

GROWTHS: Final = ("linear", "flat", "logistic")
MODES: Final = ("additive", "multiplicative")
SCALINGS: Final = ("absmax", "minmax")
_check_mode: Final = checks.one_of(*MODES)
_FOURIER: Final = f"`auto`, `true`, `false`, or 0 to {MOST_FOURIER_TERMS} Fourier terms"
_ABOVE_0: Final = "a number above 0"
_SAMPLES: Final = f"0 to {checks.MOST_SAMPLES}"


def _words(names: Iterable[str]) -> str:
    """Return names as Markdown, with commas between."""
    return ", ".join(f"`{name}`" for name in names)


def mode(name: str, value: object) -> Mode:
    """Return "additive" or "multiplicative"; raises SettingError for anything else."""
    return cast("Mode", _check_mode(name, value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model was fitted; names, meanings and defaults are those of Prophet's constructor.

    The class itself checks nothing: the text of a model that stock Prophet fitted may hold what no
    `FitOptions` accepts, such as n_changepoints = -1.
    """

    growth: Annotated[
        Growth,
        Option(
            checks.one_of(*GROWTHS),
            _words(GROWTHS),
            "The form of the trend; `logistic` growth needs a `cap`.",
        ),
    ] = "linear"
    changepoints: Annotated[
        ArrayLike | None,
        Option(
            checks.dates,
            f"a list of at most {MOST_CHANGEPOINTS} dates",
            "The dates at which the slope of the trend may change.",
            "`n_changepoints` dates at even distances",
        ),
    ] = None
    """In a model a tuple of microseconds since 1970."""
    n_changepoints: Annotated[
        int,
        Option(
            checks.changepoint_count,
            f"0 to {MOST_CHANGEPOINTS}",
            "Number of changepoints that are chosen, where `changepoints` is not set.",
        ),
    ] = 25
    """In a model the number of its changepoints, which a short history lowers."""
    changepoint_range: Annotated[
        float,
        Option(
            checks.share,
            "0 to 1",
            "Share of the history, from its start, that the chosen changepoints span.",
        ),
    ] = 0.8
    yearly_seasonality: Annotated[
        Order,
        Option(
            checks.fourier_order, _FOURIER, "The yearly season; `auto` fits one if the history has two years."
        ),
    ] = "auto"
    weekly_seasonality: Annotated[
        Order,
        Option(
            checks.fourier_order, _FOURIER, "The weekly season; `auto` fits one if the history has two weeks."
        ),
    ] = "auto"
    daily_seasonality: Annotated[
        Order,
        Option(
            checks.fourier_order,
            _FOURIER,
            "The daily season; `auto` fits one if the history has two days of readings within the day.",
        ),
    ] = "auto"
    holidays: Annotated[
        Any,
        Option(
            checks.holiday_table,
            "a list of objects with `ds`, `holiday` and, if needed, `lower_window`, `upper_window`, "
            "`prior_scale`",
            "Days with an effect of their own.",
        ),
    ] = None
    """Or a data frame, or a mapping of columns; in a model a `HolidayTable`."""
    seasonality_mode: Annotated[
        Mode,
        Option(mode, _words(MODES), "Whether seasons are added to the trend or multiply it."),
    ] = "additive"
    seasonality_prior_scale: Annotated[
        float,
        Option(
            checks.positive, _ABOVE_0, "How strong seasons may be that set no `prior_scale` of their own."
        ),
    ] = 10.0
    holidays_prior_scale: Annotated[
        float,
        Option(
            checks.positive,
            _ABOVE_0,
            "How strong effects of holidays and regressors may be that set no `prior_scale` of their own.",
        ),
    ] = 10.0
    changepoint_prior_scale: Annotated[
        float,
        Option(
            checks.positive,
            _ABOVE_0,
            "How much the slope may change at a changepoint; a larger scale makes the trend more flexible.",
        ),
    ] = 0.05
    mcmc_samples: Annotated[
        int,
        Option(
            checks.sample_count,
            _SAMPLES,
            "Samples of the posterior; above 0 stock Prophet fits each model, which takes many times longer.",
        ),
    ] = 0
    interval_width: Annotated[
        float,
        Option(
            checks.interval_width, "at least 0, below 1", "Probability that a forecast interval is to cover."
        ),
    ] = 0.8
    uncertainty_samples: Annotated[
        int,
        Option(
            checks.sample_count,
            _SAMPLES,
            "`0` leaves intervals out; with any other number they are computed, not sampled.",
        ),
    ] = 1000
    stan_backend: Annotated[
        str | None,
        Option(
            checks.stan_backend, "`CMDSTANPY`", "The interface to Stan of the fits that are left to Prophet."
        ),
    ] = None
    scaling: Annotated[
        Scaling,
        Option(
            checks.one_of(*SCALINGS),
            _words(SCALINGS),
            "Whether readings are divided by their largest absolute value, or mapped from their range to "
            "0 to 1, before the fit.",
        ),
    ] = "absmax"
    holidays_mode: Annotated[
        Mode | None,
        Option(
            checks.optional(mode),
            _words(MODES),
            "Whether the effects of holidays are added to the trend or multiply it.",
            "the value of `seasonality_mode`",
        ),
    ] = None
    """In a model never None."""


def _declarations() -> Mapping[str, Option]:
    """Return the `Option` of each field of `Settings`."""
    hints = get_type_hints(Settings, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(Settings)}


PROPHET_ARGUMENTS: Final = _declarations()
"""The declaration of each argument of Prophet's constructor, by name, in Prophet's order."""
