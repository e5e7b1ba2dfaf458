"""One customer from its files to an archive that was proven to forecast, inside a worker process."""

from train.customer.archived import settings_of_archive
from train.customer.arguments import column_arguments, fit_options
from train.customer.backtest import BacktestCustomer, Backtested, BacktestOptions, digest_of_files
from train.customer.data_warnings import ALONE, OF_ALL, OF_FLEET
from train.customer.earlier import sent_archive
from train.customer.files import check_cap, file_contents, load_readings
from train.customer.freq import freq_of
from train.customer.last_readings import LastReadings
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
from train.customer.train_customer import EXPECTED, VERSIONS, FitCustomer, reason_of_error

__all__ = [
    "ALONE",
    "EXPECTED",
    "OF_ALL",
    "OF_FLEET",
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
    "LastReadings",
    "NotRefreshed",
    "Outcome",
    "RefreshCustomer",
    "RefreshOutcome",
    "Refreshed",
    "Skipped",
    "WithArchive",
    "check_cap",
    "column_arguments",
    "digest_of_files",
    "file_contents",
    "fit_options",
    "freq_of",
    "load_readings",
    "reason_of",
    "reason_of_error",
    "sent_archive",
    "settings_of_archive",
    "status_table",
]
