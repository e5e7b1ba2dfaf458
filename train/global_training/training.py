"""Trains the global models of a job: rows from its customers, dates, and trees for each date."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Final

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from fleetcast.archive import GLOBAL_NAME
from fleetcast.errors import InputError, SettingError
from fleetcast.extras import require
from fleetcast.forecasting.arrays import Vector
from fleetcast.global_model import (
    FEATURES,
    DatedModels,
    GlobalModel,
    GlobalSettings,
    Kind,
    Part,
    RelativeErrors,
    dates_of,
)
from train.channel import Customer
from train.engines import Engine
from train.global_training.archive import GlobalTraining, packed_model
from train.global_training.draw_rows import DrawnRows
from train.global_training.drawing import LEAST_ROWS, TooFewError, rows_of
from train.global_training.fit_trees import TreesStoppedError
from train.global_training.holidays import stored_holidays
from train.global_training.rows import SHARES, Rows, TreesFit, TreesOf, share_sums, times_of_first
from train.global_training.rows_here import RowsHere
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

_USUAL_SHARE: Final = 0.7
"""Share of the corrections that is used where too few rows can tell."""
_DATES_OF_PLAIN: Final = 2
"""Number of dates, the last ones, that have plain trees."""


def with_global_models(
    engine: Engine, customers: Sequence[Customer], settings: TrainSettings, stopped: Callable[[], bool]
) -> GlobalTraining:
    """Train models of all customers, if the job is to have some.

    Raises SettingError where the job needs a model and there can be none, InputError for a customer with the
    name of the model's archive, MissingExtraError, and HostError where too many hosts are lost.
    """
    none = GlobalTraining(settings)
    if not can_train(customers, settings):
        return none
    try:
        with rows_of(engine, customers, settings, stopped) as rows:
            models = _trained(rows, settings)
    except TreesStoppedError:
        return none
    except TooFewError as error:
        do_without(error, settings)
        return none
    own = replace(settings, methods=replace(settings.methods, global_models=models))
    return GlobalTraining(own, packed_model(models.models[-1], non_negative=settings.non_negative))


def can_train(customers: Sequence[Customer], settings: TrainSettings) -> bool:
    """Return whether the job is to have models of all customers and XGBoost is there; raise as above."""
    methods = settings.methods
    if not methods.tries_global:
        return False
    if methods.needs_global:
        require("xgboost", extra="global")
    elif find_spec("xgboost") is None:
        logger.info("models = auto without a model of all customers: fleetcast[global] is not installed")
        return False
    if any(customer.name == GLOBAL_NAME for customer in customers):
        raise InputError(
            f"a customer is called {GLOBAL_NAME}, as is the archive of the model of all customers: rename "
            "it, or set global_share = 0"
        )
    return True


def do_without(error: TooFewError, settings: TrainSettings) -> None:
    """Log why there is no model; raise SettingError where the job needs one."""
    if settings.methods.needs_global:
        raise SettingError(
            f"models = global cannot be trained: {error}; use models = auto, which does without"
        ) from None
    logger.info("no model of all customers: %s", error)


def trained_models(
    drawn: Sequence[DrawnRows], settings: TrainSettings, stopped: Callable[[], bool]
) -> DatedModels:
    """Return the models that customers with these rows have; raises as `drawn_rows` does."""
    return _trained(RowsHere.of(list(drawn), settings, stopped), settings)


def _trained(rows: Rows, settings: TrainSettings) -> DatedModels:
    first = rows.customers[0]
    horizon = Counter(each.horizon for each in rows.customers).most_common(1)[0][0]
    extents = {kind: rows.extent(kind) for kind in FEATURES}
    kind: Kind = "stacked" if extents["stacked"].rows >= LEAST_ROWS else "plain"
    dates = dates_of(
        np.array([each.end for each in rows.customers]),
        np.array([each.backtest for each in rows.customers]),
        times_of_first(extents[kind]),
        horizon * first.step,
    )
    fits = _fits(rows, dates)
    logger.info(
        "global model: %d customers with steps of %s, %d rows, %d dates",
        len(rows.customers),
        first.freq,
        extents[kind].rows,
        len({fit.date for fit in fits}),
    )
    trees = rows.fit(fits)
    shares = _best_shares(rows, trees, dates)
    logger.info(
        "global model: %.0f %% of the trees' corrections are used, which forecasts later readings best",
        100 * shares[dates[-1]],
    )
    trees |= {key: each.times(shares[key[1]]) for key, each in trees.items() if key[0] == "stacked"}
    errors = None
    if len(dates) > 1 and ("plain", dates[-2]) in trees:
        found = rows.plain_errors(trees["plain", dates[-2]], dates[-2], dates[-1])
        errors = RelativeErrors.of(*found.up_to(horizon), horizon=horizon, cycle=first.cycle)
    first_time = min(dates[0], *(extent.first for extent in extents.values()))
    of_models = GlobalSettings(
        freq=first.freq,
        horizon=horizon,
        plain_errors=errors,
        holidays=stored_holidays(settings, first_time, dates[-1]) if first.holidays else UNSET,
    )
    return _dated(trees, of_models, {kind: first.features(kind) for kind in FEATURES})


def _fits(rows: Rows, dates: Sequence[int]) -> list[TreesFit]:
    """Return the trees that there are enough rows for; raise TooFewError if the last date has none."""
    dates_of_kind: dict[Kind, Sequence[int]] = {"stacked": dates, "plain": dates[-_DATES_OF_PLAIN:]}
    fits = [
        TreesFit(kind, date, int(count))
        for kind, own in dates_of_kind.items()
        for date, count in zip(own, rows.counts(kind, own), strict=True)
        if count >= LEAST_ROWS
    ]
    if not any(fit.date == dates[-1] for fit in fits):
        raise TooFewError(f"the customers' readings make fewer than {LEAST_ROWS} rows")
    return fits


def _best_shares(rows: Rows, trees: TreesOf, dates: Sequence[int]) -> dict[int, float]:
    """Return for each date the share of the stacked trees' corrections that forecasts best, from 0 to 1.

    Each customer's rows since its first backtest are forecast by the trees that its backtests have, and a
    share depends on the rows up to its own date alone.  Where customers have few readings, or all of the same
    few weeks, trees take the luck of these weeks for a rule, and a part of what they say is better than all
    of it.  It is one number for the fleet: a customer's own readings could not tell luck from skill.
    """
    sums, counts = rows.share_errors(trees, dates)
    return {date: _best_share(own, int(count)) for date, own, count in zip(dates, sums, counts, strict=True)}


def best_share(target: NDArray[np.float32], correction: NDArray[np.float32]) -> float:
    """Return the share of the corrections, from 0 to 1, with which they err least."""
    return _best_share(share_sums(target, correction), target.size)


def _best_share(sums: Vector, rows: int) -> float:
    if rows < LEAST_ROWS:
        return _USUAL_SHARE
    return SHARES[int(np.argmin(sums.astype(np.float32) / rows))]


def _dated(trees: TreesOf, settings: GlobalSettings, features: Mapping[Kind, tuple[str, ...]]) -> DatedModels:
    """Return the models of the dates that have trees."""
    models = {}
    for date in sorted({date for _, date in trees}):
        own = {kind: names for kind, names in features.items() if (kind, date) in trees}
        parts = {kind: Part(trees[kind, date], names) for kind, names in own.items()}
        models[date] = GlobalModel(settings, parts)
    return DatedModels(tuple(models), tuple(models.values()))
