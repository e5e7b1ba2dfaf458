"""The program `process` under signals, full disks and other surroundings."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from container import Paths
from testbed.server import installed
from tests.unit.raw import HEADER, LINES, ROWS, raw, written

SECONDS = 180
CUSTOMERS = 5_000


@pytest.fixture
def many(tmp_path: Path) -> Paths:
    """Return an input that takes a while to write."""
    rows = "".join(
        f"c{row % CUSTOMERS},2026-01-{row // CUSTOMERS + 1:02},{row}\n" for row in range(10 * CUSTOMERS)
    )
    (tmp_path / "tmp").mkdir()
    return raw(tmp_path, HEADER + rows)


def start(paths: Paths, **environment: str) -> subprocess.Popen[str]:
    settings = {"SAGEMAKER_BASE_DIR": str(paths.base), "TMPDIR": str(paths.base / "tmp")}
    return subprocess.Popen(
        installed("process"), env=os.environ | settings | environment, stderr=subprocess.PIPE, text=True
    )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def names(folder: Path) -> Iterator[str]:
    return (path.name for path in folder.iterdir()) if folder.exists() else iter(())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("is_writing", [False, True])
def test_a_signal_ends_process_with_one_line_and_leaves_nothing_unfinished(
    many: Paths, number: signal.Signals, code: int, *, is_writing: bool
) -> None:
    busy = many.processing_output if is_writing else many.base / "tmp"
    begin = "c" if is_writing else "process-"
    process = start(many)

    wait_until(lambda: any(name.startswith(begin) for name in names(busy)), process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == code
    assert [line for line in errors.splitlines() if " INFO " not in line] == [
        line for line in errors.splitlines() if f"ERROR stopped by {number.name}" in line
    ]
    assert errors.count("stopped by") == 1
    assert list((many.base / "tmp").iterdir()) == []
    assert list(many.processing_output.rglob("*sagemaker-ignore*")) == []
    assert all(len(lines) == 10 for lines in written(many).values())


def test_after_a_kill_process_completes_the_output(many: Paths) -> None:
    process = start(many)
    wait_until(lambda: any(names(many.processing_output)), process)
    process.kill()
    process.communicate(timeout=SECONDS)
    assert 0 < len(list(many.processing_output.iterdir())) < CUSTOMERS

    again = start(many)
    _, errors = again.communicate(timeout=SECONDS)

    assert again.returncode == 0, errors
    assert len(written(many)) == CUSTOMERS
    assert all(len(lines) == 10 for lines in written(many).values())


def test_a_second_process_on_one_output_is_refused(many: Paths) -> None:
    first = start(many)
    wait_until(lambda: "process-" in "".join(names(many.base / "tmp")), first)

    second = start(many)
    _, errors = second.communicate(timeout=SECONDS)
    first.communicate(timeout=SECONDS)

    assert second.returncode == 1
    assert "another process step writes to" in errors
    assert "Traceback" not in errors
    assert first.returncode == 0


@pytest.mark.parametrize("most_bytes", [1_000, 100_000])
def test_a_full_disk_is_one_line_that_names_a_file(many: Paths, most_bytes: int) -> None:
    process = subprocess.Popen(
        installed("process"),
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(many.base), "TMPDIR": str(many.base / "tmp")},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),  # noqa: PLW1509
    )

    _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 1
    assert len(errors.splitlines()) == 1
    assert str(many.base) in errors
    assert "File too large" in errors
    assert list((many.base / "tmp").iterdir()) == []
    assert not many.processing_output.exists()


def test_a_full_disk_is_one_line_and_leaves_no_incomplete_file(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    paths = raw(tmp_path, HEADER + "".join(f"7,2026-01-01,{row}\n" for row in range(3_000)))
    process = subprocess.Popen(
        installed("process"),
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(tmp_path), "TMPDIR": str(tmp_path / "tmp")},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, 80_000)),  # noqa: PLW1509
    )

    _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 1
    assert "File too large" in errors.splitlines()[-1]
    assert list(paths.processing_output.rglob("*")) == []


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "UTC"])
def test_times_do_not_depend_on_the_zone_of_the_machine(tmp_path: Path, zone: str) -> None:
    (tmp_path / "tmp").mkdir()
    paths = raw(tmp_path, HEADER + ROWS + "7,2026-01-03 00:00+01:00,7\n7,1767484800,8\n")

    process = start(paths, TZ=zone)
    _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 0, errors
    assert written(paths)["7"] == [*LINES, "2026-01-02 23:00:00,7.0", "2026-01-04 00:00:00,8.0"]


def test_a_zone_in_parquet_does_not_depend_on_the_zone_of_the_machine(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    (tmp_path / "tmp").mkdir()
    paths = raw(tmp_path, "", "raw.csv")
    (paths.processing_input / "raw.csv").unlink()
    row = "(7, TIMESTAMPTZ '2024-01-01 00:00:00+01:00', 1)"
    with duckdb.connect() as connection:
        table = connection.sql(f"FROM (VALUES {row}) AS t(customer_id, timestamp, consumption)")
        table.write_parquet(str(paths.processing_input / "raw.parquet"))

    process = start(paths, TZ="America/New_York")
    process.communicate(timeout=SECONDS)

    assert written(paths) == {"7": ["2023-12-31 23:00:00,1.0"]}


def test_help_lists_the_options() -> None:
    finished = subprocess.run(
        [*installed("process"), "--help"], capture_output=True, text=True, timeout=SECONDS, check=False
    )

    for option in ("--delimiter", "--decimal", "--encoding", "--date-format", "--replace", "rejected.csv"):
        assert option in finished.stdout
