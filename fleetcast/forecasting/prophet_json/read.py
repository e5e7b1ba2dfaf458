"""Reads Prophet's JSON, written by Fleetcast or by stock Prophet 1.1 to 1.5.

A text is decoded into the structs of `schema`, which refuse what is outside the limits; what the types
cannot say, such as that the parameters fit the features, is checked here.  Models with the same settings,
seasonalities or holidays share them, so that thousands fit into memory.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from msgspec.json import Decoder
from msgspec.structs import asdict
from numpy.typing import NDArray

from fleetcast.errors import ModelFormatError, SettingError
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import SECOND, Stamps, datetimes, from_iso
from fleetcast.forecasting.features import (
    FeatureMatrix,
    Holidays,
    Regressor,
    Seasonality,
    Standardization,
    Standardize,
    build_holidays,
    shared_feature_matrix,
)
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.limits import MOST_FEATURES, check_holidays
from fleetcast.forecasting.model import LAST_DATES, WRONG_SAMPLES, Model, SampledModel, samples_are_wrong
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.preprocessing import History, Scale
from fleetcast.forecasting.prophet_json import checks
from fleetcast.forecasting.prophet_json.accepted import refusal
from fleetcast.forecasting.prophet_json.schema import (
    CountryDaysJson,
    FleetcastJson,
    HistoryJson,
    HolidayRow,
    HolidayTableJson,
    NamedDeclarations,
    ParametersJson,
    ProphetJson,
    RegressorJson,
    SeriesJson,
    SettingsJson,
)
from fleetcast.forecasting.settings import Settings

_LARGEST_SHARED_TEXT: Final = 64 * 1024
"""Most characters of the texts of holidays that are cached for other models with the same texts."""
_MOST_OF_A_REASON: Final = 200
"""Most characters of an error; a name in it may be much longer."""
_WHITESPACE: Final = " \t\n\r"

_MODEL: Final = Decoder(ProphetJson)
_SERIES: Final = Decoder(SeriesJson)
_HISTORY: Final = Decoder(HistoryJson)
_HOLIDAY_TABLE: Final = Decoder(HolidayTableJson)
_COUNTRY_DAYS: Final = Decoder(CountryDaysJson)

_Struct = TypeVar("_Struct")


def loads(text: str | bytes, *, keep_history: bool = False) -> Model | SampledModel:
    """Return the model of a JSON text that `dumps` or stock Prophet 1.1 to 1.5 wrote.

    `keep_history` reads the history too if the text has all of it, for forecasts that include it.  Raises
    ModelFormatError if the text is not a fitted Prophet model, or a model that could not forecast.
    """
    try:
        with np.errstate(over="raise", invalid="raise"):
            return _loads(text if isinstance(text, str) else text.decode(), keep_history=keep_history)
    except ModelFormatError:
        raise
    except SettingError as error:
        raise _not_a_model(str(error)) from error
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError) as error:
        raise _not_a_model("a part of it has another type, shape or size") from error
    except json.JSONDecodeError as error:
        raise _not_a_model(f"it is not JSON: {error.msg} at character {error.pos}") from error
    except ValueError as error:
        raise _not_a_model("it is not UTF-8, or a value in it is not one that Prophet writes") from error


def _loads(text: str, *, keep_history: bool) -> Model | SampledModel:
    checks.check_extent(text)
    if text.lstrip(_WHITESPACE).startswith('"'):  # Prophet up to 1.0: json.dump(model_to_json(model), file)
        text = json.loads(text)
        checks.check_extent(text)
    content = _decode(text, _MODEL)
    if len(content.params.k) == 1:
        return _model(content, keep_history=keep_history)
    content.params = _first_sample(content.params)
    model = _model(content, keep_history=False)
    if samples_are_wrong(model.settings, model.scale, model.layout.multiplicative):
        raise ModelFormatError(WRONG_SAMPLES)
    return SampledModel(text)


def _not_a_model(reason: str) -> ModelFormatError:
    return ModelFormatError(f"this is not the JSON of a fitted Prophet model ({reason[:_MOST_OF_A_REASON]})")


def _decode(text: str, decoder: Decoder[_Struct], *, inside: str = "") -> _Struct:
    """Return a JSON text as the struct that declares it; `inside` names the field that holds the text.

    Raises ModelFormatError, and ValueError if the text is not JSON.
    """
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        content = json.loads(text)  # it accepts NaN, Infinity and lone surrogates, which Python's json writes
    try:
        return msgspec.convert(content, decoder.type)
    except msgspec.ValidationError as error:
        raise _not_a_model(refusal(str(error), decoder.type, inside=inside)) from None


def _present(name: str, value: _Struct | UnsetType) -> _Struct:
    """Return a field that only some models need; raises ModelFormatError if the text does not have it."""
    if value is UNSET:
        raise _not_a_model(f"{name} is missing")
    return value


def _first_sample(params: ParametersJson) -> ParametersJson:
    """Return the first sample as a point estimate; raises ModelFormatError without equally many of each."""
    samples = {name: np.array(rows, dtype=np.float64) for name, rows in asdict(params).items()}
    if len({len(rows) for rows in samples.values()}) > 1 or not all(map(len, samples.values())):
        raise ModelFormatError("params must have equally many samples of each parameter, at least one")
    first: dict[str, Any] = {name: rows[:1].reshape(1, -1).tolist() for name, rows in samples.items()}
    return ParametersJson(**first)


def _model(content: ProphetJson, *, keep_history: bool) -> Model:
    ours = content.fleetcast or FleetcastJson(engine="prophet")
    declared_regressors = _declarations("extra_regressors", content.extra_regressors, kind="regressor")
    known = _layout(content, declared_regressors, ours.holidays_resolved)
    standardizations = tuple(Standardization(each.mu, each.std) for each in declared_regressors.values())
    scale = _scale(content)
    t_change = np.array(content.changepoints_t, dtype=np.float64)
    settings = _settings(content, scale, t_change)
    parameters = _parameters(content.params)
    if parameters.delta.shape != t_change.shape or parameters.beta.shape != (known.features,):
        raise ModelFormatError(
            "params.delta must have one number for each of changepoints_t, params.beta one for each feature"
        )
    checks.check_growth(settings, parameters)
    rows = ours.rows
    return Model(
        engine="fleetcast" if ours.engine == "fleetcast" else "prophet",
        settings=settings,
        scale=scale,
        layout=known,
        standardizations=standardizations,
        parameters=parameters,
        t_change=t_change,
        rows=_present("history", content.history).count('"ds":') if rows is UNSET else int(rows),
        last_dates=_last_dates(content.history_dates),
        history=_history(content, known, standardizations) if keep_history else None,
    )


def _scale(content: ProphetJson) -> Scale:
    return Scale(
        start=round(content.start * SECOND),
        t_scale=round(content.t_scale * SECOND),
        y_scale=content.y_scale,
        y_min=0.0 if content.y_min is None else content.y_min,
        logistic_floor=bool(content.logistic_floor),
    )


def _parameters(params: ParametersJson) -> Parameters:
    return Parameters(
        k=_scalar(params.k),
        m=_scalar(params.m),
        delta=np.array(params.delta, dtype=np.float64).reshape(-1),
        beta=np.array(params.beta, dtype=np.float64).reshape(-1),
        sigma_obs=_scalar(params.sigma_obs),
    )


def _scalar(rows: list[float | list[float]]) -> float:
    (value,) = cast("list[float]", rows[0])
    return value


def _settings(content: ProphetJson, scale: Scale, t_change: Vector) -> Settings:
    changepoints: tuple[int, ...] | None = None
    if content.specified_changepoints:
        dates = scale.start + np.rint(t_change * scale.t_scale).astype(np.int64)
        is_placed = checks.at_least_zero("n_changepoints", content.n_changepoints) > 0
        changepoints = tuple(dates.tolist()) if is_placed else ()
    values = {name: getattr(content, name) for name in SettingsJson.__struct_fields__}
    values["holidays_mode"] = content.holidays_mode or content.seasonality_mode
    return _shared_settings(changepoints=changepoints, **values)


@lru_cache(maxsize=1024, typed=True)
def _shared_settings(**values: Any) -> Settings:  # noqa: ANN401 - Settings declares each
    return Settings(**values)


def _declarations(field: str, declarations: NamedDeclarations[_Struct], *, kind: str) -> dict[str, _Struct]:
    """Return the declarations by name, in the order of the names.

    Raises ModelFormatError for a name without a declaration, and SettingError for one that is not accepted.
    """
    names, by_name = declarations
    if len(set(names)) != len(names) or not by_name.keys() >= set(names):
        raise _not_a_model(f"{field} must have each name once, and a declaration for it")
    return {checks.name(name, kind=kind): by_name[name] for name in names}


def _layout(
    content: ProphetJson, declared_regressors: Mapping[str, RegressorJson], resolved: str | UnsetType | None
) -> FeatureMatrix:
    declared = _declarations("seasonalities", content.seasonalities, kind="seasonality")
    seasonalities = tuple(_seasonality(name, **asdict(each)) for name, each in declared.items())
    regressors = tuple(
        Regressor(name, each.prior_scale, cast("Standardize", each.standardize), each.mode)
        for name, each in declared_regressors.items()
    )
    known = None
    if content.train_holiday_names is not None:
        known = _holidays_of(content, content.train_holiday_names, None if resolved is UNSET else resolved)
    features = sum(2 * each.fourier_order for each in seasonalities) + len(regressors)
    if features + (len(known.columns) if known else 0) > MOST_FEATURES:
        raise ModelFormatError(f"the model has more than {MOST_FEATURES} features")
    return shared_feature_matrix(
        seasonalities, known, content.holidays_mode or content.seasonality_mode, regressors
    )


@lru_cache(maxsize=1024, typed=True)
def _seasonality(name: str, **declared: Any) -> Seasonality:  # noqa: ANN401 - SeasonalityJson declares each
    seasonality = Seasonality(name, **declared)
    if seasonality.condition_name is not None:
        checks.name(seasonality.condition_name, kind="condition")
    return seasonality


def _holidays_of(content: ProphetJson, names: str, resolved: str | None) -> Holidays:
    table = _present("holidays", content.holidays)
    country = _present("country_holidays", content.country_holidays)
    prior_scale = checks.at_least_zero("holidays_prior_scale", content.holidays_prior_scale)
    is_shared = sum(len(text or "") for text in (table, names, resolved)) <= _LARGEST_SHARED_TEXT
    return (_holidays if is_shared else _holidays.__wrapped__)(table, names, resolved, country, prior_scale)


@lru_cache(maxsize=256)
def _holidays(
    table: str | None, names: str, resolved: str | None, country: str | None, prior_scale: float
) -> Holidays:
    """Return the holidays of the JSON texts that Prophet writes; models with the same texts share them."""
    if country is not None and not (country.isidentifier() and country[0].isupper()):
        raise ModelFormatError("country_holidays must be the name of a country, such as US or Germany")
    no_days = CountryDaysJson(years=(0, 0), days={})
    country_days = _decode(resolved, _COUNTRY_DAYS, inside="holidays_resolved") if resolved else no_days
    first, last = map(int, country_days.years)
    return build_holidays(
        None if table is None else _holiday_table(table),
        country,
        {name: tuple(map(int, days)) for name, days in country_days.days.items()},
        range(first, last),
        names=tuple(
            checks.name(name, kind="holiday")
            for name in _decode(names, _SERIES, inside="train_holiday_names").data
        ),
        prior_scale=prior_scale,
    )


def _holiday_table(text: str) -> HolidayTable:
    rows = _decode(text, _HOLIDAY_TABLE, inside="holidays").data
    first = rows[0] if rows else HolidayRow(ds="", holiday="")
    columns: dict[str, Any] = {
        name: [_present(f"holidays.{name}", getattr(row, name)) for row in rows]
        for name in HolidayRow.__struct_fields__
        if getattr(first, name) is not UNSET
    }
    columns["ds"] = datetimes(from_iso(columns["ds"]))
    for name in columns["holiday"]:
        checks.name(name, kind="holiday")
    table = HolidayTable.of(columns)
    check_holidays(table)
    return table


def _last_dates(series: str) -> Stamps:
    """Return the last dates of a series as pandas writes it, without reading the rest of it."""
    texts = re.findall(r'"(-?\d+-\d\d-\d\dT[^"]*)"', series[-40 * LAST_DATES :])
    stamps = from_iso(texts[-LAST_DATES:])
    checks.check_dates(stamps, what="history_dates")
    return stamps


def _history(
    content: ProphetJson, known: FeatureMatrix, standardizations: tuple[Standardization, ...]
) -> History | None:
    """Return the history of a text that has all of it, else None."""
    rows = _decode(_present("history", content.history), _HISTORY, inside="history").data
    if any(row["y"] is None for row in rows):
        return None

    def column(name: str) -> NDArray[Any]:
        return np.array([row[name] for row in rows])

    regressors = {
        regressor.name: column(regressor.name).astype(np.float64) * standard.std + standard.mu
        for regressor, standard in zip(known.regressors, standardizations, strict=True)
    }
    dates = from_iso(_decode(content.history_dates, _SERIES, inside="history_dates").data)
    checks.check_dates(dates, what="history_dates")
    return History(
        ds=from_iso([row["ds"] for row in rows]),
        y=column("y").astype(np.float64),
        dates=dates,
        cap=column("cap").astype(np.float64) if content.growth == "logistic" else None,
        floor=column("floor").astype(np.float64) if content.logistic_floor else None,
        regressors=regressors,
        conditions={name: column(name).astype(np.bool_) for name in known.conditions},
    )
