"""Draws the rows of a fleet, and decides where they stay: on this host, or on those that drew them.

Where there are more customers than can take part, a hash of their names chooses.
"""

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final

from container import progress, quoted
from train.channel import Customer
from train.customer import Failed
from train.engines import Engine, RayEngine, Task
from train.global_training.draw_rows import DrawnRows, DrawRows
from train.global_training.fit_trees import TreesStoppedError
from train.global_training.holidays import features_of_holidays
from train.global_training.kept_rows import KeepRows, host_folders
from train.global_training.rows import Rows
from train.global_training.rows_here import RowsHere
from train.global_training.rows_on_hosts import RowsOnHosts, with_owners
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

MOST_ROWS_HERE: Final = 200_000
"""With more rows, and several hosts, each host keeps those that it draws."""
LEAST_ROWS: Final = 500
"""Fewest rows that trees are fitted to."""
LEAST_CUSTOMERS: Final = 10
"""Fewest customers of one frequency that a model is trained on."""
USUAL_CUSTOMERS: Final = 2_000
"""How many customers at most take part, unless many rows need more."""
ROWS_PER_CUSTOMER: Final = 100


class TooFewError(Exception):
    """There are too few customers or rows for a model."""


@contextmanager
def rows_of(
    engine: Engine, customers: Sequence[Customer], settings: TrainSettings, stopped: Callable[[], bool]
) -> Generator[Rows, None, None]:
    """Draw rows from the customers with the most common frequency of readings; the block uses them.

    Raises TooFewError, TreesStoppedError once `stopped()`, and HostError where too many hosts are lost.
    """
    is_large = settings.methods.global_rows > MOST_ROWS_HERE
    if isinstance(engine, RayEngine) and len(engine.hosts) > 1 and is_large:
        chosen = _chosen(customers, settings)
        with host_folders(engine.hosts) as folder:
            own = with_owners(engine, chosen)
            task = KeepRows(_draw(chosen, settings), folder)
            drawn = _drawn(own, task, chosen, stopped)
            yield RowsOnHosts.of(own, drawn, folder, settings.methods.trees, stopped)
    else:
        yield RowsHere.of(drawn_rows(engine, customers, settings, stopped), settings, stopped)


def drawn_rows(
    engine: Engine, customers: Sequence[Customer], settings: TrainSettings, stopped: Callable[[], bool]
) -> list[DrawnRows]:
    """Return the rows of the customers with the most common frequency of readings, in alphabetical order.

    Raises TooFewError, and TreesStoppedError once `stopped()`.
    """
    chosen = _chosen(customers, settings)
    return _drawn(engine, _draw(chosen, settings), chosen, stopped)


def _chosen(customers: Sequence[Customer], settings: TrainSettings) -> list[Customer]:
    """Return the customers that take part, in the order of a hash of their names."""
    most = max(USUAL_CUSTOMERS, settings.methods.global_rows // ROWS_PER_CUSTOMER)
    return sorted(customers, key=lambda each: hashlib.sha256(os.fsencode(each.name)).digest())[:most]


def _draw(chosen: Sequence[Customer], settings: TrainSettings) -> DrawRows:
    most = settings.methods.global_rows // max(len(chosen), 1)
    return DrawRows(settings, most, features_of_holidays(settings))


def _drawn(
    engine: Engine, task: Task[DrawnRows], chosen: Sequence[Customer], stopped: Callable[[], bool]
) -> list[DrawnRows]:
    """Return what the task draws from the customers that take part, in alphabetical order."""
    results = engine.results(task, chosen, stopped=stopped)
    drawn, failed = [], []
    for result in progress(results, total=len(chosen), doing="draw rows"):
        if isinstance(result, Failed):
            failed.append(result)
        elif result.freq:
            drawn.append(result)
    if stopped():
        raise TreesStoppedError
    if failed:
        first = f"{quoted(failed[0].customer)}: {failed[0].reason}"
        logger.warning("global model: no rows of %d customers, such as %s", len(failed), first)
    drawn = _of_one_frequency(sorted(drawn, key=lambda each: each.customer))
    if len(drawn) < LEAST_CUSTOMERS:
        of_freq = f" of {drawn[0].freq}, the most common ones" if drawn else ""
        raise TooFewError(
            f"{len(drawn)} customers have readings at equal steps{of_freq}, and it needs {LEAST_CUSTOMERS}"
        )
    return drawn


def _of_one_frequency(drawn: list[DrawnRows]) -> list[DrawnRows]:
    """Return the customers of the most common frequency, of equally common ones the alphabetically first."""
    counts = Counter(each.freq for each in drawn)
    freq = min(counts, key=lambda name: (-counts[name], name), default="")
    return [each for each in drawn if each.freq == freq]
