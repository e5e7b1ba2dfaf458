"""One customer from its files to an archive that was proven to forecast, inside a worker process."""

from train.customer.arguments import column_arguments
from train.customer.estimate import estimate
from train.customer.files import check_cap, file_contents, load_readings
from train.customer.freq import freq_of
from train.customer.outcome import (
    STATUSES,
    Failed,
    Fallback,
    Fitted,
    Kept,
    Outcome,
    Skipped,
    WithArchive,
    reason_of,
    status_table,
)
from train.customer.train_customer import FitCustomer

__all__ = [
    "STATUSES",
    "Failed",
    "Fallback",
    "FitCustomer",
    "Fitted",
    "Kept",
    "Outcome",
    "Skipped",
    "WithArchive",
    "check_cap",
    "column_arguments",
    "estimate",
    "file_contents",
    "freq_of",
    "load_readings",
    "reason_of",
    "status_table",
]
