"""From one customer's readings to the problem the solver is given: everything of a fit but the estimate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import HistoryError, SettingError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar.timestamps import years
from fleetcast.forecasting.features.country_holidays import country_holidays
from fleetcast.forecasting.features.feature_matrix import Layout, layout
from fleetcast.forecasting.features.holidays import Holidays, declared_holidays
from fleetcast.forecasting.features.regressors import (
    Regressor,
    Standardization,
    added_regressor,
    standardization,
)
from fleetcast.forecasting.features.reserved_names import check_name
from fleetcast.forecasting.features.seasonality import Seasonality, added_seasonality, with_automatic
from fleetcast.forecasting.limits import MOST_FEATURES
from fleetcast.forecasting.options import FitOptions, RowColumns
from fleetcast.forecasting.preprocessing.changepoints import changepoints
from fleetcast.forecasting.preprocessing.history import History, Scale, floor_column, history, scale
from fleetcast.forecasting.settings import Settings
from fleetcast.forecasting.solver.problem import Problem


@dataclass(frozen=True, slots=True)
class Declared:
    """What was added to the model by hand."""

    seasonalities: tuple[Seasonality, ...] = ()
    regressors: tuple[Regressor, ...] = ()
    conditions: tuple[str, ...] = ()
    country: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """All of a fit but the estimate."""

    rows: History
    settings: Settings
    """With the number of changepoints that was placed."""
    declared: Declared
    scale: Scale
    layout: Layout
    standardizations: tuple[Standardization, ...]
    t_change: Vector


def prepare(ds: ArrayLike, y: ArrayLike, columns: RowColumns, options: FitOptions) -> Prepared:
    """Return what Prophet makes of the arguments of `fit`; raises HistoryError, SettingError."""
    settings = options.settings
    declared = declare(options, regressors=() if columns.regressors is None else tuple(columns.regressors))
    _check_use(settings, columns)
    rows = history(
        ds,
        y,
        columns,
        settings=settings,
        regressor_names=[regressor.name for regressor in declared.regressors],
        condition_names=declared.conditions,
    )
    known = scale(rows, settings)
    placed, t_change = changepoints(rows, known, settings)
    seen = with_automatic(declared.seasonalities, rows.ds, settings=settings)
    standardizations = [
        standardization(rows.regressors[regressor.name], standardize=regressor.standardize)
        for regressor in declared.regressors
    ]
    known_layout = layout(
        seen, _holidays(rows, settings, declared), settings.holidays_mode, declared.regressors
    )
    if known_layout.features > MOST_FEATURES:
        raise HistoryError(
            f"the model would have {known_layout.features} features, more than {MOST_FEATURES}: "
            "2 for each Fourier term, 1 for each regressor and for each day of a holiday's window"
        )
    return Prepared(
        rows=rows,
        settings=placed,
        declared=declared,
        scale=known,
        layout=known_layout,
        standardizations=tuple(standardizations),
        t_change=t_change,
    )


def declare(options: FitOptions, *, regressors: Sequence[str] = ()) -> Declared:
    """Return the seasonalities and regressors that the options add; raises SettingError.

    `regressors` are the names of the columns that come with the rows, used where the options name none.
    """
    settings, country = options.settings, options.country_holidays
    extra_regressors = regressors if options.extra_regressors is None else options.extra_regressors
    if not options.seasonalities and not extra_regressors:
        return Declared(country=country)
    seasonalities = [added_seasonality(arguments, settings) for arguments in options.seasonalities]
    added = {s.name: s for s in seasonalities}
    added_regressors = [added_regressor(arguments, settings) for arguments in extra_regressors]
    taken = set(added)
    for regressor in added_regressors:
        check_name(regressor.name, kind="regressor", taken=taken)
        taken.add(regressor.name)
    conditions = dict.fromkeys(s.condition_name for s in added.values() if s.condition_name is not None)
    for name in conditions:
        check_name(name, kind="condition", taken=taken)
    return Declared(tuple(added.values()), tuple(added_regressors), tuple(conditions), country)


def _holidays(rows: History, settings: Settings, declared: Declared) -> Holidays | None:
    """Return the holidays of this history; raises SettingError for what no history can have.

    What the country's days in the years of this history bring about is a HistoryError: others do not meet it.
    """
    country, table, prior_scale = declared.country, settings.holidays, settings.holidays_prior_scale
    if table is None and country is None:
        return None
    first, last = years(rows.ds[[0, -1]]).tolist()
    own = declared_holidays(table, None, first, last, prior_scale)
    _check_free(own, declared, SettingError)
    if country is None:
        return own
    _check_country(country)
    try:
        known = declared_holidays(table, country, first, last, prior_scale)
    except SettingError as error:
        raise HistoryError(str(error)) from error
    _check_free(known, declared, HistoryError)
    return known


def _check_free(known: Holidays | None, declared: Declared, error: type[ValueError]) -> None:
    added = [s.name for s in declared.seasonalities] + [r.name for r in declared.regressors]
    if known is not None and (shared := [name for name in added if name in known.names]):
        raise error(f"the name {shared[0]!r} is already used for a holiday; choose another")


def _check_country(country: object) -> None:
    """Refuse what is no country; any year will do."""
    if not isinstance(country, str) or not (country.isidentifier() and country[0].isupper()):
        raise SettingError(
            f"country_holidays must be a country of the holidays package such as 'US', not {country!r}"
        )
    country_holidays(country, [2024])


def _check_use(settings: Settings, columns: RowColumns) -> None:
    """Refuse by name the limits of growth that the model would not use; raises SettingError."""
    for name, values in (("cap", columns.cap), ("floor", columns.floor)):
        if values is not None and settings.growth != "logistic":
            raise SettingError(
                f"{name} is used with growth='logistic' only, not with {settings.growth!r}; "
                "leave it out, or see non_negative of a forecast"
            )


def problem(prepared: Prepared) -> Problem:
    """Return the estimation problem, the design filled in place: t, ones, hinges, features."""
    rows, known, t_change = prepared.rows, prepared.scale, prepared.t_change
    S = t_change.size
    design = np.empty((2 + S + prepared.layout.features, rows.ds.size))
    design[0] = known.t(rows.ds)
    design[1] = 1.0
    hinges = design[2 : 2 + S]
    np.subtract(design[0], t_change[:, None], out=hinges)
    np.maximum(hinges, 0.0, out=hinges)
    prepared.layout.fill(
        design[2 + S :],
        rows.ds,
        regressors=rows.regressors,
        conditions=rows.conditions,
        standardizations=prepared.standardizations,
    )
    floor = floor_column(known, prepared.settings, rows.floor)
    return Problem(
        growth=prepared.settings.growth,
        design=design,
        y=(rows.y - floor) / known.y_scale,
        cap=None if rows.cap is None else (rows.cap - floor) / known.y_scale,
        t_change=t_change,
        multiplicative=prepared.layout.multiplicative,
        sigmas=prepared.layout.sigmas,
        tau=prepared.settings.changepoint_prior_scale,
    )
