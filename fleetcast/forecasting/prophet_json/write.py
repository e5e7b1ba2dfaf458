"""A model as Prophet's own JSON: `prophet.serialize.model_from_json` reads it and predicts the same.

Unless the history is kept, what Prophet only needs to fit or to draw is left out: of the history two rows
stay, the mean spacing of the readings apart, for intervals one step ahead; of its dates the last five.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar.timestamps import SECOND, Stamps, iso
from fleetcast.forecasting.features.feature_matrix import Layout
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.model import Model
from fleetcast.forecasting.preprocessing.changepoints import without_changepoints
from fleetcast.forecasting.preprocessing.history import floor_column
from fleetcast.forecasting.settings import Settings

PROPHET_VERSION = "1.5.0"
"""Whose format this is."""
FORMAT = 1
"""Of what stands under "fleetcast"."""


def model_json(model: Model) -> str:
    """Return the model in the order of Prophet's own keys, and what is ours under "fleetcast"."""
    settings, layout = model.settings, model.layout
    content = {
        **_simple(settings),
        "y_scale": model.scale.y_scale,
        "y_min": model.scale.y_min,
        "logistic_floor": model.scale.logistic_floor,
        "country_holidays": layout.holidays.country if layout.holidays else None,
        "changepoints": _series("ds", iso(_changepoint_dates(model))),
        "history_dates": _series("ds", iso(model.history.dates if model.history else model.last_dates)),
        "start": model.scale.start / SECOND,
        "t_scale": model.scale.t_scale / SECOND,
        "history": _history(model),
        "changepoints_t": [0] if without_changepoints(settings) else model.t_change.tolist(),
        "extra_regressors": _regressors(model),
        "fit_kwargs": {},
        "params": _parameters(model),
    }
    ours: dict[str, Any] = {"format": FORMAT, "engine": model.engine, "rows": model.rows}
    if layout.holidays is not None and layout.holidays.country is not None:
        ours["holidays_resolved"] = _resolved(layout)
    text = json.dumps(content)
    ending = json.dumps({"__prophet_version": PROPHET_VERSION, "fleetcast": ours})
    return f"{text[:-1]}, {_of_layout(layout)}, {ending[1:]}"


_SIMPLE = (
    "growth",
    "n_changepoints",
    "changepoint_range",
    "yearly_seasonality",
    "weekly_seasonality",
    "daily_seasonality",
    "seasonality_mode",
    "seasonality_prior_scale",
    "changepoint_prior_scale",
    "holidays_prior_scale",
    "mcmc_samples",
    "interval_width",
    "uncertainty_samples",
    "scaling",
    "holidays_mode",
)


def _simple(settings: Settings) -> dict[str, Any]:
    simple = {name: getattr(settings, name) for name in _SIMPLE}
    simple["specified_changepoints"] = settings.changepoints is not None
    return simple


def _changepoint_dates(model: Model) -> Stamps:
    if without_changepoints(model.settings):
        return np.empty(0, np.int64)
    return model.scale.start + np.rint(model.t_change * model.scale.t_scale).astype(np.int64)


def _parameters(model: Model) -> dict[str, Any]:
    """Return the parameters, each as a matrix of one row: Prophet's form of a point estimate."""
    known = model.parameters
    return {
        "k": [[known.k]],
        "m": [[known.m]],
        "delta": [known.delta.tolist()],
        "sigma_obs": [[known.sigma_obs]],
        "beta": [known.beta.tolist()],
    }


def parameters_only(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a stock model without what Stan says besides the parameters."""
    return content | {
        "params": {name: content["params"][name] for name in ("k", "m", "delta", "sigma_obs", "beta")}
    }


def trimmed(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a stock model without its history, but for the same two rows and five dates."""
    rows = json.loads(content["history"])["data"]
    dates = json.loads(content["history_dates"])["data"]
    last_two = [row | {"t": 1 - i / (len(rows) - 1)} for i, row in zip((1, 0), rows[-2:], strict=True)]
    return content | {
        "history": _frame({name: [row[name] for row in last_two] for name in rows[0]}),
        "history_dates": _series("ds", dates[-5:]),
        "fleetcast": {"format": FORMAT, "engine": "prophet", "rows": len(rows)},
    }


def _regressors(model: Model) -> list[Any]:
    declared = {
        regressor.name: {
            "prior_scale": regressor.prior_scale,
            "standardize": regressor.standardize,
            "mu": known.mu,
            "std": known.std,
            "mode": regressor.mode,
            "predictor_spec": None,
            "predictor": None,
        }
        for regressor, known in zip(model.layout.regressors, model.standardizations, strict=True)
    }
    return [list(declared), declared]


def _history(model: Model) -> str:
    floor = floor_column(model.scale, model.settings, None)
    if model.history is None:
        spacing = model.scale.t_scale / (model.rows - 1)
        ds = (
            model.scale.start + model.scale.t_scale - np.rint(spacing * np.arange(1, -1, -1)).astype(np.int64)
        )
        t = 1 - np.arange(1, -1, -1) / (model.rows - 1)
        return _frame({"ds": iso(ds), "y": [None, None], "floor": [floor, floor], "t": t.tolist()})
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
    return _frame(columns)


def _finite(values: Vector) -> list[Any]:
    return [float(value) for value in values]


@lru_cache(maxsize=1024)
def _of_layout(layout: Layout) -> str:
    """Return the keys that follow from the layout, without braces; made once for all customers alike."""
    known = layout.holidays
    names = None if known is None else _series(None, known.names)
    return json.dumps(
        {
            "component_modes": _component_modes(layout),
            "train_holiday_names": names,
            "holidays": None if known is None or known.table is None else _holiday_frame(known.table),
            "train_component_cols": _component_columns(layout),
            "seasonalities": _seasonalities(layout),
        }
    )[1:-1]


@lru_cache(maxsize=1024)
def _resolved(layout: Layout) -> str:
    """Return the country's holidays as text, which models of the same country share."""
    known = layout.holidays
    if known is None:
        return ""
    years = [known.resolved_years.start, known.resolved_years.stop]
    return json.dumps({"years": years, "days": known.resolved}, separators=(",", ":"))


def _seasonalities(layout: Layout) -> list[Any]:
    added = {
        s.name: {
            "period": s.period,
            "fourier_order": s.fourier_order,
            "prior_scale": s.prior_scale,
            "mode": s.mode,
            "condition_name": s.condition_name,
        }
        for s in layout.seasonalities
    }
    return [list(added), added]


def _component_modes(layout: Layout) -> dict[str, list[str]]:
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


def _component_columns(layout: Layout) -> str:
    """Return which component has which feature, as a table of 0 and 1."""
    return _frame(
        {
            component.name: [int(i in set(component.columns)) for i in range(layout.features)]
            for component in layout.components
        }
    )


def _holiday_frame(table: HolidayTable) -> str:
    columns: dict[str, Sequence[Any]] = {"ds": iso(np.array(table.ds, np.int64)), "holiday": table.holiday}
    for name, cells in (("lower_window", table.lower_window), ("upper_window", table.upper_window)):
        if cells is not None:
            columns[name] = cells if None in cells else [int(cell) for cell in cells if cell is not None]
    if table.prior_scale is not None:
        columns["prior_scale"] = table.prior_scale
    return _frame(columns)


def _series(name: str | None, values: Sequence[str]) -> str:
    return json.dumps({"name": name, "index": [*range(len(values))], "data": values}, separators=(",", ":"))


def _frame(columns: Mapping[str, Sequence[Any]]) -> str:
    """Return a table as pandas writes it with orient="table"."""
    fields = [{"name": name, "type": _type(name, values)} for name, values in columns.items()]
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return json.dumps(
        {"schema": {"fields": fields, "pandas_version": "1.4.0"}, "data": rows}, separators=(",", ":")
    )


def _type(name: str, values: Sequence[Any]) -> str:
    if name == "ds":
        return "datetime"
    kinds = {bool: "boolean", int: "integer", str: "string"}
    found = {kinds.get(type(value), "number") for value in values}
    return found.pop() if len(found) == 1 else "number"
