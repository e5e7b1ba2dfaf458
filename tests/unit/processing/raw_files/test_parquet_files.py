"""Parquet of every type that people have is read as text is, or refused by name."""

import base64
from pathlib import Path

import duckdb
import pytest

from container import Paths
from fleetcast.errors import InputError
from processing import Columns
from processing.program import process
from tests.unit.raw import HEADER, raw, rejected, written

INT96 = base64.b64decode(
    "UEFSMRUAFSwVLCwVBBUAFQYVBhwAAAACAAAABAEHAAAAAAAAAAcAAAAAAAAAFQAVPBU8LBUEFQAVBhUGHAAAAAIAAAAEAQAAAAAA"
    "AAAAl4olAADQA2HtKAAAmIolABUAFSwVLCwVBBUAFQYVBhwAAAACAAAABAEAAAAAAAD4PwAAAAAAAARAFQQZTDUAGAZzY2hlbWEV"
    "BgAVBCUCGAtjdXN0b21lcl9pZAAVBiUCGAl0aW1lc3RhbXAAFQolAhgLY29uc3VtcHRpb24AFgQZHBk8JgAcFQQZJQYAGRgLY3Vz"
    "dG9tZXJfaWQVABYEFlIWUiYISRwVABUAFQIAPCkGGSYABAAAACYAHBUGGSUGABkYCXRpbWVzdGFtcBUAFgQWYhZiJlpJHBUAFQAV"
    "AgA8KQYZJgAEAAAAJgAcFQoZJQYAGRgLY29uc3VtcHRpb24VABYEFlIWUia8AUkcFQAVABUCADwpBhkmAAQAAAAWhgIWBCYIFoYC"
    "ACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZPBwAABwAABwAAAAfAQAAUEFSMQ=="
)
"""Customer 7 at 2024-01-01 and 2024-01-02 12:30 as INT96: 1.5 and 2.5.  DuckDB does not write that type."""


def parquet(
    base: Path, row: str, name: str = "raw.parquet", columns: str = "customer_id, timestamp, consumption"
) -> Paths:
    """Write a file of one row: SQL of its values."""
    paths = Paths(base)
    path = paths.processing_input / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'")
        connection.sql(f"FROM (VALUES ({row})) AS t({columns})").write_parquet(str(path))
    return paths


def test_a_folder_of_parquet_alone_is_read(tmp_path: Path) -> None:
    paths = parquet(tmp_path, "7, TIMESTAMP '2024-01-01', 1.5")

    process(paths, Columns())

    assert written(paths) == {"7": ["2024-01-01 00:00:00,1.5"]}


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("TIMESTAMP '2024-01-01 12:30:00.25'", "2024-01-01 12:30:00.25"),
        ("CAST('2024-01-01' AS TIMESTAMP_S)", "2024-01-01 00:00:00"),
        ("CAST('2024-01-01' AS TIMESTAMP_MS)", "2024-01-01 00:00:00"),
        ("CAST('2024-01-01' AS TIMESTAMP_NS)", "2024-01-01 00:00:00"),
        ("TIMESTAMPTZ '2024-01-01 00:00:00+01:00'", "2023-12-31 23:00:00"),
        ("DATE '2024-01-01'", "2024-01-01 00:00:00"),
        ("20240101", "2024-01-01 00:00:00"),
        ("CAST(20240101 AS DOUBLE)", "2024-01-01 00:00:00"),
        ("CAST(20240101 AS DECIMAL(10, 0))", "2024-01-01 00:00:00"),
        ("1704067200", "2024-01-01 00:00:00"),
        ("1704067200000", "2024-01-01 00:00:00"),
        ("CAST(1704067200 AS DOUBLE)", "2024-01-01 00:00:00"),
        ("'2024-01-01T00:00:00+01:00'", "2023-12-31 23:00:00"),
        ("CAST('2024-01-01' AS ENUM ('2024-01-01'))", "2024-01-01 00:00:00"),
        ("CAST('2024-01-01' AS BLOB)", "2024-01-01 00:00:00"),
    ],
)
def test_times_of_every_type_are_read_like_their_texts(tmp_path: Path, time: str, text: str) -> None:
    paths = parquet(tmp_path, f"7, {time}, 1")

    process(paths, Columns())

    assert written(paths) == {"7": [f"{text},1.0"]}


def test_times_as_int96_are_read(tmp_path: Path) -> None:
    paths = raw(tmp_path, INT96, "raw.parquet")

    process(paths, Columns())

    assert written(paths) == {"7": ["2024-01-01 00:00:00,1.5", "2024-01-02 12:30:00,2.5"]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("CAST(1.5 AS FLOAT)", "1.5"),
        ("CAST(0.1 AS DOUBLE)", "0.1"),
        ("CAST(1.50 AS DECIMAL(10, 2))", "1.5"),
        ("CAST(3 AS UTINYINT)", "3.0"),
        ("CAST(1e300 AS DOUBLE)", "1e300"),
        ("'1.5'", "1.5"),
    ],
)
def test_values_of_every_type_are_numbers(tmp_path: Path, value: str, text: str) -> None:
    paths = parquet(tmp_path, f"7, DATE '2024-01-01', {value}")

    process(paths, Columns())

    assert [line.split(",")[1] for line in written(paths)["7"]] == [text]


@pytest.mark.parametrize("value", ["NULL::INTEGER", "'nan'::DOUBLE", "'inf'::DOUBLE", "'NA'"])
def test_a_value_that_is_not_a_number_is_rejected_with_its_row(tmp_path: Path, value: str) -> None:
    parquet(tmp_path, f"7, DATE '2024-01-01', {value}")
    paths = parquet(tmp_path, "7, DATE '2024-01-02', 2", "good.parquet")

    process(paths, Columns())

    assert written(paths) == {"7": ["2024-01-02 00:00:00,2.0"]}
    assert [row[:2] for row in rejected(paths)] == [("raw.parquet", 1)]


@pytest.mark.parametrize("value", ["{'kwh': 1}", "[1, 2]", "MAP {'a': 1}", "[1, 2]::INTEGER[2]"])
def test_a_nested_column_is_refused_by_name(tmp_path: Path, value: str) -> None:
    paths = parquet(tmp_path, f"7, DATE '2024-01-01', {value}")

    with pytest.raises(InputError, match=r"'raw\.parquet': the column 'consumption' is nested"):
        process(paths, Columns())


def test_a_nested_column_that_is_not_selected_is_ignored(tmp_path: Path) -> None:
    columns = "customer_id, timestamp, consumption, more"
    paths = parquet(tmp_path, "7, DATE '2024-01-01', 1, {'a': 1}", columns=columns)

    assert process(paths, Columns()) == 1


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("7.0::DOUBLE", "7"),
        ("7.0::FLOAT", "7"),
        ("1e16::DOUBLE", "10000000000000000"),
        ("7.5::DOUBLE", "7.5"),
        ("7::UTINYINT", "7"),
        ("' 7'", " 7"),
        ("'007'", "007"),
        ("'7.0'", "7.0"),
        ("'a'::ENUM ('a')", "a"),
    ],
)
def test_a_whole_float_names_a_customer_as_a_whole_number_and_a_text_as_it_is(
    tmp_path: Path, identity: str, name: str
) -> None:
    paths = parquet(tmp_path, f"{identity}, DATE '2024-01-01', 1")

    process(paths, Columns())

    assert set(written(paths)) == {name}


def test_floats_as_names_of_customers_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    process(parquet(tmp_path, "1e16::DOUBLE, DATE '2024-01-01', 1"), Columns())

    assert "'customer_id' holds floats" in caplog.text
    assert "floats above 2**53" in caplog.text


def test_the_names_of_folders_are_columns(tmp_path: Path) -> None:
    columns = "timestamp, consumption"
    for folder in ("customer_id=7", "customer_id=a%20b"):
        paths = parquet(tmp_path, "DATE '2024-01-01', 1", f"{folder}/part-0.parquet", columns)
    raw(tmp_path, "timestamp,consumption\n2024-01-02,2\n", "customer_id=7/more.csv")
    parquet(
        tmp_path, "DATE '2024-01-01', 1", "customer_id=__HIVE_DEFAULT_PARTITION__/part-0.parquet", columns
    )

    process(paths, Columns())

    assert written(paths) == {
        "7": ["2024-01-01 00:00:00,1.0", "2024-01-02 00:00:00,2.0"],
        "a b": ["2024-01-01 00:00:00,1.0"],
    }
    assert [reason for *_, reason in rejected(paths)] == ["customer_id '' is not the name of a customer"]


def test_csv_and_parquet_of_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    texts = [f"2024-01-{day:02} {hour:02}:00:00" for day in range(1, 29) for hour in range(24)]
    rows = [(f"c{place % 5}", text, place / 7) for place, text in enumerate(texts)]
    as_text = raw(tmp_path / "csv", HEADER + "".join(f"{a},{b},{c}\n" for a, b, c in rows))
    values = "), (".join(f"'{a}', TIMESTAMP '{b}', {c}::DOUBLE" for a, b, c in rows)
    as_parquet = parquet(tmp_path / "parquet", values)

    for paths in (as_text, as_parquet):
        process(paths, Columns())

    assert written(as_text) == written(as_parquet)
