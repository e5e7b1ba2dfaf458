"""Prophet's JSON, ours or of stock Prophet 1.1 to 1.5, to a model: only what a forecast needs is read."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from forecasting._errors import ModelFormatError
from forecasting._history import History, Scale
from forecasting._holiday_table import HolidayTable
from forecasting._holidays import Holidays, holidays
from forecasting._layout import Layout, layout
from forecasting._model import Model
from forecasting._problem import Parameters
from forecasting._regressors import Regressor, Standardization
from forecasting._sampled import SampledModel
from forecasting._seasonality import Seasonality
from forecasting._settings import Settings
from forecasting._timestamps import SECOND, Stamps, from_iso

SEEN_DATES = 5
"""How many of the last timestamps a model remembers: as many as Prophet infers a frequency from."""


def loads(text: str | bytes, *, keep_history: bool = False) -> Model | SampledModel:
    """Return the model of a JSON text, written by `dumps` or by stock Prophet 1.1 to 1.5.

    `keep_history` reads the history too, where the text has it, for forecasts that include it.  Raises
    ModelFormatError when the text is not a fitted Prophet model.
    """
    try:
        content = json.loads(text)
        if len(content["params"]["k"]) > 1:
            return SampledModel(text if isinstance(text, str) else text.decode())
        return _model(content, keep_history=keep_history)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, ModelFormatError):
            raise
        raise ModelFormatError(f"this is not the JSON of a fitted Prophet model ({error!r})") from error


def _model(content: Mapping[str, Any], *, keep_history: bool) -> Model:
    ours = content.get("fleetcast") or {"engine": "prophet"}
    known = _layout(content, ours)
    t_change = np.array(content["changepoints_t"], dtype=np.float64)
    scale = Scale(
        start=round(content["start"] * SECOND),
        t_scale=round(content["t_scale"] * SECOND),
        y_scale=float(content["y_scale"]),
        y_min=float(content.get("y_min") or 0.0),
        logistic_floor=bool(content["logistic_floor"]),
    )
    names, declared = content["extra_regressors"]
    standardizations = tuple(
        Standardization(float(declared[n]["mu"]), float(declared[n]["std"])) for n in names
    )
    model = Model(
        engine="fleetcast" if ours["engine"] == "fleetcast" else "prophet",
        settings=_settings(content, scale, t_change),
        scale=scale,
        layout=known,
        standardizations=standardizations,
        parameters=_parameters(content["params"]),
        t_change=t_change,
        rows=int(ours["rows"]) if "rows" in ours else content["history"].count('"ds":'),
        last_dates=_last_dates(content["history_dates"]),
        history=_history(content, known, standardizations) if keep_history else None,
    )
    if scale.t_scale <= 0 or not scale.y_scale > 0:
        raise ModelFormatError("this model was fitted to a single instant, or its scales are damaged")
    if model.parameters.delta.shape != t_change.shape or model.parameters.beta.shape != (known.features,):
        raise ModelFormatError("the parameters of this model do not fit its changepoints and features")
    return model


def _parameters(params: Mapping[str, Any]) -> Parameters:
    return Parameters(
        k=float(params["k"][0][0]),
        m=float(params["m"][0][0]),
        delta=np.array(params["delta"], dtype=np.float64).reshape(-1),
        beta=np.array(params["beta"], dtype=np.float64).reshape(-1),
        sigma_obs=float(params["sigma_obs"][0][0]),
    )


def _settings(content: Mapping[str, Any], scale: Scale, t_change: np.ndarray[Any, Any]) -> Settings:
    dates: tuple[int, ...] | None = None
    if content["specified_changepoints"]:
        placed = content["n_changepoints"] > 0
        dates = (
            tuple((scale.start + np.rint(t_change * scale.t_scale).astype(np.int64)).tolist())
            if placed
            else ()
        )
    return _shared_settings(
        content["growth"],
        dates,
        content["n_changepoints"],
        content["changepoint_range"],
        content["yearly_seasonality"],
        content["weekly_seasonality"],
        content["daily_seasonality"],
        content["seasonality_mode"],
        content["seasonality_prior_scale"],
        content["holidays_prior_scale"],
        content["changepoint_prior_scale"],
        content["mcmc_samples"],
        content["interval_width"],
        content["uncertainty_samples"],
        content.get("scaling", "absmax"),
        content.get("holidays_mode") or content["seasonality_mode"],
    )


@lru_cache(maxsize=1024, typed=True)
def _shared_settings(*values: Any) -> Settings:  # noqa: ANN401 - JSON scalars, in the order above
    names = (
        "growth",
        "changepoints",
        "n_changepoints",
        "changepoint_range",
        "yearly_seasonality",
        "weekly_seasonality",
        "daily_seasonality",
        "seasonality_mode",
        "seasonality_prior_scale",
        "holidays_prior_scale",
        "changepoint_prior_scale",
        "mcmc_samples",
        "interval_width",
        "uncertainty_samples",
        "scaling",
        "holidays_mode",
    )
    return Settings(**dict(zip(names, values, strict=True)))


def _layout(content: Mapping[str, Any], ours: Mapping[str, Any]) -> Layout:
    mode = content.get("holidays_mode") or content["seasonality_mode"]
    names, declared = content["seasonalities"]
    seasonalities = tuple(_seasonality(name, **declared[name]) for name in names)
    names, declared = content["extra_regressors"]
    regressors = tuple(
        Regressor(name, declared[name]["prior_scale"], declared[name]["standardize"], declared[name]["mode"])
        for name in names
    )
    known = None
    if content["train_holiday_names"] is not None:
        known = _holidays(
            content["holidays"],
            content["train_holiday_names"],
            content["country_holidays"],
            ours.get("holidays_resolved"),
            content["holidays_prior_scale"],
        )
    return layout(seasonalities, known, mode, regressors)


@lru_cache(maxsize=1024, typed=True)
def _seasonality(name: str, **declared: Any) -> Seasonality:  # noqa: ANN401 - JSON scalars
    return Seasonality(name, **declared)


@lru_cache(maxsize=256)
def _holidays(
    table: str | None, names: str, country: str | None, resolved: str | None, prior_scale: float
) -> Holidays:
    """Return the holidays of the JSON texts Prophet writes; models with the same texts share them."""
    found: dict[str, Any] = json.loads(resolved) if resolved else {"years": [0, 0], "days": {}}
    return holidays(
        None if table is None else _holiday_table(json.loads(table)["data"]),
        country,
        {name: tuple(days) for name, days in found["days"].items()},
        range(*found["years"]),
        names=tuple(json.loads(names)["data"]),
        prior_scale=prior_scale,
    )


def _holiday_table(rows: list[dict[str, Any]]) -> HolidayTable:
    numbers = {
        name: tuple(row[name] for row in rows) if rows and name in rows[0] else None
        for name in ("lower_window", "upper_window", "prior_scale")
    }
    ds = tuple(from_iso([row["ds"] for row in rows]).tolist())
    return HolidayTable(ds, tuple(row["holiday"] for row in rows), **numbers)


def _last_dates(series: str) -> Stamps:
    """Return the last dates of a series as pandas writes it, without reading the rest of it."""
    tail = re.findall(r'"(-?\d+-\d\d-\d\dT[^"]*)"', series[-40 * SEEN_DATES :])
    return from_iso(tail[-SEEN_DATES:])


def _history(
    content: Mapping[str, Any], known: Layout, standardizations: tuple[Standardization, ...]
) -> History | None:
    """Return the history of a text that has all of it, else None."""
    rows = json.loads(content["history"])["data"]
    if any(row["y"] is None for row in rows):
        return None

    def column(name: str) -> np.ndarray[Any, Any]:
        return np.array([row[name] for row in rows])

    regressors = {
        regressor.name: column(regressor.name) * standard.std + standard.mu
        for regressor, standard in zip(known.regressors, standardizations, strict=True)
    }
    logistic = content["growth"] == "logistic"
    return History(
        ds=from_iso([row["ds"] for row in rows]),
        y=column("y").astype(np.float64),
        dates=from_iso(json.loads(content["history_dates"])["data"]),
        cap=column("cap").astype(np.float64) if logistic else None,
        floor=column("floor").astype(np.float64) if content["logistic_floor"] else None,
        regressors=regressors,
        conditions={name: column(name).astype(np.bool_) for name in known.conditions},
    )
