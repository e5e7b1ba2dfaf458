"""The program `ingest` on 48,000 readings: put twice, failing, throttled, stopped and killed.

In each case the readings that come back from the offline store are those that `process` makes of the files.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from container import Paths
from processing import Columns
from processing.feature_store import StoreInput
from processing.program import process
from testbed.feature_store import Faults, FeatureStore, feature_store
from testbed.server import installed
from tests.aws import moto
from tests.unit.raw import HEADER, raw, rejected, written

CUSTOMERS = 200
HOURS = 240
SECONDS = 300
CREATE = (
    *("--create", "--role-arn", "arn:aws:iam::123456789012:role/feature-store"),
    *("--s3-uri", "s3://fleet/features"),
)


def lines(hours: range, *, customers: range = range(CUSTOMERS), plus: int = 0) -> str:
    return HEADER + "".join(
        f"c{customer},2026-01-{hour // 24 + 1:02}T{hour % 24:02}:00,{customer * 1000 + hour + plus}\n"
        for hour in hours
        for customer in customers
    )


@pytest.fixture
def store() -> Iterator[FeatureStore]:
    with feature_store() as server:
        yield server


@pytest.fixture
def aws(store: FeatureStore) -> Iterator[dict[str, str]]:
    with moto() as environment:
        yield environment | store.environment


@pytest.fixture
def fleet(tmp_path: Path) -> Paths:
    """Return raw files of 48,000 readings, the last hours in a file of their own."""
    raw(tmp_path, lines(range(200)), "a.csv")
    return raw(tmp_path, lines(range(200, HOURS)), "b.csv")


@contextmanager
def started(paths: Paths, aws: Mapping[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [*installed("ingest"), "--feature-group", "readings", *options]
    environment = os.environ | aws | {"SAGEMAKER_BASE_DIR": str(paths.base)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def run(paths: Paths, aws: Mapping[str, str], *options: str) -> tuple[int, str]:
    with started(paths, aws, *options) as process:
        _, log = process.communicate(timeout=SECONDS)
        return process.returncode, log


def back(paths: Paths, store: FeatureStore, *, as_of: str = "") -> dict[str, list[str]]:
    """Return the readings that `process` reads from the store."""
    other = Paths(paths.base / "back")
    folder = store.write(paths.base / "store")
    process(other, Columns(), store=StoreInput(str(folder), as_of=as_of), replace=True)
    return written(other)


def expected(paths: Paths) -> dict[str, list[str]]:
    """Return the readings that `process` reads from the raw files."""
    process(paths, Columns(), replace=True)
    return written(paths)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_corrections_and_deletions_put_twice_are_the_same_readings(
    fleet: Paths, store: FeatureStore, aws: dict[str, str]
) -> None:
    correct = raw(fleet.base / "correct", lines(range(100, 110), customers=range(50), plus=500_000))
    delete = raw(fleet.base / "delete", "customer_id,timestamp\nc7,2026-01-05T03:00\nc8,2026-02-01\n")
    plain = expected(fleet)
    corrected = {
        customer: [
            f"{line[:20]}{float(line[20:]) + 500_000}"
            if 100 <= place < 110 and int(customer[1:]) < 50
            else line
            for place, line in enumerate(readings)
        ]
        for customer, readings in plain.items()
        if customer != "c8"
    }
    corrected["c7"] = corrected["c7"][100:]  # the deletion is of hour 99

    for times in (1, 2):
        assert run(fleet, aws, *CREATE)[0] == 0
        assert times > 1 or back(fleet, store) == plain
        assert run(correct, aws)[0] == 0
        assert run(delete, aws, "--delete")[0] == 0

        assert back(fleet, store) == corrected
        assert len(store.stored) == times * (CUSTOMERS * HOURS + 500 + 2)
        for paths in (fleet, correct, delete):  # so that everything is sent again
            (paths.base / "processing" / "ingest" / "readings.journal").unlink()


def test_failing_records_are_kept_and_throttled_calls_lose_and_double_nothing(
    fleet: Paths, store: FeatureStore, aws: dict[str, str]
) -> None:
    def refused(customer: str, value: float) -> bool:
        return int(value + int(customer[1:])) % 100 == 0

    def refuses(record: dict[str, str | None]) -> str | None:
        return (
            "ValidationError"
            if refused(record["customer_id"] or "", float(record["consumption"] or 0))
            else None
        )

    store.faults = Faults(
        throttled=0.02, broken=0.01, dropped=0.01, unprocessed=0.01, failing=0.01, refuses=refuses
    )
    readings = expected(fleet)
    failing = {
        (customer, line)
        for customer, their in readings.items()
        for line in their
        if refused(customer, float(line[20:]))
    }

    code, log = run(fleet, aws, *CREATE, "--threads", "8")

    assert code == 1
    assert f"{len(failing)} of 48000 records failed, more than --max-failed-fraction 0 allows" in log
    assert 400 < len(failing) < 600
    rows = rejected(fleet)
    assert {reason for *_, reason in rows} == {"ValidationError: refused"}
    assert {tuple(_line_of(fleet, name, line)) for name, line, *_ in rows} == failing
    assert len(rows) == len(failing)
    assert back(fleet, store) == {
        customer: [line for line in their if (customer, line) not in failing]
        for customer, their in readings.items()
    }

    store.faults = Faults()
    assert run(fleet, aws, *CREATE)[0] == 0
    assert back(fleet, store) == readings
    assert rejected(fleet) == []


def _line_of(paths: Paths, name: str, line: int) -> tuple[str, str]:
    """Return customer and reading in a line of a raw file."""
    text = (paths.processing_input / name).read_text().splitlines()[line - 1]
    customer, time_of_day, value = text.split(",")
    return customer, f"{time_of_day.replace('T', ' ')}:00,{float(value)}"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_after_a_stop_the_same_command_sends_the_rest(
    fleet: Paths, store: FeatureStore, aws: dict[str, str], number: signal.Signals, code: int
) -> None:
    with started(fleet, aws, *CREATE) as process:
        wait_until(lambda: len(store.stored) > 15_000, process)
        process.send_signal(number)
        _, log = process.communicate(timeout=SECONDS)

    assert process.returncode == code, log
    assert ("stopped; start the same command again to send the rest" in log) == (number != signal.SIGKILL)
    put = len(store.stored)
    assert 15_000 < put < 40_000

    assert run(fleet, aws, *CREATE)[0] == 0

    assert back(fleet, store) == expected(fleet)
    assert len(store.stored) - 48_000 < 10_000  # at most the part that was under way is sent again
