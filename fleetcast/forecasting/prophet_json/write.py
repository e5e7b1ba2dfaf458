"""Writes a model as Prophet's own JSON, which `prophet.serialize.model_from_json` reads and predicts from.

Unless the model keeps its history, the text leaves out what Prophet needs only to fit or to draw.  Two rows
of the history stay, the mean spacing of the readings apart, because Prophet takes the step of its intervals
from them; of the dates the last five stay, because Prophet infers the frequency from them.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from msgspec import UNSET, Struct, UnsetType, to_builtins
from msgspec.structs import asdict

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import SECOND, Stamps, iso
from fleetcast.forecasting.features import FeatureMatrix
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.model import LAST_DATES, Model
from fleetcast.forecasting.preprocessing import floor_column, without_changepoints
from fleetcast.forecasting.prophet_json.schema import (
    CountryDaysJson,
    FleetcastJson,
    HistoryJson,
    HolidayRow,
    NamedDeclarations,
    ParametersJson,
    ProphetJson,
    RegressorJson,
    SeasonalityJson,
    SeriesJson,
    SettingsJson,
)

_PROPHET_VERSION = "1.5.0"
"""The version of Prophet whose format this is."""
_FORMAT = 1
"""The version of what stands under "fleetcast"."""


def model_json(model: Model) -> str:
    """Return the model as text, with the fields in Prophet's own order."""
    settings, layout = model.settings, model.layout
    content = ProphetJson(
        **{name: getattr(settings, name) for name in SettingsJson.__struct_fields__},
        specified_changepoints=settings.changepoints is not None,
        y_scale=model.scale.y_scale,
        y_min=model.scale.y_min,
        logistic_floor=model.scale.logistic_floor,
        country_holidays=layout.holidays.country if layout.holidays else None,
        changepoints=_series("ds", iso(_changepoint_dates(model))),
        history_dates=_series("ds", iso(model.history.dates if model.history else model.last_dates)),
        start=model.scale.start / SECOND,
        t_scale=model.scale.t_scale / SECOND,
        history=_history(model),
        changepoints_t=[0] if without_changepoints(settings) else model.t_change.tolist(),
        extra_regressors=_regressors(model),
        fit_kwargs={},
        params=_parameters(model),
        **_of_layout(layout),
        prophet_version=_PROPHET_VERSION,
        fleetcast=FleetcastJson(
            format=_FORMAT,
            engine=model.engine,
            rows=model.rows,
            holidays_resolved=_resolved(layout),
        ),
    )
    return json.dumps(to_builtins(content))


def _changepoint_dates(model: Model) -> Stamps:
    if without_changepoints(model.settings):
        return np.empty(0, np.int64)
    return model.scale.start + np.rint(model.t_change * model.scale.t_scale).astype(np.int64)


def _parameters(model: Model) -> ParametersJson:
    """Return the parameters, each as a matrix of one row: Prophet's form of a point estimate."""
    estimate = model.parameters
    return ParametersJson(
        k=[[estimate.k]],
        m=[[estimate.m]],
        delta=[estimate.delta.tolist()],
        sigma_obs=[[estimate.sigma_obs]],
        beta=[estimate.beta.tolist()],
    )


def parameters_only(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a stock model without what Stan reports besides the parameters."""
    params = {name: content["params"][name] for name in ParametersJson.__struct_fields__}
    return content | {"params": params}


def without_history(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a stock model without its history, but for two rows and the last dates."""
    rows = json.loads(content["history"])["data"]
    dates = json.loads(content["history_dates"])["data"]
    last_two = [row | {"t": 1 - i / (len(rows) - 1)} for i, row in zip((1, 0), rows[-2:], strict=True)]
    ours = FleetcastJson(format=_FORMAT, engine="prophet", rows=len(rows))
    return content | {
        "history": _table({name: [row[name] for row in last_two] for name in rows[0]}),
        "history_dates": _series("ds", dates[-LAST_DATES:]),
        "fleetcast": to_builtins(ours),
    }


def _regressors(model: Model) -> NamedDeclarations[RegressorJson]:
    declared = {
        regressor.name: RegressorJson(
            prior_scale=regressor.prior_scale,
            standardize=regressor.standardize,
            mu=standardization.mu,
            std=standardization.std,
            mode=regressor.mode,
        )
        for regressor, standardization in zip(model.layout.regressors, model.standardizations, strict=True)
    }
    return list(declared), declared


def _history(model: Model) -> str:
    floor = floor_column(model.scale, model.settings, None)
    if model.history is None:
        spacing = model.scale.t_scale / (model.rows - 1)
        ds = (
            model.scale.start + model.scale.t_scale - np.rint(spacing * np.arange(1, -1, -1)).astype(np.int64)
        )
        t = 1 - np.arange(1, -1, -1) / (model.rows - 1)
        return _table({"ds": iso(ds), "y": [None, None], "floor": [floor, floor], "t": t.tolist()})
    rows = model.history
    floors = np.broadcast_to(floor_column(model.scale, model.settings, rows.floor), rows.y.shape)
    columns: dict[str, list[Any]] = {"ds": iso(rows.ds), "y": rows.y.tolist()}
    for regressor, known in zip(model.layout.regressors, model.standardizations, strict=True):
        columns[regressor.name] = _finite((rows.regressors[regressor.name] - known.mu) / known.std)
    columns |= {name: values.tolist() for name, values in rows.conditions.items()}
    columns["floor"] = floors.tolist()
    if rows.cap is not None:
        columns["cap"] = rows.cap.tolist()
        columns["cap_scaled"] = _finite((rows.cap - floors) / model.scale.y_scale)
    columns["t"] = _finite(model.scale.t(rows.ds))
    columns["y_scaled"] = _finite((rows.y - floors) / model.scale.y_scale)
    return _table(columns)


def _finite(values: Vector) -> list[Any]:
    return [float(value) for value in values]


@lru_cache(maxsize=1024)
def _of_layout(layout: FeatureMatrix) -> dict[str, Any]:
    """Return the fields that follow from the layout; computed once for all customers with the same layout."""
    holidays = layout.holidays
    return {
        "component_modes": _component_modes(layout),
        "train_holiday_names": _series(None, holidays.names) if holidays else None,
        "holidays": _holiday_table(holidays.table) if holidays and holidays.table else None,
        "train_component_cols": _component_columns(layout),
        "seasonalities": _seasonalities(layout),
    }


@lru_cache(maxsize=1024)
def _resolved(layout: FeatureMatrix) -> str | UnsetType:
    """Return the days of the country's holidays as text, which models of the same country share."""
    holidays = layout.holidays
    if holidays is None or holidays.country is None:
        return UNSET
    years = holidays.resolved_years
    return _compact(CountryDaysJson(years=(years.start, years.stop), days={**holidays.resolved}))


def _seasonalities(layout: FeatureMatrix) -> NamedDeclarations[SeasonalityJson]:
    fields = SeasonalityJson.__struct_fields__
    declared = {
        seasonality.name: SeasonalityJson(**{name: getattr(seasonality, name) for name in fields})
        for seasonality in layout.seasonalities
    }
    return list(declared), declared


def _component_modes(layout: FeatureMatrix) -> dict[str, list[str]]:
    modes: dict[str, list[str]] = {"additive": [], "multiplicative": []}
    for seasonality in layout.seasonalities:
        modes[seasonality.mode].append(seasonality.name)
    modes[layout.holidays_mode] += layout.holidays.names if layout.holidays else ()
    for regressor in layout.regressors:
        modes[regressor.mode].append(regressor.name)
    for mode, names in modes.items():
        names += [f"{mode}_terms", f"extra_regressors_{mode}"]
    modes[layout.holidays_mode].append("holidays")
    return modes


def _component_columns(layout: FeatureMatrix) -> str:
    """Return which component has which feature, as a table of 0 and 1."""
    return _table(
        {
            component.name: [int(i in set(component.columns)) for i in range(layout.features)]
            for component in layout.components
        }
    )


def _holiday_table(table: HolidayTable) -> str:
    columns: dict[str, Sequence[Any]] = {
        name: cells for name in HolidayRow.__struct_fields__ if (cells := getattr(table, name)) is not None
    }
    columns["ds"] = iso(np.array(table.ds, np.int64))
    for name in {"lower_window", "upper_window"} & columns.keys():
        if None not in columns[name]:
            columns[name] = [int(cell) for cell in columns[name]]
    return _table(columns)


def _series(name: str | None, values: Sequence[str]) -> str:
    return _compact(SeriesJson(name=name, index=[*range(len(values))], data=list(values)))


def _table(columns: Mapping[str, Sequence[Any]]) -> str:
    """Return a table as pandas writes it with orient="table"."""
    fields = [{"name": name, "type": _type(name, values)} for name, values in columns.items()]
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return _compact(HistoryJson(schema={"fields": fields, "pandas_version": "1.4.0"}, data=rows))


def _compact(content: Struct) -> str:
    return json.dumps(asdict(content), separators=(",", ":"))


def _type(name: str, values: Sequence[Any]) -> str:
    if name == "ds":
        return "datetime"
    kinds = {bool: "boolean", int: "integer", str: "string"}
    found = {kinds.get(type(value), "number") for value in values}
    return found.pop() if len(found) == 1 else "number"
