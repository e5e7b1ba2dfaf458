"""Random tables in random dialects are read back equal or rejected by row; damaged files are never read."""

import csv
import gzip
import io
import random
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetcast.errors import InputError
from processing import Columns
from processing.program import process
from tests.unit.raw import HEADER, raw, rejected, written

TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S")
BAD = (
    "{d}",
    "7{d}",
    "7{d}never{d}1",
    '"7{d}2026-01-01{d}1',
    "7{d}2026-01-01{d}1{d}2{d}3",
    "7{d}2026-01-01{d}x",
)


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    decimal: str
    time: str
    newline: str
    encoding: str
    quoting: int
    block_bytes: int


names = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=8)
good_rows = st.tuples(
    names.filter(
        lambda name: (
            name.strip().lower() not in {"", "nan", "null", "none", "<na>", "#n/a"}
            and not name.startswith(".")
            and "/" not in name
        )
    ),
    st.integers(0, 10**8).map(lambda seconds: datetime(2020, 1, 1) + timedelta(seconds=seconds)),  # noqa: DTZ001
    st.floats(-1e9, 1e9).map(lambda value: round(value, 6)),
)
dialects = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    time=st.sampled_from(TIMES),
    newline=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    block_bytes=st.sampled_from([16, 100, 4096]),
).filter(lambda dialect: dialect.decimal != dialect.delimiter)


def line(dialect: Dialect, *cells: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(
        text,
        delimiter=dialect.delimiter,
        quoting=dialect.quoting,
        lineterminator=dialect.newline,  # type: ignore[arg-type]
    ).writerow(cells)
    return text.getvalue()


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(dialect=dialects, rows=st.lists(good_rows, min_size=1, max_size=30), data=st.data())
def test_a_table_is_read_back_equal_and_each_bad_row_is_rejected_alone(
    dialect: Dialect, rows: list[tuple[str, datetime, float]], data: st.DataObject
) -> None:
    lines = [
        line(dialect, name, time.strftime(dialect.time), f"{value:.6f}".replace(".", dialect.decimal))
        for name, time, value in rows
    ]
    bad = data.draw(st.lists(st.sampled_from(BAD), max_size=4))
    for template in bad:
        place = data.draw(st.integers(0, len(lines)))
        lines.insert(place, template.format(d=dialect.delimiter) + dialect.newline)
    content = line(dialect, *HEADER.strip().split(",")) + "".join(lines)

    with (
        tempfile.TemporaryDirectory() as folder,
        patch("processing.raw_files.rows.BLOCK_BYTES", dialect.block_bytes),
    ):
        paths = raw(Path(folder), content.encode(dialect.encoding))
        process(
            paths,
            Columns(),
            delimiter=dialect.delimiter,
            decimal=dialect.decimal,
            date_format=dialect.time if "." in dialect.time else None,
        )
        found = Counter((name, text) for name, texts in written(paths).items() for text in texts)
        count = len(rejected(paths))

    assert found == Counter((name, f"{time:%Y-%m-%d %H:%M:%S},{value!r}") for name, time, value in rows)
    assert count == len(bad)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(content=st.binary(max_size=400), block_bytes=st.sampled_from([8, 64, 4096]))
def test_any_bytes_below_a_header_are_rows_or_a_refusal(content: bytes, block_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder, patch("processing.raw_files.rows.BLOCK_BYTES", block_bytes):
        paths = raw(Path(folder), HEADER.encode() + content + b"\n7,2026-01-01,5\n")
        try:
            process(paths, Columns())
        except InputError as error:
            assert str(error).isprintable()  # noqa: PT017 -- it need not fail
            return

        assert "2026-01-01 00:00:00,5.0" in written(paths).get("7", []) or rejected(paths)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_compressed_file_is_never_other_numbers(
    seed: int, position: float, bit: int
) -> None:
    values = random.Random(seed)  # noqa: S311 -- no secrets
    rows = "".join(f"7,2026-01-01 00:{row:02}:00,{values.random():.6f}\n" for row in range(60))
    packed = bytearray(gzip.compress((HEADER + rows).encode()))
    packed[int(position * len(packed))] ^= 1 << bit

    with tempfile.TemporaryDirectory() as folder:
        paths = raw(Path(folder), bytes(packed), "raw.csv.gz")
        try:
            process(paths, Columns())
        except InputError as error:
            assert "'raw.csv.gz'" in str(error)  # noqa: PT017 -- a bit of the header that says nothing may pass
            assert not paths.processing_output.exists()
            return

        expected = [f"{row.split(',')[1]},{float(row.split(',')[2])!r}" for row in rows.splitlines()]
        assert written(paths) == {"7": expected}
        assert rejected(paths) == []


@pytest.mark.parametrize("place", [-1, -5, -8, 30])
def test_a_damaged_file_among_good_ones_is_named_and_nothing_is_written(tmp_path: Path, place: int) -> None:
    packed = bytearray(gzip.compress((HEADER + "8,2026-01-01,1\n").encode()))
    packed[place] ^= 1
    raw(tmp_path, bytes(packed), "sub/bad.csv.gz")
    paths = raw(tmp_path, HEADER + "7,2026-01-01,5\n")

    with pytest.raises(InputError, match=r"'sub/bad\.csv\.gz'.*damaged"):
        process(paths, Columns())

    assert not paths.processing_output.exists()
    assert rejected(paths) == []
