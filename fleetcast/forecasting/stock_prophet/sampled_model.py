"""A model fitted with mcmc_samples: only stock Prophet, imported on first use, can forecast with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import FutureError
from fleetcast.extras import require
from fleetcast.forecasting.arrays import Flags
from fleetcast.forecasting.calendar.timestamps import Stamps, datetimes, from_iso
from fleetcast.forecasting.predict.forecast import (
    Request,
    Table,
    check_finite,
    check_known,
    future_rows,
    probabilities,
    without_negatives,
)
from fleetcast.forecasting.preprocessing.history import Scale
from fleetcast.forecasting.settings import Settings

WRONG_SAMPLES = (
    "Prophet's own forecast from samples is wrong where multiplicative terms "
    "meet scaling='minmax' or a floor, as it multiplies the floor too; "
    "use mcmc_samples=0, where this is right, or additive terms"
)


def prophet_is_wrong(settings: Settings, scale: Scale, multiplicative: Flags) -> bool:
    """Return whether Prophet's own `predict` multiplies a floor that its fit did not (`_forecast.yhat`)."""
    return (settings.scaling == "minmax" or scale.logistic_floor) and bool(multiplicative.any())


@dataclass(frozen=True, slots=True, eq=False)
class SampledModel:
    """The samples, as Prophet's own JSON."""

    text: str
    engine: Literal["prophet"] = "prophet"

    def dumps(self) -> str:
        """Return Prophet's own JSON."""
        return self.text

    def predict(  # noqa: PLR0913 - the arguments of Model.predict
        self,
        periods: int = 7,
        freq: str | None = "D",
        *,
        include_history: bool = False,
        quantiles: Sequence[float] | None = None,
        components: bool = False,
        ds: ArrayLike | None = None,
        regressors: Mapping[str, ArrayLike] | None = None,
        cap: ArrayLike | None = None,
        floor: ArrayLike | None = None,
        conditions: Mapping[str, ArrayLike] | None = None,
        interval_width: float | None = None,
        non_negative: bool = False,
    ) -> Table:
        """Forecast as `Model.predict` does; intervals are Prophet's random ones.  Raises FutureError."""
        request = Request(
            periods=periods,
            freq=freq,
            include_history=include_history,
            quantiles=() if quantiles is None else tuple(quantiles),
            components=components,
            ds=ds,
            regressors=regressors,
            cap=cap,
            floor=floor,
            conditions=conditions,
            interval_width=interval_width,
            non_negative=non_negative,
        )
        return _forecast(self.text, request)


_ALWAYS_SHOWN = ("ds", "trend", "cap", "floor", "additive_terms", "multiplicative_terms", "yhat")
_NOT_A_MODEL = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_INTERVALS = ("yhat_lower", "yhat_upper", "trend_lower", "trend_upper")


def _forecast(text: str, request: Request) -> Table:
    require("prophet", extra="prophet")
    import pandas as pd  # noqa: PLC0415 - see the module

    model = _prophets(text)
    conditions = [each["condition_name"] for each in model.seasonalities.values() if each["condition_name"]]
    logistic = model.growth == "logistic"
    check_known(request, logistic, model.logistic_floor, model.extra_regressors, conditions)
    frame = pd.DataFrame({"ds": datetimes(_stamps(text, request))})
    for given in (request.regressors, request.conditions):
        for name, values in () if given is None else given.items():
            frame[name] = np.asarray(values)
    for name in ("cap", "floor"):
        if getattr(request, name) is not None:
            frame[name] = getattr(request, name)
    shares = probabilities(model.interval_width if model.uncertainty_samples else None, request)
    if request.interval_width is not None:
        model.interval_width = request.interval_width
    try:
        forecast = model.predict(frame)
        sampled = request.quantiles or (shares and not model.uncertainty_samples)
        samples = model.predictive_samples(frame) if sampled else {}
    except ValueError as error:
        raise FutureError(str(error)) from error
    except _NOT_A_MODEL as error:
        raise FutureError("Prophet cannot forecast with this model") from error
    shown = [name for name in forecast if request.components or name in (*_ALWAYS_SHOWN, *_INTERVALS)]
    table: Table = {name: forecast[name].to_numpy() for name in shown}
    table["ds"] = table["ds"].astype("datetime64[us]")
    for name, share in shares.items():
        if f"yhat_{name}" not in table:
            table |= {f"{of}_{name}": np.quantile(samples[of], share, axis=1) for of in ("yhat", "trend")}
    check_finite(table["yhat"], np.array([table[f"yhat_{each}"] for each in shares]))
    return without_negatives(table, shares) if request.non_negative else table


def _prophets(text: str) -> Any:  # noqa: ANN401 - a Prophet, whose package has no types
    from fleetcast.forecasting.stock_prophet.fallback import without_plotly  # noqa: PLC0415 - it imports this module

    without_plotly()
    from prophet.serialize import model_from_json  # noqa: PLC0415

    try:
        return model_from_json(text)
    except _NOT_A_MODEL as error:
        raise FutureError("Prophet cannot read this model") from error


def _stamps(text: str, request: Request) -> Stamps:
    content = json.loads(text)
    seen = from_iso(json.loads(content["history_dates"])["data"])
    kept = seen if "fleetcast" not in content else None
    return future_rows(request, last_dates=seen[-5:], dates=kept)
