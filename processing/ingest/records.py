"""Turns rows into records of a feature group."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from processing.columns import Columns
from processing.feature_store import FeatureGroup
from processing.file_rows import FileRows
from processing.raw_files import RefusedRow

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS: Final = slice(0, 19)
_FRACTION: Final = slice(20, None)
_MILLISECOND_DIGITS: Final = 3
_TOO_FINE: Final = "has more digits than milliseconds, which are all that Feature Store holds"


class Record(NamedTuple):
    """One reading, or one deletion."""

    customer: str
    event_time: str
    """As the group's feature has it: ISO 8601 with milliseconds, or seconds since 1970."""
    numbers: tuple[str, ...]
    """Value and regressors; empty in a deletion."""
    file: str
    line: int

    @property
    def key(self) -> tuple[str, str]:
        """What Feature Store tells records apart by."""
        return self.customer, self.event_time

    def refused(self, reason: str) -> RefusedRow:
        """Return the record as a line of `rejected.csv`."""
        return RefusedRow(self.line, ",".join((self.customer, self.event_time, *self.numbers)), reason)


@dataclass(frozen=True, slots=True)
class RecordFormat:
    """How a group's records are written."""

    group: FeatureGroup
    features: tuple[str, ...]
    """Names of the features that hold numbers."""

    @classmethod
    def of(cls, group: FeatureGroup, columns: Columns) -> "RecordFormat":
        """Return the format of the records that `columns` are read into."""
        return cls(group, columns.numbers())

    def records(self, rows: FileRows) -> tuple[list[Record], list[RefusedRow]]:
        """Return the records of some rows, and those whose time the group cannot hold."""
        in_seconds = self.group.types.get(self.group.event_time) == "Fractional"
        records, refused = [], []
        for customer, text, line in zip(*rows.usable, strict=True):
            time, *numbers = text.split(",")
            if len(time[_FRACTION]) > _MILLISECOND_DIGITS:
                refused.append(RefusedRow(line, f"{customer},{text}", f"the time {_TOO_FINE}"))
                continue
            moment = _in_seconds(time) if in_seconds else _in_iso_8601(time)
            records.append(Record(customer, moment, tuple(numbers), rows.file.name, line))
        return records, refused

    def values(self, record: Record) -> list[dict[str, str]]:
        """Return a record as PutRecord and BatchWriteRecord take it."""
        names = (self.group.identifier, self.group.event_time, *self.features)
        texts = (*record.key, *record.numbers)
        return [{"FeatureName": name, "ValueAsString": text} for name, text in zip(names, texts, strict=True)]

    def key(self, values: Sequence[Mapping[str, str]]) -> tuple[str, str]:
        """Return the `Record.key` of a record in a response."""
        texts = {value["FeatureName"]: value.get("ValueAsString", "") for value in values}
        return texts.get(self.group.identifier, ""), texts.get(self.group.event_time, "")


def last_of_each_key(records: Sequence[Record]) -> list[Record]:
    """Return for each customer and time the last record: it is the one that counts in the store."""
    return list({record.key: record for record in records}.values())


def in_parts(records: Sequence[Record], size: int) -> Iterator[Sequence[Record]]:
    """Yield consecutive records, at most `size` at a time."""
    return (records[start : start + size] for start in range(0, len(records), size))


def _in_iso_8601(time: str) -> str:
    """Return 2026-01-31 13:45:00.5 as 2026-01-31T13:45:00.500Z.

    All have milliseconds, because Athena, which the dataset builder of the SageMaker SDK runs on, compares
    event times as texts.
    """
    return f"{time[:10]}T{time[11:19]}.{time[_FRACTION]:0<3}Z"


def _in_seconds(time: str) -> str:
    """Return 2026-01-31 13:45:00.5 as 1769867100.500."""
    moment = datetime.fromisoformat(time[_SECONDS]).replace(tzinfo=UTC)
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1) + int(f"{time[_FRACTION]:0<3}")
    return f"{milliseconds / 1000:.3f}"
