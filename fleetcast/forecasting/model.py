"""A fitted model: what a forecast needs, and nothing of the readings unless asked to keep them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from numpy.typing import ArrayLike

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar.timestamps import Stamps
from fleetcast.forecasting.features.feature_matrix import Layout
from fleetcast.forecasting.features.regressors import Standardization
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.predict.forecast import Horizon, Request, Table, forecast
from fleetcast.forecasting.preprocessing.history import History, Scale
from fleetcast.forecasting.prophet_json.write import model_json
from fleetcast.forecasting.settings import Settings

Engine: TypeAlias = Literal["fleetcast", "prophet"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Model:
    """One customer's fitted model; about 2 KB, as models of the same make share settings and layout."""

    engine: Engine
    """Which program fitted it."""
    settings: Settings
    scale: Scale
    layout: Layout
    standardizations: tuple[Standardization, ...]
    """One for each regressor of the layout."""
    parameters: Parameters
    t_change: Vector
    """Shape (S,), scaled time."""
    rows: int
    """N, the readings it was fitted to."""
    last_dates: Stamps
    """The last timestamps seen, at most five, ascending."""
    history: History | None
    """Only with keep_history."""
    residuals: Vector | None = None
    """y - yhat of the N readings fitted, ascending in time, in units of y; None in a model that was read."""
    kept: dict[tuple[object, ...], Horizon] = field(default_factory=dict, repr=False)
    """The last horizon asked for, if it is small, for the next time it is."""

    def predict(  # noqa: PLR0913 - what a forecast can be made of, nearly all by name
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
        """Forecast `periods` steps after the last timestamp, or the timestamps `ds`; return arrays by column.

        Columns are Prophet's, each of shape (rows,), ascending in time: ds, trend, yhat_lower, yhat_upper,
        trend_lower, trend_upper, additive_terms, multiplicative_terms, yhat; cap and floor with logistic
        growth; with `quantiles` one column such as yhat_0.1 and trend_0.1 for each; with `components` each
        component and its _lower and _upper, which equal it, as a point estimate has no spread there.

        `freq` is a pandas alias, or None to infer it from the last five timestamps (see `spacing`).
        `regressors`, `conditions`, `cap` and `floor` have one value for each row forecast (history first,
        when included), or one for all.  `non_negative` raises yhat and its quantiles to 0 where they are
        below; the trend and the components stay.  Intervals are deterministic.  Raises FutureError.
        """
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
        return forecast(self, request)

    def dumps(self) -> str:
        """Return Prophet's own JSON: `prophet.serialize.model_from_json` reads it and predicts the same."""
        return model_json(self)
