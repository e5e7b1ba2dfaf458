"""Parses the files of one customer and joins them; each kind of problem has its own sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fleetcast.errors import ReadingsError
from fleetcast.readings import ReadingOptions
from fleetcast.readings.customer.csv_source import csv_source
from fleetcast.readings.customer.parquet_source import parquet_source

Times: TypeAlias = NDArray[np.datetime64]
Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of one customer: `ds` datetime64[us] and `y` float64, both of shape (rows,)."""

    ds: Times
    y: Vector
    columns: Mapping[str, Vector] = field(default_factory=dict)
    """Further columns by name, each of shape (rows,)."""
    notes: tuple[str, ...] = ()
    """Sentences that the owner of the files should read, although nothing was refused."""
    dropped_rows: int = 0
    """Number of rows left out because a regressor or condition has no value."""

    def rows(self, selection: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return the readings of a mask or of indices, in their order."""
        columns = {name: values[selection] for name, values in self.columns.items()}
        return type(self)(self.ds[selection], self.y[selection], columns, self.notes, self.dropped_rows)

    def by_time(self) -> Self:
        """Return the readings in ascending order of time."""
        return self if (self.ds[1:] >= self.ds[:-1]).all() else self.rows(np.argsort(self.ds, kind="stable"))


def parse_readings(
    files: Sequence[Path],
    contents: Sequence[bytes],
    *,
    columns: Sequence[str] = (),
    options: ReadingOptions | None = None,
) -> Readings:
    """Return the readings in `contents`, the bytes of a customer's `files`, in the order of the files.

    A file is CSV with the header `timestamp,consumption` or `ds,y`, or without a header; or Parquet with
    these columns.  `columns` names the regressors and conditions, which every file must have; other columns
    are skipped.  `options` decide what a file leaves ambiguous.  A missing reading is NaN; rows without a
    value in one of `columns` are left out and counted.  Raises ReadingsError for the first problem.
    """
    _check_twins(files, contents)
    options = options or ReadingOptions()
    parts = [_parse(path, content, columns, options) for path, content in zip(files, contents, strict=True)]
    if len(parts) == 1:
        return _complete(parts[0], columns)
    for path, part in zip(files, parts, strict=True):
        if part.columns.keys() != parts[0].columns.keys():
            different = ", ".join(sorted(part.columns.keys() ^ parts[0].columns.keys()))
            raise ReadingsError(f"of {files[0].name} and {path.name} only one has the column {different}")
    together = Readings(
        np.concatenate([part.ds for part in parts]),
        np.concatenate([part.y for part in parts]),
        {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
        tuple(note for part in parts for note in part.notes),
    )
    return _complete(together, columns)


def _parse(path: Path, content: bytes, columns: Sequence[str], options: ReadingOptions) -> Readings:
    is_parquet = path.suffix.lower() == ".parquet"
    source = (
        parquet_source(path, columns, options) if is_parquet else csv_source(path, content, columns, options)
    )
    source.check()
    further = {name: column.parsed.values for name, column in source.further.items()}
    notes = tuple(f"{path.name}: {note}" for note in (*source.notes, *source.time.parsed.notes))
    return Readings(source.time.parsed.values, source.value.parsed.values, further, notes)


def _complete(readings: Readings, columns: Sequence[str]) -> Readings:
    """Return the readings without the rows that lack a value of `columns`."""
    missing = {name: np.isnan(readings.columns[name]) for name in columns}
    if not missing:
        return readings
    incomplete: NDArray[np.bool_] = np.any([*missing.values()], axis=0)
    dropped = int(np.count_nonzero(incomplete))
    if not dropped:
        return readings
    names = " or ".join(name for name, absent in missing.items() if absent.any())
    note = f"rows left out because they have no value of {names}: {dropped} of {len(readings.ds)}"
    if dropped == len(readings.ds):
        raise ReadingsError(f"no row has a value of {' and '.join(columns)}")
    complete = readings.rows(~incomplete)
    return Readings(complete.ds, complete.y, complete.columns, (*complete.notes, note), dropped)


def _check_twins(files: Sequence[Path], contents: Sequence[bytes]) -> None:
    """Raise ReadingsError if two files have the same bytes: their readings would count twice."""
    if len(files) == 1:
        return
    first: dict[bytes, Path] = {}
    for path, content in zip(files, contents, strict=True):
        other = first.setdefault(content, path)
        if other is not path:
            raise ReadingsError(f"{other.name} and {path.name} hold the same; keep one of them")
