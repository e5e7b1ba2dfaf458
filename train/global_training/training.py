"""Trains the global models of a job: rows from its customers, dates, and trees for each date.

Rows are at most 200,000, of at most 2,000 customers; where there are more, a hash of their names chooses.
They take at most 160 MB, because the customers' parts stay beside the whole, and up to 60 MB more in each
thread that fits trees.
"""

import hashlib
import logging
import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Final

import numpy as np
from numpy.typing import NDArray

from container import progress
from fleetcast.archive import GLOBAL_NAME
from fleetcast.errors import InputError, SettingError
from fleetcast.extras import require
from fleetcast.global_model import (
    PLAIN_FEATURES,
    STACKED_FEATURES,
    DatedModels,
    GlobalModel,
    GlobalSettings,
    Kind,
    Part,
    TrainingRows,
    Trees,
    dates_of,
    plain_errors,
)
from train.channel import Customer
from train.engines import Engine
from train.global_training.archive import GlobalTraining, packed_model
from train.global_training.draw_rows import DrawnRows, DrawRows
from train.global_training.fit_trees import TreesStoppedError, fit_trees
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

MOST_ROWS: Final = 200_000
MOST_CUSTOMERS: Final = 2_000
LEAST_CUSTOMERS: Final = 10
"""Fewest customers of one frequency that a model is trained on."""
LEAST_ROWS: Final = 500
"""Fewest rows that trees are fitted to."""
_FEATURES: Final[dict[Kind, tuple[str, ...]]] = {"stacked": STACKED_FEATURES, "plain": PLAIN_FEATURES}
_SHARES: Final = tuple(tenth / 10 for tenth in range(11))
_USUAL_SHARE: Final = 0.7
"""Share of the corrections that is used where too few rows can tell."""
_DATES_OF_PLAIN: Final = 2
"""Number of dates, the last ones, that have plain trees."""


def with_global_models(
    engine: Engine, customers: Sequence[Customer], settings: TrainSettings, stopped: Callable[[], bool]
) -> GlobalTraining:
    """Train models of all customers, if the job is to have some.

    Raises SettingError where the job needs a model and there can be none, InputError for a customer with the
    name of the model's archive, and MissingExtraError.
    """
    none = GlobalTraining(settings)
    if not can_train(customers, settings):
        return none
    try:
        models = trained_models(drawn_rows(engine, customers, settings, stopped), settings, stopped)
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


def do_without(error: "TooFewError", settings: TrainSettings) -> None:
    """Log why there is no model; raise SettingError where the job needs one."""
    if settings.methods.needs_global:
        raise SettingError(
            f"models = global cannot be trained: {error}; use models = auto, which does without"
        ) from None
    logger.info("no model of all customers: %s", error)


class TooFewError(Exception):
    """There are too few customers or rows for a model."""


def drawn_rows(
    engine: Engine, customers: Sequence[Customer], settings: TrainSettings, stopped: Callable[[], bool]
) -> list[DrawnRows]:
    """Return the rows of the customers with the most common frequency of readings, in alphabetical order.

    Raises TooFewError, and TreesStoppedError once `stopped()`.
    """
    chosen = sorted(customers, key=lambda each: hashlib.sha256(os.fsencode(each.name)).digest())
    chosen = chosen[:MOST_CUSTOMERS]
    task = DrawRows(settings, MOST_ROWS // max(len(chosen), 1))
    results = engine.results(task, chosen, stopped=stopped)
    drawn = [
        result
        for result in progress(results, total=len(chosen), doing="draw rows")
        if isinstance(result, DrawnRows) and result.freq
    ]
    if stopped():
        raise TreesStoppedError
    drawn = _of_one_frequency(sorted(drawn, key=lambda each: each.customer))
    if len(drawn) < LEAST_CUSTOMERS:
        raise TooFewError(
            f"{len(drawn)} customers have readings at equal steps, and it needs {LEAST_CUSTOMERS}"
        )
    return drawn


def _of_one_frequency(drawn: list[DrawnRows]) -> list[DrawnRows]:
    """Return the customers of the most common frequency, of equally common ones the alphabetically first."""
    counts = Counter(each.freq for each in drawn)
    freq = min(counts, key=lambda name: (-counts[name], name), default="")
    return [each for each in drawn if each.freq == freq]


@dataclass(frozen=True, slots=True)
class _Fit:
    """Trees to be fitted."""

    kind: Kind
    date: int
    rows: int
    """Number of rows up to the date."""


def trained_models(
    drawn: Sequence[DrawnRows], settings: TrainSettings, stopped: Callable[[], bool]
) -> DatedModels:
    """Return the models that customers with these rows have; raises as `drawn_rows` does."""
    first = drawn[0]
    horizon = Counter(each.horizon for each in drawn).most_common(1)[0][0]
    rows: dict[Kind, TrainingRows] = {
        "stacked": TrainingRows.together([each.stacked for each in drawn], len(STACKED_FEATURES)),
        "plain": TrainingRows.together([each.plain for each in drawn], len(PLAIN_FEATURES)),
    }
    kind: Kind = "stacked" if rows["stacked"].target.size >= LEAST_ROWS else "plain"
    dates = dates_of(
        np.array([each.end for each in drawn]),
        np.array([each.backtest for each in drawn]),
        rows[kind].times,
        horizon * first.step,
    )
    every: list[tuple[Kind, int]] = [("stacked", date) for date in dates]
    every += [("plain", date) for date in dates[-_DATES_OF_PLAIN:]]
    counted = [_Fit(each, date, int((rows[each].times <= date).sum())) for each, date in every]
    fits = [fit for fit in counted if fit.rows >= LEAST_ROWS]
    if not any(fit.date == dates[-1] for fit in fits):
        raise TooFewError(f"the customers' readings make fewer than {LEAST_ROWS} rows")
    logger.info(
        "global model: %d customers with steps of %s, %d rows, %d dates",
        len(drawn),
        first.freq,
        rows[kind].target.size,
        len({fit.date for fit in fits}),
    )
    trees = _fitted(fits, rows, settings, stopped)
    shares = _best_shares(trees, drawn, dates)
    logger.info(
        "global model: %.0f %% of the trees' corrections are used, which forecasts later readings best",
        100 * shares[dates[-1]],
    )
    trees |= {key: each.times(shares[key[1]]) for key, each in trees.items() if key[0] == "stacked"}
    errors = None
    if len(dates) > 1 and ("plain", dates[-2]) in trees:
        later = rows["plain"].with_origins(dates[-2], dates[-1], first.step).until(dates[-1])
        errors = plain_errors(trees["plain", dates[-2]], later, horizon=horizon, cycle=first.cycle)
    models = {}
    for date in sorted({fit.date for fit in fits}):
        parts = {
            each: Part(trees[each, date], names) for each, names in _FEATURES.items() if (each, date) in trees
        }
        models[date] = GlobalModel(
            GlobalSettings(freq=first.freq, horizon=horizon, plain_errors=errors), parts
        )
    return DatedModels(tuple(models), tuple(models.values()))


def _best_shares(
    trees: Mapping[tuple[Kind, int], Trees], drawn: Sequence[DrawnRows], dates: Sequence[int]
) -> dict[int, float]:
    """Return for each date the share of the stacked trees' corrections that forecasts best, from 0 to 1.

    Each customer's rows since its first backtest are forecast by the trees that its backtests have, and a
    share depends on the rows up to its own date alone.  Where customers have few readings, or all of the same
    few weeks, trees take the luck of these weeks for a rule, and a part of what they say is better than all
    of it.  It is one number for the fleet: a customer's own readings could not tell luck from skill.
    """
    tried = [TrainingRows.together([], len(STACKED_FEATURES))]
    corrections = [np.empty(0, np.float32)]
    fitted = [date for date in dates if ("stacked", date) in trees]
    for place, date in enumerate(fitted, start=1):
        own = [
            each.stacked.with_origins(each.backtest, each.end, each.step)
            for each in drawn
            if each.stacked is not None and bisect_right(fitted, each.backtest) == place
        ]
        tried.append(TrainingRows.together(own, len(STACKED_FEATURES)))
        corrections.append(trees["stacked", date].predict(tried[-1].x))
    target, times = (np.concatenate([getattr(each, name) for each in tried]) for name in ("target", "times"))
    correction = np.concatenate(corrections)
    return {date: best_share(target[times <= date], correction[times <= date]) for date in dates}


def best_share(target: NDArray[np.float32], correction: NDArray[np.float32]) -> float:
    """Return the share of the corrections, from 0 to 1, with which they err least."""
    if target.size < LEAST_ROWS:
        return _USUAL_SHARE
    errors = [float(np.abs(target - share * correction).mean()) for share in _SHARES]
    return _SHARES[int(np.argmin(errors))]


def _fitted(
    fits: Sequence[_Fit],
    rows: Mapping[Kind, TrainingRows],
    settings: TrainSettings,
    stopped: Callable[[], bool],
) -> dict[tuple[Kind, int], Trees]:
    """Return trees by kind and date, fitted side by side, the largest first."""
    order = sorted(fits, key=lambda fit: -fit.rows)
    trees = settings.methods.trees
    with ThreadPoolExecutor(settings.workers) as pool:
        fitted = pool.map(lambda fit: fit_trees(rows[fit.kind].until(fit.date), trees, stopped), order)
        done = list(progress(fitted, total=len(order), doing="fit trees", unit="models"))
    return {(fit.kind, fit.date): each for fit, each in zip(order, done, strict=True)}
