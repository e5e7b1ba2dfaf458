"""Checks, before a job writes anything, for settings that no customer could be fitted with."""

import csv
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from container import quoted
from fleetcast.errors import SettingError, UnusableFileError
from fleetcast.forecasting import FitOptions
from fleetcast.readings.customer import BOUNDS, read_head
from train.channel import Customer
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

HEAD_BYTES: Final = 64 * 1024
"""What is read of a file: enough for a header of some thousand columns."""
NAMES_SHOWN: Final = 5


def check(settings: TrainSettings, customers: Sequence[Customer]) -> None:
    """Raise `SettingError` for settings that no customer can be fitted with."""
    FitOptions(**settings.arguments)
    _check_bounds(settings)
    _log_absent_customers(settings, customers)
    _check_columns(settings, customers)


def _check_bounds(settings: TrainSettings) -> None:
    if settings.bounds and not settings.is_logistic:
        names = " and ".join(settings.bounds)
        growth = settings.model.get("growth", "linear")
        raise SettingError(
            f"{names} belongs to growth = logistic, not to {growth}; non_negative = true keeps forecasts "
            "at 0 or above whatever the growth is"
        )


def _log_absent_customers(settings: TrainSettings, customers: Sequence[Customer]) -> None:
    """Log the customers that have rows in the channel `config`, but no readings on this host."""
    present = {customer.name for customer in customers}
    absent = sorted(settings.config.customers() - present)
    if absent:
        logger.warning(
            "the channel config has rows of %d customers that are not among this host's: %s",
            len(absent),
            ", ".join(map(quoted, absent[:NAMES_SHOWN])),
        )


def _check_columns(settings: TrainSettings, customers: Sequence[Customer]) -> None:
    """Check that each column which the model needs is in the file of some customer."""
    missing = list(settings.columns)
    if settings.is_logistic and "cap" not in settings.bounds:
        missing.append("cap")
    files = (path for customer in customers for path in customer.files)
    for path in files:
        if not missing:
            return
        names = set(_column_names(path))
        missing = [name for name in missing if name not in names]
    if not missing or not customers:
        return
    if missing[-1:] == ["cap"] and "cap" in BOUNDS and settings.is_logistic:
        raise SettingError(
            "growth = logistic needs a cap: the hyperparameter cap, or a column cap in the customers' files; "
            "there is neither"
        )
    raise SettingError(
        f"no customer's file has a column {' or '.join(map(quoted, missing))}, which the hyperparameters "
        "regressors or seasonalities name"
    )


def _column_names(path: Path) -> Iterator[str]:
    """Yield what may be names of columns in the first line of a file; nothing for an unreadable file."""
    try:
        if path.suffix == ".parquet":
            yield from _parquet_names(path)
            return
        head = read_head(path, HEAD_BYTES)
    except UnusableFileError:
        return
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    first = head.decode(encoding, "replace").lstrip("\r\n").splitlines()[:1]
    for delimiter in ",;\t|":
        for row in csv.reader(first, delimiter=delimiter):
            yield from (cell.strip() for cell in row)


def _parquet_names(path: Path) -> list[str]:
    import duckdb  # noqa: PLC0415 -- 40 ms that a job without Parquet does not pay

    read_head(path, 4)  # refuses links
    try:
        return list(duckdb.connect().read_parquet(str(path)).columns)
    except duckdb.Error:
        return []
