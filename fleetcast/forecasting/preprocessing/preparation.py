"""From one customer's readings and options to the estimation problem: a fit before its estimate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import HistoryError, SettingError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import years
from fleetcast.forecasting.features import (
    AddedComponents,
    FeatureMatrix,
    Holidays,
    Standardization,
    history_holidays,
    shared_feature_matrix,
    standardization,
    with_automatic,
)
from fleetcast.forecasting.limits import MOST_FEATURES
from fleetcast.forecasting.options import FitOptions, RowColumns
from fleetcast.forecasting.preprocessing.changepoints import place_changepoints
from fleetcast.forecasting.preprocessing.history import History, Scale, floor_column, read_history, scale_of
from fleetcast.forecasting.settings import Settings
from fleetcast.forecasting.solver import Problem


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A fit before its estimate."""

    rows: History
    settings: Settings
    """As in the options, with the number of changepoints that were placed."""
    added: AddedComponents
    scale: Scale
    layout: FeatureMatrix
    standardizations: tuple[Standardization, ...]
    """One for each regressor of the layout."""
    t_change: Vector
    """The changepoints in scaled time, ascending, shape (S,)."""


def prepare(ds: ArrayLike, y: ArrayLike, columns: RowColumns, options: FitOptions) -> Prepared:
    """Apply Prophet's preprocessing to the arguments of `fit`.

    Raises HistoryError for readings that no model can be fitted to, and SettingError for options that
    contradict the columns.
    """
    added = options.added_for(columns)
    _check_bounds(options.settings, columns)
    rows = read_history(
        ds,
        y,
        columns,
        settings=options.settings,
        regressor_names=[regressor.name for regressor in added.regressors],
        condition_names=added.conditions,
    )
    scale = scale_of(rows, options.settings)
    settings, t_change = place_changepoints(rows, scale, options.settings)
    layout = shared_feature_matrix(
        with_automatic(added.seasonalities, rows.ds, settings=settings),
        _holidays(rows, settings, added),
        settings.holidays_mode or settings.seasonality_mode,
        added.regressors,
    )
    if layout.features > MOST_FEATURES:
        raise HistoryError(
            f"the model would have {layout.features} features, more than {MOST_FEATURES}: "
            "2 for each Fourier term, 1 for each regressor and for each day of a holiday's window"
        )
    standardizations = (
        standardization(rows.regressors[regressor.name], standardize=regressor.standardize)
        for regressor in added.regressors
    )
    return Prepared(
        rows=rows,
        settings=settings,
        added=added,
        scale=scale,
        layout=layout,
        standardizations=tuple(standardizations),
        t_change=t_change,
    )


def _holidays(rows: History, settings: Settings, added: AddedComponents) -> Holidays | None:
    """Return the holidays of this history; raises HistoryError.

    `FitOptions` has checked the user's own table.  What the country's holidays in the years of this history
    contradict is a HistoryError, as it depends on the history.
    """
    if settings.holidays is None and added.country is None:
        return None
    first, last = years(rows.ds[[0, -1]]).tolist()
    try:
        holidays = history_holidays(
            settings.holidays, added.country, first, last, settings.holidays_prior_scale
        )
    except SettingError as error:
        raise HistoryError(str(error)) from error
    added.check_holidays(holidays, HistoryError)
    return holidays


def _check_bounds(settings: Settings, columns: RowColumns) -> None:
    """Raise SettingError if there is a cap or a floor that the model would not use."""
    for name, values in (("cap", columns.cap), ("floor", columns.floor)):
        if values is not None and settings.growth != "logistic":
            raise SettingError(
                f"{name} is used with growth='logistic' only, not with {settings.growth!r}; "
                "leave it out, or see non_negative of a forecast"
            )


def estimation_problem(prepared: Prepared) -> Problem:
    """Return the problem that the solver minimises, in scaled units.

    The design, shape (2 + S + K, N), is filled in place: t, ones, hinges, features.
    """
    rows, scale, t_change = prepared.rows, prepared.scale, prepared.t_change
    S = t_change.size
    design = np.empty((2 + S + prepared.layout.features, rows.ds.size))
    design[0] = scale.t(rows.ds)
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
    floor = floor_column(scale, prepared.settings, rows.floor)
    return Problem(
        growth=prepared.settings.growth,
        design=design,
        y=(rows.y - floor) / scale.y_scale,
        cap=None if rows.cap is None else (rows.cap - floor) / scale.y_scale,
        t_change=t_change,
        multiplicative=prepared.layout.multiplicative,
        sigmas=prepared.layout.sigmas,
        tau=prepared.settings.changepoint_prior_scale,
    )
