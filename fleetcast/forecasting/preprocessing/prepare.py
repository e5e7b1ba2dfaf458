"""From one customer's readings to the problem the solver is given: everything of a fit but the estimate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import HistoryError, SettingError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar.timestamps import years
from fleetcast.forecasting.features.added_components import AddedComponents
from fleetcast.forecasting.features.feature_matrix import Layout, layout
from fleetcast.forecasting.features.holidays import Holidays, declared_holidays
from fleetcast.forecasting.features.regressors import Standardization, standardization
from fleetcast.forecasting.features.seasonality import with_automatic
from fleetcast.forecasting.limits import MOST_FEATURES
from fleetcast.forecasting.options import FitOptions, RowColumns
from fleetcast.forecasting.preprocessing.changepoints import changepoints
from fleetcast.forecasting.preprocessing.history import History, Scale, floor_column, history, scale
from fleetcast.forecasting.settings import Settings
from fleetcast.forecasting.solver.problem import Problem


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """All of a fit but the estimate."""

    rows: History
    settings: Settings
    """With the number of changepoints that was placed."""
    added: AddedComponents
    scale: Scale
    layout: Layout
    standardizations: tuple[Standardization, ...]
    t_change: Vector


def prepare(ds: ArrayLike, y: ArrayLike, columns: RowColumns, options: FitOptions) -> Prepared:
    """Return what Prophet makes of the arguments of `fit`; raises HistoryError, SettingError."""
    settings = options.settings
    added = options.added_for(columns)
    _check_use(settings, columns)
    rows = history(
        ds,
        y,
        columns,
        settings=settings,
        regressor_names=[regressor.name for regressor in added.regressors],
        condition_names=added.conditions,
    )
    known = scale(rows, settings)
    placed, t_change = changepoints(rows, known, settings)
    seen = with_automatic(added.seasonalities, rows.ds, settings=settings)
    standardizations = [
        standardization(rows.regressors[regressor.name], standardize=regressor.standardize)
        for regressor in added.regressors
    ]
    holidays_mode = settings.holidays_mode or settings.seasonality_mode
    known_layout = layout(seen, _holidays(rows, settings, added), holidays_mode, added.regressors)
    if known_layout.features > MOST_FEATURES:
        raise HistoryError(
            f"the model would have {known_layout.features} features, more than {MOST_FEATURES}: "
            "2 for each Fourier term, 1 for each regressor and for each day of a holiday's window"
        )
    return Prepared(
        rows=rows,
        settings=placed,
        added=added,
        scale=known,
        layout=known_layout,
        standardizations=tuple(standardizations),
        t_change=t_change,
    )


def _holidays(rows: History, settings: Settings, added: AddedComponents) -> Holidays | None:
    """Return the holidays of this history; raises HistoryError.

    `FitOptions` has checked the user's own holidays.  What the country's days in the years of this history
    bring about is a HistoryError: another history does not meet it.
    """
    if settings.holidays is None and added.country is None:
        return None
    first, last = years(rows.ds[[0, -1]]).tolist()
    try:
        holidays = declared_holidays(
            settings.holidays, added.country, first, last, settings.holidays_prior_scale
        )
    except SettingError as error:
        raise HistoryError(str(error)) from error
    added.check_holidays(holidays, HistoryError)
    return holidays


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
