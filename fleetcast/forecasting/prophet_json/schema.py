"""Prophet's JSON, declared once: every field with its type, its limits and what it means.

The reader decodes a text into these structs, so that a value outside its limits never reaches a forecast.
The writer fills the same structs and writes their fields in the order in which they stand here, which is
Prophet's.  `field_table` renders them for the documentation.

Several fields are texts that hold JSON again, as pandas writes a series or a table: `SeriesJson`,
`HolidayTableJson`, `HistoryJson` and `CountryDaysJson` declare what is inside.
"""

from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

from fleetcast.forecasting.calendar import FIRST_DAY, LAST_DAY
from fleetcast.forecasting.limits import (
    LARGEST,
    MOST_CHANGEPOINTS,
    MOST_FOURIER_TERMS,
    MOST_HOLIDAY_DAYS,
    SMALLEST,
)
from fleetcast.forecasting.members import MOST_PATH
from fleetcast.forecasting.parameters import Growth
from fleetcast.forecasting.settings import Mode, Scaling

_SECONDS_PER_DAY: Final = 86_400
FARTHEST_CHANGEPOINT: Final = 2
"""Largest changepoint in scaled time, in which the history ends at 1."""
MOST_ROWS: Final = 10**12
LAST_YEAR: Final = 10_000
_MOST_GROUPS: Final = 100
_MOST_COVERAGES: Final = 100
_LARGEST_WHOLE: Final = 2**63 - 1

_Number: TypeAlias = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
_AboveZero: TypeAlias = Annotated[float, Meta(ge=SMALLEST, le=LARGEST)]
_FromZero: TypeAlias = Annotated[float, Meta(ge=0, le=LARGEST)]
# A whole number stays one, so that a model is written as it was read: 7, not 7.0
_PlainAboveZero: TypeAlias = Annotated[int, Meta(ge=1, le=_LARGEST_WHOLE)] | _AboveZero
_PlainFromZero: TypeAlias = Annotated[int, Meta(ge=0, le=_LARGEST_WHOLE)] | _FromZero
_Share: TypeAlias = Annotated[int, Meta(ge=0, le=0)] | Annotated[float, Meta(ge=0, lt=1)]
_Samples: TypeAlias = list[_Number | list[_Number]]
_Scalar: TypeAlias = bool | int | float | str | None
"""Prophet writes these arguments of its constructor without a check, and a forecast does not use them."""
_Unread: TypeAlias = Any
"""Prophet needs the field to fit or to draw; it may hold anything."""

_Declared = TypeVar("_Declared")
NamedDeclarations: TypeAlias = tuple[list[str], dict[str, _Declared]]
"""Prophet's `[[name, …], {name: declaration, …}]`: the list has the order."""


class SettingsJson(Struct, kw_only=True, gc=False):
    """The arguments of Prophet's constructor that hold one value each."""

    growth: Annotated[Growth, Meta(description="The trend's form.")]
    n_changepoints: Annotated[_Scalar, Meta(description="Number of changepoints that the fit was to place.")]
    changepoint_range: Annotated[
        _Scalar, Meta(description="Share of the history that has changepoints; not used by a forecast.")
    ]
    yearly_seasonality: Annotated[
        _Scalar, Meta(description="Prophet's argument; `seasonalities` says what the fit made of it.")
    ]
    weekly_seasonality: Annotated[_Scalar, Meta(description="As `yearly_seasonality`.")]
    daily_seasonality: Annotated[_Scalar, Meta(description="As `yearly_seasonality`.")]
    seasonality_mode: Annotated[
        Mode, Meta(description="How seasonalities without a mode of their own join the trend.")
    ]
    seasonality_prior_scale: Annotated[
        _Scalar, Meta(description="Prior scale of seasonalities; not used by a forecast.")
    ]
    changepoint_prior_scale: Annotated[
        _Scalar, Meta(description="Prior scale of changepoints; not used by a forecast.")
    ]
    holidays_prior_scale: Annotated[
        _Scalar,
        Meta(description="Prior scale of holidays; at least 0 if the model has holidays."),
    ]
    mcmc_samples: Annotated[_Scalar, Meta(description="Number of samples that the fit was to draw.")]
    interval_width: Annotated[_Share, Meta(description="Probability of the intervals of a forecast.")]
    uncertainty_samples: Annotated[
        bool | Annotated[int, Meta(ge=0)],
        Meta(description="Prophet's number of draws for an interval; 0 or false means no intervals."),
    ]
    scaling: Annotated[Scaling, Meta(description="How y was scaled; may be left out.")] = "absmax"
    holidays_mode: Annotated[
        Mode | None, Meta(description="How holidays join the trend; without it, as `seasonality_mode`.")
    ] = None


class RegressorJson(Struct, kw_only=True, gc=False):
    """One entry of `extra_regressors`."""

    prior_scale: Annotated[_FromZero, Meta(description="Prior scale of the coefficient.")]
    standardize: Annotated[_Scalar, Meta(description="Prophet's argument; its effect is in `mu` and `std`.")]
    mu: Annotated[_Number, Meta(description="Subtracted from the regressor's values.")]
    std: Annotated[_AboveZero, Meta(description="The difference is divided by it.")]
    mode: Annotated[Mode, Meta(description="How the regressor joins the trend.")]
    predictor_spec: Annotated[_Unread, Meta(description="Prophet's; always null.")] = None
    predictor: Annotated[_Unread, Meta(description="Prophet's; always null.")] = None


class SeasonalityJson(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """One entry of `seasonalities`."""

    period: Annotated[_PlainAboveZero, Meta(description="Period in days.")]
    fourier_order: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_FOURIER_TERMS)],
        Meta(description="Number of sines, and of cosines."),
    ]
    prior_scale: Annotated[_PlainFromZero, Meta(description="Prior scale of the coefficients.")]
    mode: Annotated[Mode, Meta(description="How the seasonality joins the trend.")]
    condition_name: Annotated[
        str | None, Meta(description="Name of the condition under which it applies; null means always.")
    ] = None


class ParametersJson(Struct, kw_only=True, gc=False):
    """The estimate under the names of Prophet's Stan program: one row, or one row for each MCMC sample."""

    k: Annotated[_Samples, Meta(description="Growth rate at the start; one number in a row.")]
    m: Annotated[_Samples, Meta(description="Offset of the trend; one number in a row.")]
    delta: Annotated[_Samples, Meta(description="Changes of the rate, one for each of `changepoints_t`.")]
    sigma_obs: Annotated[
        list[_FromZero | list[_FromZero]],
        Meta(description="Standard deviation of the noise, in units of scaled y; one number in a row."),
    ]
    beta: Annotated[_Samples, Meta(description="Coefficients, one for each feature.")]


class CorrectionJson(Struct, kw_only=True, gc=False):
    """How other methods change the forecasts after the history."""

    share: Annotated[
        Annotated[float, Meta(ge=0, le=1)], Meta(description="Weight of this model's own forecast.")
    ]
    path: Annotated[
        Annotated[list[_Number], Meta(min_length=1, max_length=MOST_PATH)],
        Meta(description="What to add to it 1, 2, ... steps after the history, in units of y."),
    ]
    effects: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | UnsetType,
        Meta(description="Share of the effects of holidays and regressors to add to it; without it, none."),
    ] = UNSET


_Multiples: TypeAlias = Annotated[list[_Number], Meta(min_length=2, max_length=_MOST_COVERAGES)]


class CalibrationJson(Struct, kw_only=True, gc=False):
    """Intervals from the errors of backtests."""

    steps: Annotated[
        Annotated[list[_FromZero], Meta(min_length=1, max_length=_MOST_GROUPS)],
        Meta(description="Last step of each group of steps after the history, ascending."),
    ]
    scales: Annotated[
        Annotated[list[_FromZero], Meta(min_length=1, max_length=_MOST_GROUPS)],
        Meta(description="Size of an error in each group, in units of y, not descending."),
    ]
    coverages: Annotated[_Multiples, Meta(description="Shares that an interval covers, ascending, from 0.")]
    lower: Annotated[
        _Multiples, Meta(description="The lower bound of each coverage, in sizes of an error; not ascending.")
    ]
    upper: Annotated[
        _Multiples,
        Meta(description="The upper bound of each coverage, in sizes of an error; not descending."),
    ]


class CombinationJson(Struct, kw_only=True, gc=False, omit_defaults=True):
    """Other methods' part in the forecasts after the history, and intervals from backtests."""

    origin: Annotated[
        Annotated[float, Meta(ge=FIRST_DAY * _SECONDS_PER_DAY, le=LAST_DAY * _SECONDS_PER_DAY)],
        Meta(description="Time of the last reading, in seconds since 1970."),
    ]
    freq: Annotated[str, Meta(description="The step, as a pandas alias.")]
    correction: Annotated[
        CorrectionJson | None, Meta(description="Without it the forecast is Prophet's own.")
    ] = None
    calibration: Annotated[
        CalibrationJson | None, Meta(description="Without it the intervals are Prophet's own.")
    ] = None


class FleetcastJson(Struct, kw_only=True, gc=False):
    """What Fleetcast adds to Prophet's fields; Prophet ignores it."""

    format: Annotated[_Unread, Meta(description="Version of this part.")] = None
    engine: Annotated[
        _Scalar, Meta(description='What fitted the model: "fleetcast"; all else counts as "prophet".')
    ]
    rows: Annotated[
        Annotated[float, Meta(ge=0, le=MOST_ROWS, multiple_of=1)] | UnsetType,
        Meta(description="Number of readings; without it, the rows of `history` are counted."),
    ] = UNSET
    holidays_resolved: Annotated[
        str | UnsetType | None,
        Meta(description="JSON of the country's holidays as days; without it, a forecast looks them up."),
    ] = UNSET
    combination: Annotated[
        CombinationJson | UnsetType | None,
        Meta(description="Other methods' part, and intervals from backtests; absent from Prophet's own."),
    ] = UNSET


class ProphetJson(SettingsJson, kw_only=True, gc=False):
    """A fitted model of Prophet 1.1 to 1.5, and of Fleetcast."""

    specified_changepoints: Annotated[
        _Scalar, Meta(description="Whether the changepoints were an argument of the constructor.")
    ]
    y_scale: Annotated[_AboveZero, Meta(description="y was divided by it.")]
    y_min: Annotated[
        _Number | None, Meta(description='Subtracted from y before, with `"scaling": "minmax"`; or left out.')
    ] = None
    logistic_floor: Annotated[_Scalar, Meta(description="Whether the history has a floor.")]
    country_holidays: Annotated[
        str | UnsetType | None, Meta(description="Country whose holidays the model has, such as `US`.")
    ] = UNSET
    changepoints: Annotated[_Unread, Meta(description="Dates of the changepoints, for plots.")] = None
    history_dates: Annotated[str, Meta(description="JSON of a series of dates: at least the last five.")]
    start: Annotated[
        Annotated[float, Meta(ge=FIRST_DAY * _SECONDS_PER_DAY, le=LAST_DAY * _SECONDS_PER_DAY)],
        Meta(description="First timestamp, in seconds since 1970."),
    ]
    t_scale: Annotated[
        Annotated[float, Meta(ge=1e-6, le=LAST_DAY * _SECONDS_PER_DAY)],
        Meta(description="Length of the history, in seconds."),
    ]
    history: Annotated[
        str | UnsetType,
        Meta(description="JSON of a table of the readings; two rows without y unless the history is kept."),
    ] = UNSET
    changepoints_t: Annotated[
        Annotated[
            list[Annotated[float, Meta(ge=-FARTHEST_CHANGEPOINT, le=FARTHEST_CHANGEPOINT)]],
            Meta(max_length=MOST_CHANGEPOINTS),
        ],
        Meta(description="Changepoints in scaled time, in which the history goes from 0 to 1."),
    ]
    extra_regressors: Annotated[
        NamedDeclarations[RegressorJson], Meta(description="The regressors, in order, and how each enters.")
    ]
    fit_kwargs: Annotated[_Unread, Meta(description="Arguments of Prophet's `fit`; always empty.")] = None
    params: Annotated[ParametersJson, Meta(description="The estimate.")]
    component_modes: Annotated[_Unread, Meta(description="Names of the components of each mode.")] = None
    train_holiday_names: Annotated[
        str | None,
        Meta(description="JSON of a series of the holidays' names; null means a model without holidays."),
    ]
    holidays: Annotated[
        str | UnsetType | None, Meta(description="JSON of a table of the holidays that are not a country's.")
    ] = UNSET
    train_component_cols: Annotated[_Unread, Meta(description="Which component has which features.")] = None
    seasonalities: Annotated[
        NamedDeclarations[SeasonalityJson], Meta(description="The seasonalities, in order, and their form.")
    ]
    prophet_version: Annotated[_Unread, Meta(description="Version of Prophet whose format this is.")] = field(
        default=None, name="__prophet_version"
    )
    fleetcast: Annotated[
        FleetcastJson | None, Meta(description="What Fleetcast adds; stock Prophet's models lack it.")
    ] = None


class SeriesJson(Struct, kw_only=True, gc=False):
    """A pandas series of texts."""

    name: _Unread = None
    index: _Unread = None
    data: list[str]


class HolidayRow(Struct, kw_only=True, gc=False):
    """One row of `holidays`; a column stands in every row or in none."""

    ds: str
    holiday: str
    lower_window: float | UnsetType | None = UNSET
    upper_window: float | UnsetType | None = UNSET
    prior_scale: float | UnsetType | None = UNSET


_Row = TypeVar("_Row")


class TableJson(Struct, Generic[_Row], kw_only=True, gc=False):
    """A pandas data frame, as `to_json(orient="table")` writes it."""

    schema: _Unread = None
    data: list[_Row]


HolidayTableJson: TypeAlias = TableJson[HolidayRow]
HistoryJson: TypeAlias = TableJson[dict[str, Any]]
"""The history's columns are those of the model, regressors and conditions included."""

_Year: TypeAlias = Annotated[float, Meta(ge=0, le=LAST_YEAR, multiple_of=1)]
_Day: TypeAlias = Annotated[float, Meta(ge=-LAST_DAY, le=LAST_DAY)]


class CountryDaysJson(Struct, kw_only=True, gc=False):
    """The text `holidays_resolved`: a country's holidays as days since 1970, for years from a to below b."""

    years: tuple[_Year, _Year]
    days: dict[str, Annotated[tuple[_Day, ...], Meta(max_length=MOST_HOLIDAY_DAYS)]]
