"""The model as Prophet itself fits, writes and forecasts it."""

import logging
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from prophet import Prophet
from prophet.serialize import model_from_json, model_to_json

Times: TypeAlias = NDArray[np.datetime64]
Vector: TypeAlias = NDArray[np.float64]
Table: TypeAlias = dict[str, NDArray[Any]]

COLUMNS = ("ds", "yhat", "yhat_lower", "yhat_upper")


class FitError(ValueError):
    """Readings or settings that Prophet's model cannot be fitted to; the text says why."""


class Model:
    """A fitted model of one customer."""

    engine: Literal["prophet"] = "prophet"

    def __init__(self, prophet: Prophet) -> None:
        self._prophet = prophet

    def dumps(self) -> str:
        """Return Prophet's own JSON."""
        return str(model_to_json(self._prophet))

    def predict(self, *, periods: int, freq: str = "D", include_history: bool = False) -> Table:
        """Return `ds` and the forecast for the `periods` steps of `freq` after the last reading.

        The columns have Prophet's names, each of shape (periods,), or (rows + periods,) with the history.
        """
        try:
            future = self._prophet.make_future_dataframe(periods, freq=freq, include_history=include_history)
        except ValueError:
            raise ValueError(f"freq must be a step such as D, h, 15min, W or MS, not {freq!r}") from None
        forecast = self._prophet.predict(future)
        return {name: forecast[name].to_numpy() for name in COLUMNS}


def fit(ds: Times, y: Vector, **prophet_arguments: Any) -> Model:  # noqa: ANN401 -- Prophet's own arguments
    """Fit Prophet's model to readings `y` at times `ds`, both of shape (rows,); raise `FitError`."""
    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    try:
        model = Prophet(**prophet_arguments)
        model.fit(pd.DataFrame({"ds": ds, "y": y}))
    except (TypeError, ValueError, RuntimeError) as error:
        raise FitError(str(error).splitlines()[0]) from error
    return Model(model)


def loads(text: str) -> Model:
    """Return the model that `Model.dumps`, or Prophet, wrote."""
    return Model(model_from_json(text))
