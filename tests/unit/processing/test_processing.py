import csv
import gzip
from pathlib import Path

import duckdb
import pytest

from container import Paths
from fleetcast.errors import InputError, SettingError
from processing import Columns
from processing.program import columns, parse, process

HEADER = "customer_id,timestamp,consumption\n"


def raw(base: Path, content: str | bytes, name: str = "raw.csv") -> Paths:
    paths = Paths(base)
    paths.processing_input.mkdir(parents=True, exist_ok=True)
    content = content if isinstance(content, bytes) else content.encode()
    (paths.processing_input / name).write_bytes(content)
    return paths


def written(paths: Paths) -> dict[str, str]:
    return {
        path.parent.name: path.read_text() for path in paths.processing_output.rglob("*") if path.is_file()
    }


def rejected(paths: Paths) -> list[list[str]]:
    with (paths.base / "processing" / "rejected" / "rejected.csv").open(newline="") as file:
        return list(csv.reader(file))[1:]


def test_each_customer_gets_a_folder_sorted_by_time(tmp_path: Path) -> None:
    paths = raw(tmp_path, HEADER + "b,2025-01-02,2\na,2025-01-03,3\nb,2025-01-01 12:30,1.5\n")

    assert process(paths, Columns()) == 2
    assert written(paths) == {
        "a": "timestamp,consumption\n2025-01-03 00:00:00,3.0\n",
        "b": "timestamp,consumption\n2025-01-01 12:30:00,1.5\n2025-01-02 00:00:00,2.0\n",
    }


def test_csv_gzip_and_parquet_files_are_one_table(tmp_path: Path) -> None:
    paths = raw(tmp_path, HEADER + "1,2025-01-01,1\n")
    raw(tmp_path, gzip.compress((HEADER + "1,2025-01-02,2\n").encode()), "more.csv.gz")
    parquet = paths.processing_input / "more.parquet"
    duckdb.sql(
        f"COPY (SELECT 1 customer_id, TIMESTAMP '2025-01-03' \"timestamp\", 3.0 consumption) TO '{parquet}'"
    )

    process(paths, Columns())

    assert written(paths)["1"].splitlines()[1:] == [
        "2025-01-01 00:00:00,1.0",
        "2025-01-02 00:00:00,2.0",
        "2025-01-03 00:00:00,3.0",
    ]


def test_a_row_that_cannot_be_used_is_rejected_with_the_reason_and_affects_no_other(tmp_path: Path) -> None:
    bad = [
        ",2025-01-01,1",
        "../up,2025-01-01,1",
        "1,yesterday,1",
        "1,2025-01-01,much",
        "1,2025-01-01,inf",
        "1,2025-01-01,",
        "1,2025-01-01",
        "1,2025-01-01,1,2,3",
    ]
    paths = raw(tmp_path, HEADER + "1,2025-01-05,5\n" + "\n".join(bad) + "\n1,2025-01-06,6\n")

    process(paths, Columns())

    assert written(paths) == {
        "1": "timestamp,consumption\n2025-01-05 00:00:00,5.0\n2025-01-06 00:00:00,6.0\n"
    }
    assert [row[:3] for row in rejected(paths)] == [
        ["raw.csv", str(line), row] for line, row in enumerate(bad, start=3)
    ]
    assert "customer_id '../up' cannot name a folder" in rejected(paths)[1][3]


def test_a_customer_name_is_kept_byte_for_byte(tmp_path: Path) -> None:
    paths = raw(
        tmp_path, HEADER + '"Müller, ""A"" & Co.\'s",2025-01-01,1\n007,2025-01-01,1\n#1,2025-01-01,1\n'
    )

    process(paths, Columns())

    assert written(paths).keys() == {'Müller, "A" & Co.\'s', "007", "#1"}


def test_columns_may_have_other_names_and_rows_may_be_chosen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    paths = raw(tmp_path, "unique_id,ds,y,temp,split\nA,2025-01-01,1,20,train\nA,2025-01-02,2,21,test\n")
    options = parse(
        ["--customer-id=unique_id", "--timestamp=ds", "--value=y", "--regressors=temp", "--where=split=train"]
    )

    process(paths, columns(options))

    assert written(paths) == {"A": "timestamp,consumption,temp\n2025-01-01 00:00:00,1.0,20.0\n"}
    assert "1 rows left out: --where 'split' is not 'train'" in caplog.messages


def test_since_and_before_divide_the_readings_at_a_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rows = ["A,2025-01-01T23:59:59.5Z,1", "A,2025-01-02,2", "A,2025-01-02T00:00:00.5,3", "A,later,4"]
    paths = raw(tmp_path, HEADER + "\n".join(rows) + "\n")

    process(paths, columns(parse(["--before", "2025-01-02T02:00+02:00"])))
    before = written(paths)
    process(paths, columns(parse(["--since", "2025-01-02"])))

    assert before == {"A": "timestamp,consumption\n2025-01-01 23:59:59.5,1.0\n"}
    assert written(paths) == {
        "A": "timestamp,consumption\n2025-01-02 00:00:00,2.0\n2025-01-02 00:00:00.5,3.0\n"
    }
    assert "2 rows left out: not --before 2025-01-02 00:00:00" in caplog.messages
    assert "1 rows left out: before --since 2025-01-02 00:00:00" in caplog.messages
    assert "1 readings of 1 customers" in caplog.messages
    assert "2 readings of 1 customers" in caplog.messages


def test_a_time_that_divides_no_readings_is_refused() -> None:
    with pytest.raises(SettingError, match=r"--before must be a time such as .*, not 'soon'"):
        columns(parse(["--before", "soon"]))


def test_missing_columns_are_named_with_those_that_the_file_has(tmp_path: Path) -> None:
    paths = raw(tmp_path, "id,timestamp,kwh\n1,2025-01-01,1\n")

    with pytest.raises(
        InputError,
        match=r"'raw\.csv' has no column 'customer_id' and no column 'consumption'; its columns are 'id', ",
    ):
        process(paths, Columns())


@pytest.mark.parametrize(
    ("name", "content"), [("raw.csv.gz", b"\x1f\x8b\x08\x00cut"), ("raw.parquet", b"PAR1 is not enough")]
)
def test_an_unreadable_file_is_named_and_nothing_is_written(
    tmp_path: Path, name: str, content: bytes
) -> None:
    paths = raw(tmp_path, HEADER + "1,2025-01-01,1\n", "good.csv")
    raw(tmp_path, content, name)

    with pytest.raises(InputError, match=name):
        process(paths, Columns())

    assert not paths.processing_output.exists()


def test_the_error_of_an_empty_folder_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no readings in .*input: put files ending in \.csv"):
        process(Paths(tmp_path), Columns())


def test_a_table_without_a_usable_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no usable reading in 1 rows"):
        process(raw(tmp_path, HEADER + "1,never,1\n"), Columns())


def test_a_file_name_is_not_a_pattern(tmp_path: Path) -> None:
    paths = raw(tmp_path, HEADER + "1,2025-01-01,1\n", "it's [1]*.csv")

    assert process(paths, Columns()) == 1


def test_customers_are_complete_if_they_exceed_one_fetch(tmp_path: Path) -> None:
    rows = [f"{row % 7},2025-01-01 00:00:{row % 60:02},{row}" for row in range(50_000)]
    paths = raw(tmp_path, HEADER + "\n".join(rows) + "\n")

    process(paths, Columns())

    assert sum(len(text.splitlines()) - 1 for text in written(paths).values()) == 50_000
