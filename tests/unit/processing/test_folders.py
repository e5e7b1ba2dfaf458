"""Which files are read, who becomes a customer, and what the output is afterwards."""

import fcntl
import gzip
import os
import socket
from pathlib import Path

import pytest

from fleetcast.errors import InputError
from processing import Columns
from processing.program import process
from tests.unit.raw import HEADER, LINES, ROWS, raw, refused_in, rejected, written

TABLE = HEADER + ROWS


def test_a_file_that_is_skipped_has_a_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = ["a.bz2", "b.zst", "c.zip", "d.xlsx", "sub/e.json", "f", "g.gz", "new\nline.pdf"]
    for name in names:
        raw(tmp_path, "x", name)
    paths = raw(tmp_path, TABLE)

    process(paths, Columns())

    logged = [record.getMessage() for record in caplog.records if "is not read" in record.getMessage()]
    assert len(logged) == len(names)
    assert all(repr(name) in "".join(logged) for name in names)
    assert "'c.zip' is not read: " in caplog.text
    assert "unpack it" in caplog.text


def test_endings_count_in_any_case_and_of_every_text(tmp_path: Path) -> None:
    for place, name in enumerate(("a.CSV", "b.Csv", "c.tsv", "d.TXT", "deep/er/e.csv")):
        paths = raw(tmp_path, HEADER + f"{place},2026-01-01,1\n", name)

    process(paths, Columns())

    assert set(written(paths)) == set("01234")


def test_hidden_files_are_skipped_with_one_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for name in (".hidden.csv", ".ipynb_checkpoints/raw-checkpoint.csv", "_SUCCESS", "_temporary/0/part.csv"):
        raw(tmp_path, HEADER + "bad,2026-01-01,1\n", name)
    paths = raw(tmp_path, TABLE)

    process(paths, Columns())

    assert set(written(paths)) == {"7"}
    lines = [message for message in caplog.messages if "hidden files" in message]
    assert lines == [
        "4 hidden files or folders are not read: '.hidden.csv', '.ipynb_checkpoints', '_SUCCESS', ..."
    ]


def test_a_delta_lake_table_is_logged_as_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    raw(tmp_path, "{}", "_delta_log/00000000000000000000.json")

    process(raw(tmp_path, TABLE), Columns())

    assert "Delta table" in caplog.text


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_link_is_not_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture, *, is_folder: bool) -> None:
    secret = raw(tmp_path / "elsewhere", HEADER + "secret,2026-01-01,1\n").processing_input
    paths = raw(tmp_path, TABLE)
    link = paths.processing_input / ("link" if is_folder else "link.csv")
    link.symlink_to(secret if is_folder else secret / "raw.csv")

    process(paths, Columns())

    assert set(written(paths)) == {"7"}
    assert f"'{link.name}' is not read: it is a link" in caplog.text


def test_a_pipe_fails_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = raw(tmp_path, TABLE)
    os.mkfifo(paths.processing_input / "pipe.csv")

    process(paths, Columns())

    assert "'pipe.csv' is not read: it is not a regular file" in caplog.text


@pytest.mark.parametrize("content", [b"", b"\n \n", gzip.compress(b"")])
def test_an_empty_file_is_skipped_with_a_log_line(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    name = "empty.csv.gz" if content.startswith(b"\x1f") else "empty.csv"
    raw(tmp_path, content, name)
    paths = raw(tmp_path, TABLE)

    process(paths, Columns())

    assert written(paths) == {"7": LINES}
    assert f"'{name}' is not read: it is empty" in caplog.messages


def test_every_bad_file_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    paths = raw(tmp_path, TABLE)
    raw(tmp_path, HEADER.encode() + b"\xff", "latin.csv")
    raw(tmp_path, "a,b\n1,2\n", "other.csv")
    raw(tmp_path, "PAR1", "cut.parquet")

    with pytest.raises(InputError, match=r"'cut\.parquet'.*'latin\.csv'.*'other\.csv'.*Nothing was written"):
        process(paths, Columns())

    assert not paths.processing_output.exists()


@pytest.mark.parametrize(
    "name",
    [
        "up/down",
        ".hidden",
        "..",
        "7.tar.gz",
        "7.sagemaker-ignore",
        "new\nline",
        "\x1b[31mred",
        "del\x7f",
        "é" * 101,
    ],
)
def test_a_name_that_no_archive_can_have_is_rejected_and_quoted(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    reasons = refused_in(tmp_path, f'"{name}",2026-01-01,1\n')

    assert "cannot name a folder and an archive" in reasons[4]
    assert all(line.isprintable() for line in (*reasons.values(), *caplog.messages))


def test_names_are_kept_byte_for_byte_and_similar_ones_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [
        "7",
        " 7",
        "007",
        "7.0",
        "1e16",
        "NA",
        "a",
        "A",
        "caf\u00e9",
        "cafe\u0301",
        "x;mean_mase=0.1;",
        "é" * 100,
    ]
    paths = raw(tmp_path, HEADER + "".join(f"{name},2026-01-01,1\n" for name in names))

    process(paths, Columns())

    assert set(written(paths)) == set(names)
    assert "' 7' and '007' and '7' and '7.0' are different customers: are they one?" in caplog.messages
    assert "'A' and 'a' are different customers: are they one?" in caplog.messages
    assert "'cafe\u0301' and 'caf\u00e9' are different customers: are they one?" in caplog.messages


def test_a_repeated_reading_is_kept_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    raw(tmp_path, TABLE, "data (1).csv")
    paths = raw(tmp_path, TABLE, "data.csv")

    process(paths, Columns())

    assert written(paths)["7"] == sorted(LINES * 2)
    assert any(
        message.startswith("2 readings repeat another in customer, time and value")
        for message in caplog.messages
    )


def test_equal_times_come_in_one_order_whatever_the_order_of_files(tmp_path: Path) -> None:
    rows = [f"7,2026-01-01,{value}\n" for value in (5, 3, 10, 4)]
    first = raw(tmp_path / "1", HEADER + "".join(rows[:2]), "a.csv")
    raw(tmp_path / "1", HEADER + "".join(rows[2:]), "b.csv")
    second = raw(tmp_path / "2", HEADER + "".join(rows[::-1]))

    for paths in (first, second):
        process(paths, Columns())

    assert written(first) == written(second)


def test_a_second_run_with_the_same_input_changes_nothing(tmp_path: Path) -> None:
    paths = raw(tmp_path, TABLE)
    process(paths, Columns())
    before = written(paths)

    process(paths, Columns())

    assert written(paths) == before


def test_customers_of_an_earlier_run_end_the_program_before_anything_is_written(tmp_path: Path) -> None:
    paths = raw(tmp_path, TABLE)
    process(paths, Columns())
    raw(tmp_path, HEADER + "8,2026-01-01,1\nbad,row\n")

    with pytest.raises(InputError, match=r"is not empty: '7' from an earlier run would stay.*--replace"):
        process(paths, Columns())

    assert written(paths) == {"7": LINES}
    assert rejected(paths) == []


def test_replace_removes_the_customers_that_the_input_does_not_have(tmp_path: Path) -> None:
    paths = raw(tmp_path, TABLE)
    process(paths, Columns())
    raw(tmp_path, HEADER + "8,2026-01-01,1\n")

    process(paths, Columns(), replace=True)

    assert {path.name for path in paths.processing_output.iterdir()} == {"8"}


@pytest.mark.parametrize("name", ["notes.txt", "7/extra.csv", "8/more/data.csv"])
def test_files_that_process_did_not_write_are_never_removed(tmp_path: Path, name: str) -> None:
    paths = raw(tmp_path, TABLE)
    stranger = paths.processing_output / name
    stranger.parent.mkdir(parents=True)
    stranger.write_text("mine")

    with pytest.raises(InputError, match="which this program did not write"):
        process(paths, Columns(), replace=True)

    assert stranger.read_text() == "mine"


def test_a_folder_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    paths = raw(tmp_path, TABLE)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    paths.processing_output.mkdir()
    (paths.processing_output / "7").symlink_to(elsewhere)

    with pytest.raises(InputError, match="which this program did not write"):
        process(paths, Columns())

    assert list(elsewhere.iterdir()) == []


def test_a_run_after_a_killed_one_completes_the_output(tmp_path: Path) -> None:
    paths = raw(tmp_path, TABLE + "8,2026-01-01,1\n")
    (paths.processing_output / "8").mkdir(parents=True)
    left_behind = paths.processing_output / f".sagemaker-ignore.{socket.gethostname()}.12.3"
    left_behind.write_text("timestamp,consum")

    process(paths, Columns())

    assert not left_behind.exists()
    assert written(paths) == {"7": LINES, "8": ["2026-01-01 00:00:00,1.0"]}


def test_rejected_rows_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    paths = raw(tmp_path, TABLE + "7,never,1\n")
    process(paths, Columns())
    assert len(rejected(paths)) == 1
    raw(tmp_path, TABLE)

    process(paths, Columns())

    assert rejected(paths) == []


def test_two_runs_at_once_do_not_write_to_one_output(tmp_path: Path) -> None:
    paths = raw(tmp_path, TABLE)
    paths.processing_output.mkdir()
    descriptor = os.open(paths.processing_output, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    try:
        with pytest.raises(InputError, match="another process step writes to"):
            process(paths, Columns())
    finally:
        os.close(descriptor)

    assert process(paths, Columns()) == 1


def test_an_input_of_only_bad_rows_is_an_error_and_lists_them(tmp_path: Path) -> None:
    paths = raw(tmp_path, HEADER + "7,never,1\n,2026-01-01,1\n")

    with pytest.raises(InputError, match="no usable reading in 2 rows"):
        process(paths, Columns())

    assert [row[1] for row in rejected(paths)] == [2, 3]


def test_rejected_rows_name_the_path_of_their_file(tmp_path: Path) -> None:
    raw(tmp_path, HEADER + "7,never,1\n", "2025/raw.csv")
    paths = raw(tmp_path, TABLE, "2026/raw.csv")

    process(paths, Columns())

    assert rejected(paths)[0][:3] == ("2025/raw.csv", 2, "7,never,1")


def test_thousands_of_files_of_one_customer_are_one_history(tmp_path: Path) -> None:
    for place in range(1_000):
        paths = raw(
            tmp_path, HEADER + f"7,2026-01-01 {place // 60:02}:{place % 60:02},{place}\n", f"{place}.csv"
        )

    process(paths, Columns())

    values = [float(line.split(",")[1]) for line in written(paths)["7"]]
    assert values == list(range(1_000))
