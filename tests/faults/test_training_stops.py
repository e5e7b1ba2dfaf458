"""What `train` survives: kills and stops at any moment, and workers that end."""

import json
import os
import random
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from container import Paths
from tests.faults.jobs import (
    CUSTOMERS,
    PLANTS,
    archives,
    complete,
    corrupt,
    hyperparameters,
    stamps,
    training,
)

pytestmark = pytest.mark.faults


def wait_for_an_archive(paths: Paths, process: subprocess.Popen[bytes], before: dict[str, int]) -> None:
    """Wait until the job has written an archive, however long its start takes on a busy machine."""
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end and stamps(paths) == before:
        time.sleep(0.01)


def kill_again_and_again(paths: Paths, *, times: int, plant: str = "") -> tuple[int, int]:
    """Kill training at random moments and start it again; count corrupt archives and needless fits.

    Once all customers are there, all but a few archives are taken away, so that there is work again.
    """
    moments = random.Random(0)
    harmed = repeated = 0
    for _ in range(times):
        before = stamps(paths)
        if len(before) == CUSTOMERS:
            for name in list(before)[10:]:
                (paths.checkpoints / name).unlink()
            before = stamps(paths)
        with training(paths, plant=plant) as process:
            if moments.random() < 0.8:  # the others are killed before they have begun
                wait_for_an_archive(paths, process, before)
            try:
                process.wait(moments.uniform(0.0, 0.8))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        harmed += len(corrupt(paths))
        repeated += sum(
            stamps(paths)[name] != stamp for name, stamp in before.items() if name in stamps(paths)
        )
    return harmed, repeated


def test_1_killed_at_any_moment_nothing_is_corrupt_lost_or_done_twice(
    paths: Paths, full: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complete(paths) == 0
    undisturbed = archives(paths)
    for path in paths.checkpoints.iterdir():
        path.unlink()
    times = 1_000 if full else 25

    harmed, repeated = kill_again_and_again(paths, times=times)
    code = complete(paths)

    with capsys.disabled():
        print(
            f"\nfault 1: {times} kills, {harmed} corrupt archives, {repeated} finished customers fitted again"
        )
    assert (harmed, repeated, code) == (0, 0, 0)
    assert archives(paths) == undisturbed
    assert [path for path in paths.checkpoints.iterdir() if "sagemaker-ignore" in path.name] == []


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_22_a_planted_fault_is_noticed(paths: Paths, plant: str) -> None:
    complete(paths)

    assert sum(kill_again_and_again(paths, times=12, plant=plant)) > 0


def test_2_sigterm_ends_training_in_time_and_keeps_what_is_finished(
    paths: Paths, full: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    moments, longest, stops = random.Random(0), 0.0, 100 if full else 10

    for _ in range(stops):
        for path in paths.checkpoints.glob("*"):
            path.unlink()
        with training(paths) as process:
            children_of = psutil.Process(process.pid)
            try:
                process.wait(moments.uniform(0.5, 1.0))
                continue
            except subprocess.TimeoutExpired:
                started = children_of.children(recursive=True)
            process.send_signal(signal.SIGTERM)
            asked = time.monotonic()
            process.wait(30)
            longest = max(longest, time.monotonic() - asked)
            assert psutil.wait_procs(started, timeout=5)[1] == []
        ledger = paths.output_data / "train.jsonl"
        if process.returncode == 128 + signal.SIGTERM:
            assert len(ledger.read_text().splitlines()) == len(archives(paths))
        assert corrupt(paths) == []

    with capsys.disabled():
        print(f"\nfault 2: {stops} stops, the longest took {longest:.1f} s")
    assert longest <= 10


def test_6_a_worker_that_is_killed_costs_the_customer_in_hand_only(paths: Paths) -> None:
    hyperparameters(paths, max_failed_fraction="0.5")
    with training(paths) as process:
        killed = 0
        while killed < 3 and process.poll() is None:
            workers = _workers(process)
            if workers and len(archives(paths)) > 20 * killed:
                workers[0].kill()
                killed += 1
        code = process.wait(120)

    rows = [json.loads(line) for line in (paths.output_data / "train.jsonl").read_text().splitlines()]
    assert code == 0
    assert len(rows) == CUSTOMERS
    assert sum(row["status"] == "failed" for row in rows) <= killed
    assert all(
        "its worker process was killed (SIGKILL)" in row["reason"]
        for row in rows
        if row["status"] == "failed"
    )


def _workers(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the processes that fit customers: children of the fork server."""
    with suppress(psutil.NoSuchProcess):
        every = psutil.Process(process.pid).children(recursive=True)
        return [child for child in every if child.ppid() != process.pid]
    return []


def test_an_ended_job_leaves_no_process_and_no_temporary_file(paths: Paths) -> None:
    before = set(Path(tempfile.gettempdir()).iterdir())
    (paths.channels / "train" / "three").mkdir()
    (paths.channels / "train" / "three" / "data.csv").write_text(
        "timestamp,consumption\n2025-01-01,1\n2025-01-02,5\n2025-01-03,2\n"
    )

    with training(paths) as process:
        process.wait(120)
        left = [each for each in psutil.process_iter(["pid"]) if _group(each.pid) == process.pid]
        _, alive = psutil.wait_procs(left, timeout=5)

    assert alive == []
    assert [path for path in set(Path(tempfile.gettempdir()).iterdir()) - before if "stan" in path.name] == []


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
