"""One customer from its files to an archive that was proven to forecast, inside a worker process."""

from train.customer.arguments import column_arguments, fit_options
from train.customer.backtest import BacktestCustomer, Backtested, BacktestOptions, digest_of_files
from train.customer.earlier import sent_archive
from train.customer.files import file_contents, load_readings
from train.customer.freq import freq_of
from train.customer.outcome import (
    REFRESH_STATUSES,
    STATUSES,
    Failed,
    Fallback,
    Fitted,
    Kept,
    NotRefreshed,
    Outcome,
    Refreshed,
    RefreshOutcome,
    Skipped,
    WithArchive,
    reason_of,
    status_table,
)
from train.customer.refresh_customer import RefreshCustomer
from train.customer.train_customer import VERSIONS, FitCustomer

__all__ = [
    "REFRESH_STATUSES",
    "STATUSES",
    "VERSIONS",
    "BacktestCustomer",
    "BacktestOptions",
    "Backtested",
    "Failed",
    "Fallback",
    "FitCustomer",
    "Fitted",
    "Kept",
    "NotRefreshed",
    "Outcome",
    "RefreshCustomer",
    "RefreshOutcome",
    "Refreshed",
    "Skipped",
    "WithArchive",
    "column_arguments",
    "digest_of_files",
    "file_contents",
    "fit_options",
    "freq_of",
    "load_readings",
    "reason_of",
    "sent_archive",
    "status_table",
]
