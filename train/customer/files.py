"""From a customer's place in the channel to its readings."""

import os
from collections.abc import Sequence
from typing import Final

from fleetcast.archive import SUFFIX
from fleetcast.errors import ReadingsError
from fleetcast.readings.customer import MOST_BYTES, Readings, parse_readings, read_file
from train.channel import Customer
from train.settings import TrainSettings

MOST_NAME_BYTES: Final = 255
"""The longest file name that file systems accept."""


def file_contents(customer: Customer) -> list[bytes]:
    """Return the bytes of the customer's files; raise ReadingsError or UnusableFileError for bad ones."""
    if customer.problem:
        raise ReadingsError(customer.problem)
    if customer.may_be_incomplete:
        raise ReadingsError(
            "the customer's data is split over several S3 objects; with ShardedByS3Key other hosts may have "
            "the missing parts: keep one object per customer, data.csv, or use FullyReplicated"
        )
    if len(os.fsencode(customer.name + SUFFIX)) > MOST_NAME_BYTES:
        raise ReadingsError(f"the customer's name has more than {MOST_NAME_BYTES - len(SUFFIX)} bytes")
    if not customer.files:
        raise ReadingsError("the folder has no data.csv or data.parquet")
    return [read_file(path, most_bytes=MOST_BYTES) for path in customer.files]


def load_readings(customer: Customer, contents: Sequence[bytes], settings: TrainSettings) -> Readings:
    """Return the readings in `contents`, the bytes of the customer's files; raise ReadingsError."""
    return parse_readings(customer.files, contents, columns=settings.columns, options=settings.reading)


def check_cap(readings: Readings, settings: TrainSettings) -> None:
    """Raise ReadingsError where growth is logistic and neither files nor hyperparameters have a cap."""
    if settings.is_logistic and "cap" not in settings.bounds and "cap" not in readings.columns:
        raise ReadingsError("its files have no column cap, which growth = logistic needs")
