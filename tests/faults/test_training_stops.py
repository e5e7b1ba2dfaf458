"""Faults 1 and 2: `train` is killed, stopped and started again at random moments.

The real program runs in a process group of its own.  `PLANTS` are faults put into a copy of our own code by
a `sitecustomize.py` on the program's path, to show that the suite notices: with a plant it goes red.
"""

import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from container import Paths
from tests.faults.training_job import (
    CUSTOMERS,
    archives,
    complete,
    corrupt,
    hyperparameters,
    stamps,
    training,
)

pytestmark = pytest.mark.faults
PLANTS = {
    "write under the final name": """
import fleetcast.archive.write
def write(path, content):
    import time
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        time.sleep(0.002)
        file.write(content[len(content) // 2 :])
fleetcast.archive.write.replace_atomically = write
""",
    "forget what is finished": """
import sys
if "forkserver" in " ".join(sys.orig_argv):
    import train.customer.train_customer
    train.customer.train_customer._unchanged = lambda earlier, fingerprint: None
""",
}


def wait_for_an_archive(paths: Paths, process: subprocess.Popen[bytes], before: dict[str, int]) -> None:
    """Wait until the job has written an archive, however long its start takes on a busy machine."""
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end and stamps(paths) == before:
        time.sleep(0.01)


def kill_again_and_again(paths: Paths, *, times: int, plant: str = "") -> tuple[int, int]:
    """Kill training at random moments and start it again; count corrupt archives and needless fits.

    Once all customers have archives, all but ten are removed, so that there is work again.
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


def test_1_a_kill_at_any_moment_corrupts_and_loses_nothing_and_no_work_is_repeated(
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


def shorten(paths: Paths, readings: int) -> dict[Path, str]:
    """Leave each customer its first readings only; return the whole files."""
    whole = {path: path.read_text() for path in (paths.channels / "train").glob("*/data.csv")}
    for path, text in whole.items():
        path.write_text("".join(text.splitlines(keepends=True)[: readings + 1]))
    return whole


def test_1_a_kill_in_a_job_that_keeps_earlier_choices_makes_none_of_its_own_archives_an_earlier_one(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    moments, repeated, unfinished = random.Random(0), 0, 0
    hyperparameters(paths, models='["prophet", "seasonal_naive", "median"]', keep_incumbent="true")
    whole = shorten(paths, 250)
    assert complete(paths) == 0
    earlier = archives(paths)
    for path, text in whole.items():
        path.write_text(text)
    assert complete(paths) == 0
    undisturbed = archives(paths)
    for name, content in earlier.items():
        (paths.checkpoints / name).write_bytes(content)

    for _ in range(12):
        before, written = stamps(paths), archives(paths)
        with training(paths) as process:
            wait_for_an_archive(paths, process, before)
            try:
                process.wait(moments.uniform(0.0, 0.2))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        done = {name for name, content in written.items() if content == undisturbed[name]}
        repeated += sum(stamps(paths)[name] != before[name] for name in done)
        unfinished += 0 < len(done) < CUSTOMERS
    code = complete(paths)

    with capsys.disabled():
        print(f"\nfault 1: {unfinished} restarts half-way, {repeated} finished customers fitted again")
    assert (code, repeated) == (0, 0)
    assert unfinished > 0
    assert archives(paths) == undisturbed
    assert all(undisturbed[name] != content for name, content in earlier.items())


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_22_a_planted_fault_is_noticed(paths: Paths, plant: str) -> None:
    complete(paths)

    assert sum(kill_again_and_again(paths, times=12, plant=PLANTS[plant])) > 0


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
            stopped_at = time.monotonic()
            process.wait(120)
            longest = max(longest, time.monotonic() - stopped_at)
            assert psutil.wait_procs(started, timeout=60)[1] == []
        ledger = paths.output_data / "train.jsonl"
        if process.returncode == 128 + signal.SIGTERM:
            assert len(ledger.read_text().splitlines()) == len(archives(paths))
        assert corrupt(paths) == []

    with capsys.disabled():
        print(f"\nfault 2: {stops} stops, the longest took {longest:.1f} s")
    assert longest <= 60  # SageMaker kills after 120


def test_an_ended_job_leaves_no_process_and_no_temporary_file(paths: Paths) -> None:
    before = set(Path(tempfile.gettempdir()).iterdir())
    (paths.channels / "train" / "three").mkdir()
    (paths.channels / "train" / "three" / "data.csv").write_text(
        "timestamp,consumption\n2025-01-01,1\n2025-01-02,5\n2025-01-03,2\n"
    )

    with training(paths) as process:
        process.wait(120)
        left = [each for each in psutil.process_iter(["pid"]) if _group(each.pid) == process.pid]
        _, alive = psutil.wait_procs(left, timeout=60)

    assert alive == []
    assert [path for path in set(Path(tempfile.gettempdir()).iterdir()) - before if "stan" in path.name] == []


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
