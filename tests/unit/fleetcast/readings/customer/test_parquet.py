import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from fleetcast.errors import ReadingsError
from fleetcast.readings import ReadingOptions
from fleetcast.readings.customer import Readings, parse_readings

MOMENT = "2024-01-01T06:00:00"


def parquet(folder: Path, query: str) -> Path:
    path = folder / "it's [1].parquet"
    duckdb.sql(f"COPY ({query}) TO '{str(path).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)")
    return path


def history(
    folder: Path, query: str, *, columns: tuple[str, ...] = (), options: ReadingOptions | None = None
) -> Readings:
    path = parquet(folder, query)
    return parse_readings([path], [path.read_bytes()], columns=columns, options=options)


@pytest.mark.parametrize(
    ("time", "utc"),
    [
        ("TIMESTAMP '2024-01-01 06:00'", MOMENT),
        ("TIMESTAMP_S '2024-01-01 06:00:00'", MOMENT),
        ("TIMESTAMP_MS '2024-01-01 06:00:00'", MOMENT),
        ("TIMESTAMP_NS '2024-01-01 06:00:00.000000789'", MOMENT),
        ("TIMESTAMPTZ '2024-01-01 07:00:00+01'", MOMENT),
        ("DATE '2024-01-01'", "2024-01-01T00:00:00"),
        ("'2024-01-01 07:00+01:00'", MOMENT),
        ("'2024-01-01 06:00'", MOMENT),
        ("20240101", "2024-01-01T00:00:00"),
        ("20240101::DOUBLE", "2024-01-01T00:00:00"),
        ("20240101::DECIMAL(12, 2)", "2024-01-01T00:00:00"),
        ("20240101::HUGEINT", "2024-01-01T00:00:00"),
        ("1704088800", MOMENT),
        ("1704088800000", MOMENT),
        ("1704088800000000", MOMENT),
        ("1704088800000000000", MOMENT),
        ("1704088800.0::DOUBLE", MOMENT),
    ],
)
def test_a_time_of_any_type_is_read_as_utc(tmp_path: Path, time: str, utc: str) -> None:
    readings = history(tmp_path, f'SELECT {time} AS "timestamp", 7.5 AS consumption')

    assert [str(ds) for ds in readings.ds] == [f"{utc}.000000"]
    assert readings.y.tolist() == [7.5]


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("20240101::FLOAT", "of type FLOAT, which holds no times"),
        ("TIME '10:00'", "of type TIME, which holds no times"),
        ("{'day': 1}", "of type STRUCT, which holds no times"),
        ("[1]", r"of type INTEGER\[\], which holds no times"),
        ("'2024-01-01'::BLOB", "of type BLOB, which holds no times"),
        ("true", "of type BOOLEAN, which holds no times"),
        ("45000", "row 1: '45000' is a number as Excel counts days"),
        ("45000.5::DOUBLE", r"row 1: '45000\.5' is a number as Excel counts days"),
        ("'infinity'::TIMESTAMP", "row 1: 'infinity' has a year outside"),
        ("TIMESTAMP '9999-12-31'", "row 1: '9999-12-31T00:00:00.000000' has a year outside"),
        ("NULL::TIMESTAMP", "row 1: '' says no time"),
        ("NULL::VARCHAR", "row 1: '' says no time"),
        ("'01.02.2024'", "set date_format"),
    ],
)
def test_an_ambiguous_time_is_refused_with_its_line(tmp_path: Path, time: str, reason: str) -> None:
    with pytest.raises(ReadingsError, match=rf"\.parquet.*{reason}"):
        history(tmp_path, f'SELECT {time} AS "timestamp", 7.5 AS consumption')


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("7::TINYINT", 7.0),
        ("7::UBIGINT", 7.0),
        ("7::HUGEINT", 7.0),
        ("7.1::DECIMAL(9, 2)", 7.1),
        ("7.5::FLOAT", 7.5),
        ("'7.5'", 7.5),
        ("'7.5'::ENUM ('7.5', '8')", 7.5),
    ],
)
def test_a_number_of_any_type_is_read_and_null_is_missing(tmp_path: Path, value: str, number: float) -> None:
    query = f"SELECT DATE '2024-01-01' AS ds, {value} AS y"

    readings = history(tmp_path, f"{query} UNION ALL SELECT DATE '2024-01-02', NULL")

    assert readings.y.tolist()[0] == number
    assert str(readings.y[1]) == "nan"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("true", "'y' of type BOOLEAN, which holds no readings"),
        ("{'a': 7}", "'y' of type STRUCT, which holds no readings"),
        ("DATE '2024-01-01'", "'y' of type DATE, which holds no readings"),
        ("'inf'::DOUBLE", "row 1: 'inf' is an infinite number"),
        ("'7,5'", "row 1: '7,5' is not a number: it has a decimal comma"),
    ],
)
def test_an_ambiguous_number_is_refused_with_the_reason(tmp_path: Path, value: str, reason: str) -> None:
    with pytest.raises(ReadingsError, match=rf"\.parquet.*{reason}"):
        history(tmp_path, f"SELECT DATE '2024-01-01' AS ds, {value} AS y")


def test_booleans_are_regressors_and_a_missing_one_leaves_its_row_out(tmp_path: Path) -> None:
    days = "VALUES (DATE '2024-01-01', 7, true), ('2024-01-02', 8, false), ('2024-01-03', 9, NULL)"

    readings = history(tmp_path, f"FROM ({days}) AS t (ds, y, promo)", columns=("promo",))

    assert readings.columns["promo"].tolist() == [1, 0]
    assert readings.dropped_rows == 1


def test_rows_of_several_customers_are_refused(tmp_path: Path) -> None:
    rows = "VALUES (DATE '2024-01-01', 7, 'a'), (DATE '2024-01-01', 8, 'b')"

    with pytest.raises(ReadingsError, match="rows of several customers in its column customer_id"):
        history(tmp_path, f"FROM ({rows}) AS t (ds, y, customer_id)")


def test_options_are_for_the_columns_that_are_texts(tmp_path: Path) -> None:
    query = "SELECT '01.02.2024' AS ds, '7,5' AS y, 2.5::DECIMAL(9, 1) AS wind"
    options = ReadingOptions(date_format="%d.%m.%Y", decimal=",")

    readings = history(tmp_path, query, columns=("wind",), options=options)

    assert str(readings.ds[0]) == "2024-02-01T00:00:00.000000"
    assert (readings.y.tolist(), readings.columns["wind"].tolist()) == ([7.5], [2.5])


def test_a_folder_that_looks_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "y=3"
    folder.mkdir()

    with pytest.raises(ReadingsError, match="needs the columns timestamp and consumption"):
        history(folder, "SELECT DATE '2024-01-01' AS ds")


PRINT = """
import sys
from pathlib import Path
from fleetcast.readings.customer import parse_readings
print(parse_readings([Path(sys.argv[1])], [b""]).ds)
"""


def test_the_zone_of_the_machine_does_not_matter(tmp_path: Path) -> None:
    path = parquet(tmp_path, "SELECT TIMESTAMPTZ '2024-07-01 02:00:00+02' AS ds, 7 AS y")

    printed = {
        subprocess.run(
            [sys.executable, "-c", PRINT, str(path)],
            env=os.environ | {"TZ": zone},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for zone in ("UTC", "America/New_York", "Asia/Kolkata")
    }

    assert printed == {"['2024-07-01T00:00:00.000000']\n"}
