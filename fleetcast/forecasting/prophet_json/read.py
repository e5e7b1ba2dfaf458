"""Prophet's JSON, ours or of stock Prophet 1.1 to 1.5, to a model: only what a forecast needs is read."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np

from fleetcast.errors import ModelFormatError, SettingError
from fleetcast.forecasting.calendar.timestamps import FIRST_DAY, LAST_DAY, SECOND, Stamps, datetimes, from_iso
from fleetcast.forecasting.features.feature_matrix import Layout, layout
from fleetcast.forecasting.features.holidays import Holidays, holidays
from fleetcast.forecasting.features.regressors import Regressor, Standardization
from fleetcast.forecasting.features.seasonality import Seasonality
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.limits import (
    MOST_CHANGEPOINTS,
    MOST_FEATURES,
    MOST_FOURIER_TERMS,
    MOST_HOLIDAY_DAYS,
    SMALLEST,
    check_holidays,
)
from fleetcast.forecasting.model import LAST_DATES, WRONG_SAMPLES, Model, SampledModel, samples_are_wrong
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.preprocessing.history import History, Scale
from fleetcast.forecasting.prophet_json import checks
from fleetcast.forecasting.settings import Settings

PARAMETERS: Final = ("k", "m", "delta", "beta", "sigma_obs")
FARTHEST_CHANGEPOINT: Final = 2.0
"""In scaled time; the history ends at 1."""
MOST_ROWS: Final = 10**12
LAST_YEAR: Final = 10_000
LARGEST_SHARED_TEXT: Final = 64 * 1024
"""Of holidays: what is larger is not kept for other models."""
MOST_OF_A_REASON: Final = 200


def loads(text: str | bytes, *, keep_history: bool = False) -> Model | SampledModel:
    """Return the model of a JSON text, written by `dumps` or by stock Prophet 1.1 to 1.5.

    `keep_history` reads the history too, where the text has it, for forecasts that include it.  Raises
    ModelFormatError when the text is not a fitted Prophet model, or one that could not forecast.
    """
    try:
        with np.errstate(over="raise", invalid="raise"):
            return _loads(text if isinstance(text, str) else text.decode(), keep_history=keep_history)
    except ModelFormatError:
        raise
    except KeyError as error:
        raise _refusal(f"{error.args[0]} is missing") from error
    except SettingError as error:
        raise _refusal(str(error)) from error
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError) as error:
        raise _refusal("a part of it has another type, shape or size") from error
    except ValueError as error:
        raise _refusal("it is not JSON, or a part of it is not what it should be") from error


def _loads(text: str, *, keep_history: bool) -> Model | SampledModel:
    checks.check_extent(text)
    content = json.loads(text)
    if isinstance(content, str):  # Prophet up to 1.0 said json.dump(model_to_json(model), file)
        text = content
        checks.check_extent(text)
        content = json.loads(text)
    if len(content["params"]["k"]) > 1:
        known = _model(_first_sample(content), keep_history=False)
        if samples_are_wrong(known.settings, known.scale, known.layout.multiplicative):
            raise ModelFormatError(WRONG_SAMPLES)
        return SampledModel(text)
    return _model(content, keep_history=keep_history)


def _refusal(reason: str) -> ModelFormatError:
    return ModelFormatError(f"this is not the JSON of a fitted Prophet model ({reason[:MOST_OF_A_REASON]})")


def _first_sample(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the text of a sampled model as if its first sample were its only one; all have to be like it."""
    params = {name: np.array(content["params"][name], dtype=np.float64) for name in PARAMETERS}
    lengths = {len(values) for values in params.values()}
    if len(lengths) > 1 or not all(np.isfinite(values).all() for values in params.values()):
        raise ModelFormatError("the samples of this model must be finite numbers, as many of each parameter")
    return {
        **content,
        "params": {name: values[:1].reshape(1, -1).tolist() for name, values in params.items()},
    }


def _model(content: Mapping[str, Any], *, keep_history: bool) -> Model:
    ours = content.get("fleetcast") or {"engine": "prophet"}
    known = _layout(content, ours)
    t_change = checks.vector(
        "changepoints_t", content["changepoints_t"], most=MOST_CHANGEPOINTS, size=FARTHEST_CHANGEPOINT
    )
    scale = _scale(content)
    declared = checks.names_and_declarations("extra_regressors", content["extra_regressors"])
    standardizations = tuple(_standardization(each) for _, each in declared)
    settings = _settings(content, scale, t_change)
    parameters = _parameters(content["params"])
    if parameters.delta.shape != t_change.shape or parameters.beta.shape != (known.features,):
        raise ModelFormatError("the parameters of this model do not fit its changepoints and features")
    checks.check_growth(settings, parameters)
    rows = ours["rows"] if "rows" in ours else content["history"].count('"ds":')
    return Model(
        engine="fleetcast" if ours["engine"] == "fleetcast" else "prophet",
        settings=settings,
        scale=scale,
        layout=known,
        standardizations=standardizations,
        parameters=parameters,
        t_change=t_change,
        rows=checks.whole("rows", rows, low=0, high=MOST_ROWS),
        last_dates=_last_dates(content["history_dates"]),
        history=_history(content, known, standardizations) if keep_history else None,
    )


def _scale(content: Mapping[str, Any]) -> Scale:
    """Return the scaling; times are in seconds since 1970."""
    day = 86_400
    start = checks.number("start", content["start"], low=FIRST_DAY * day, high=LAST_DAY * day)
    t_scale = checks.number("t_scale", content["t_scale"], low=1e-6, high=LAST_DAY * day)
    return Scale(
        start=round(start * SECOND),
        t_scale=round(t_scale * SECOND),
        y_scale=checks.number("y_scale", content["y_scale"], low=SMALLEST),
        y_min=checks.number("y_min", 0.0 if content.get("y_min") is None else content["y_min"]),
        logistic_floor=bool(content["logistic_floor"]),
    )


def _standardization(declared: Mapping[str, Any]) -> Standardization:
    std = checks.number("std", declared["std"], low=SMALLEST)
    return Standardization(checks.number("mu", declared["mu"]), std)


def _parameters(params: Mapping[str, Any]) -> Parameters:
    (k,), (m,), (sigma_obs,) = (params[name][0] for name in ("k", "m", "sigma_obs"))
    return Parameters(
        k=checks.number("k", k),
        m=checks.number("m", m),
        delta=checks.vector("delta", _flat(params["delta"]), most=MOST_CHANGEPOINTS),
        beta=checks.vector("beta", _flat(params["beta"]), most=MOST_FEATURES),
        sigma_obs=checks.number("sigma_obs", sigma_obs, low=0.0),
    )


def _flat(rows: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401 - of whatever shape the text has
    return np.array(rows, dtype=np.float64).reshape(-1)


def _settings(content: Mapping[str, Any], scale: Scale, t_change: np.ndarray[Any, Any]) -> Settings:
    dates: tuple[int, ...] | None = None
    if content["specified_changepoints"]:
        placed = checks.number("n_changepoints", content["n_changepoints"], low=0) > 0
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
    settings = Settings(**dict(zip(names, values, strict=True)))
    checks.check_settings(settings)
    return settings


def _layout(content: Mapping[str, Any], ours: Mapping[str, Any]) -> Layout:
    mode = content.get("holidays_mode") or content["seasonality_mode"]
    declared = checks.names_and_declarations("seasonalities", content["seasonalities"])
    seasonalities = tuple(_seasonality(name, **each) for name, each in declared)
    declared = checks.names_and_declarations("extra_regressors", content["extra_regressors"])
    regressors = tuple(_regressor(name, each) for name, each in declared)
    known = None
    if content["train_holiday_names"] is not None:
        texts = content["holidays"], content["train_holiday_names"], ours.get("holidays_resolved")
        shared = sum(len(text or "") for text in texts) <= LARGEST_SHARED_TEXT
        read = _holidays if shared else _holidays.__wrapped__
        known = read(*texts, content["country_holidays"], content["holidays_prior_scale"])
    features = sum(2 * each.fourier_order for each in seasonalities) + len(regressors)
    if features + (len(known.columns) if known else 0) > MOST_FEATURES:
        raise ModelFormatError(f"a model has at most {MOST_FEATURES} features")
    return layout(seasonalities, known, mode, regressors)


@lru_cache(maxsize=1024, typed=True)
def _seasonality(name: str, **declared: Any) -> Seasonality:  # noqa: ANN401 - JSON scalars
    seasonality = Seasonality(name, **declared)
    checks.number("period", seasonality.period, low=SMALLEST)
    checks.whole("fourier_order", seasonality.fourier_order, low=1, high=MOST_FOURIER_TERMS)
    checks.number("prior_scale", seasonality.prior_scale, low=0.0)
    checks.check_mode("mode", seasonality.mode)
    if seasonality.condition_name is not None:
        checks.name(seasonality.condition_name, kind="condition")
    return seasonality


def _regressor(name: str, declared: Mapping[str, Any]) -> Regressor:
    checks.check_mode("mode", declared["mode"])
    prior_scale = checks.number("prior_scale", declared["prior_scale"], low=0.0)
    return Regressor(name, prior_scale, declared["standardize"], declared["mode"])


@lru_cache(maxsize=256)
def _holidays(
    table: str | None, names: str, resolved: str | None, country: str | None, prior_scale: float
) -> Holidays:
    """Return the holidays of the JSON texts Prophet writes; models with the same texts share them."""
    found: dict[str, Any] = json.loads(resolved) if resolved else {"years": [0, 0], "days": {}}
    first, last = (checks.whole("years", year, low=0, high=LAST_YEAR) for year in found["years"])
    if country is not None and not (country.isidentifier() and country[0].isupper()):
        raise ModelFormatError("country_holidays must be the name of a country")
    return holidays(
        None if table is None else _holiday_table(json.loads(table)["data"]),
        country,
        {name: _resolved_days(days) for name, days in found["days"].items()},
        range(first, last),
        names=tuple(checks.name(name, kind="holiday") for name in json.loads(names)["data"]),
        prior_scale=checks.number("holidays_prior_scale", prior_scale, low=0.0),
    )


def _resolved_days(days: list[Any]) -> tuple[int, ...]:
    found = checks.vector("holidays_resolved", days, most=MOST_HOLIDAY_DAYS, size=LAST_DAY)
    return tuple(found.astype(np.int64).tolist())


def _holiday_table(rows: list[dict[str, Any]]) -> HolidayTable:
    numbers = {
        name: [row[name] for row in rows]
        for name in ("lower_window", "upper_window", "prior_scale")
        if rows and name in rows[0]
    }
    ds = datetimes(from_iso([row["ds"] for row in rows]))
    names = [checks.name(row["holiday"], kind="holiday") for row in rows]
    table = HolidayTable.of({"ds": ds, "holiday": names, **numbers})
    check_holidays(table)
    return table


def _last_dates(series: str) -> Stamps:
    """Return the last dates of a series as pandas writes it, without reading the rest of it."""
    tail = re.findall(r'"(-?\d+-\d\d-\d\dT[^"]*)"', series[-40 * LAST_DATES :])
    stamps = from_iso(tail[-LAST_DATES:])
    checks.check_dates(stamps, what="history_dates")
    return stamps


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
        regressor.name: column(regressor.name).astype(np.float64) * standard.std + standard.mu
        for regressor, standard in zip(known.regressors, standardizations, strict=True)
    }
    logistic = content["growth"] == "logistic"
    dates = from_iso(json.loads(content["history_dates"])["data"])
    checks.check_dates(dates, what="history_dates")
    return History(
        ds=from_iso([row["ds"] for row in rows]),
        y=column("y").astype(np.float64),
        dates=dates,
        cap=column("cap").astype(np.float64) if logistic else None,
        floor=column("floor").astype(np.float64) if content["logistic_floor"] else None,
        regressors=regressors,
        conditions={name: column(name).astype(np.bool_) for name in known.conditions},
    )
