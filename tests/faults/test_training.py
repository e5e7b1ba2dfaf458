"""What `train` survives: kill, stop, a bad disk, bad customers, two hosts, a fit that hangs or eats memory.

The real program runs in a process group of its own.  `PLANTS` are faults put into a copy of our own code by
a `sitecustomize.py` on the program's path, to show that the suites notice: with a plant they go red.
"""

import errno
import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from container import Paths
from examples import synthetic
from fleetcast.archive import Archive as ArchiveOfOne
from fleetcast.archive import pack, read_archive, write_atomically
from fleetcast.errors import ArchiveError, FilesystemError
from testbed.server import installed
from train.job import run_job
from train.settings import TrainSettings

pytestmark = pytest.mark.faults

CUSTOMERS = 200
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
    train.customer.train_customer._unchanged = lambda path, fingerprint: None
""",
}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Make a channel of two hundred small customers."""
    paths = Paths(tmp_path / "ml")
    for customer, times, values in synthetic.readings(customers=CUSTOMERS, rows=300):
        folder = paths.channels / "train" / customer
        folder.mkdir(parents=True)
        pairs = zip(np.datetime_as_string(times), values.tolist(), strict=True)
        lines = "".join(f"{time},{value:.3f}\n" for time, value in pairs)
        (folder / "data.csv").write_text(f"timestamp,consumption\n{lines}")
    return paths


def hyperparameters(paths: Paths, **given: str) -> None:
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.config / "hyperparameters.json").write_text(json.dumps(given))


@contextmanager
def training(paths: Paths, *, plant: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run `train` in a process group of its own, all of which is gone afterwards."""
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(paths.base)}
    if plant:
        folder = paths.base / "plant"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sitecustomize.py").write_text(PLANTS[plant])
        environment |= {"PYTHONPATH": str(folder)}
    with (paths.base / "train.log").open("ab") as log:
        process = subprocess.Popen(
            installed("train"), env=environment, stderr=log, stdout=log, start_new_session=True
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def complete(paths: Paths, *, plant: str = "") -> int:
    with training(paths, plant=plant) as process:
        return process.wait(120)


def archives(paths: Paths) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths.checkpoints.glob("*.tar.gz")}


def stamps(paths: Paths) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in paths.checkpoints.glob("*.tar.gz")}


def corrupt(paths: Paths) -> list[str]:
    found = []
    for path in paths.checkpoints.glob("*.tar.gz"):
        try:
            read_archive(path)
        except ArchiveError:
            found.append(path.name)
    return found


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


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, name: str, *, at: int, code: int) -> Iterator[list[int]]:
    """Let the `at`-th call of an `os` function fail, as the kernel would on a bad or full disk."""
    real: Callable[..., Any] = getattr(os, name)
    calls: list[int] = []

    def call(*arguments: Any, **keywords: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, call)
        yield calls


@pytest.mark.parametrize(
    ("name", "code"), [("fsync", errno.EIO), ("replace", errno.EIO), ("open", errno.ENOSPC)]
)
def test_3_a_disk_error_at_any_step_leaves_the_old_archive_and_names_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    path = tmp_path / "7.tar.gz"
    old, new = (pack(ArchiveOfOne(text, {})) for text in ('{"old": 1}', '{"new": 1}'))
    write_atomically(path, old)

    for at in range(1, 20):
        with failing(monkeypatch, name, at=at, code=code) as calls:
            told = ""
            try:
                write_atomically(path, new)
            except FilesystemError as error:
                told = str(error)
            assert told == "" or (str(tmp_path) in told and os.strerror(code) in told)
        assert path.read_bytes() in (old, new)
        assert [file.name for file in tmp_path.iterdir()] == ["7.tar.gz"]
        if len(calls) < at:
            return
    raise AssertionError("the fault was never passed")


def test_3_a_full_disk_ends_training_with_a_message_and_no_half_archive(paths: Paths) -> None:
    paths.checkpoints.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", paths.checkpoints],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a disk of limited size needs the right to mount")
    try:
        code = complete(paths)

        assert code == 1
        assert "could not be written to" in paths.failure.read_text()
        assert "No space left on device" in paths.failure.read_text()
        assert corrupt(paths) == []
        assert archives(paths)
    finally:
        subprocess.run(["umount", paths.checkpoints], check=True)


BAD = {
    "empty": b"",
    "header": b"timestamp,consumption\n",
    "nan": b"timestamp,consumption\n" + b"".join(b"2025-01-%02d,nan\n" % day for day in range(1, 29)),
    "inf": b"timestamp,consumption\n2025-01-01,1\n2025-01-02,inf\n",
    "text": b"timestamp,consumption\n2025-01-01,1\n2025-01-02,a lot\n",
    "binary": bytes(range(256)) * 100,
    "columns": b"timestamp," + b",".join(b"c%d" % n for n in range(5_000)) + b"\n" + b"1," * 5_000 + b"1\n",
    "odd": b'timestamp,consumption\n"2025-01-01,1\n',
}
ROWS = "".join(
    f"2025-03-{day:02} {hour:02}:30:00,{(day * hour) % 17}\n" for day in range(1, 31) for hour in range(24)
)
GOOD_IF_ODD = {
    "one row": b"timestamp,consumption\n2025-01-01,1\n",
    "duplicates": f"timestamp,consumption\n{ROWS}{ROWS}".encode(),
    "gap": f"timestamp,consumption\n{ROWS}".replace("2025-03-30 02:30:00", "2025-03-30 03:30:00").encode(),
    "bom": f"\ufefftimestamp,consumption\n{ROWS}".encode(),
}


def test_4_bad_customers_harm_nobody_else_and_are_explained(paths: Paths) -> None:
    for name, content in (BAD | GOOD_IF_ODD).items():
        folder = paths.channels / "train" / name
        folder.mkdir()
        (folder / "data.csv").write_bytes(content)
    with (paths.channels / "train" / "large.csv").open("w") as file:
        file.write("timestamp,consumption\n")
        file.seek(300 * 1024 * 1024)
        file.write("\n")

    code = complete(paths)

    rows = [json.loads(line) for line in (paths.output_data / "train.jsonl").read_text().splitlines()]
    ledger = {row["customer"]: row for row in rows}
    assert code == 0
    assert {name for name, row in ledger.items() if row["status"] == "failed"} == {*BAD, "large"}
    assert all(row["reason"] for row in rows if row["status"] in {"failed", "fallback"})
    assert all("internal error" not in row["reason"] for row in rows)
    assert len(archives(paths)) == CUSTOMERS + len(GOOD_IF_ODD)


def test_5_two_hosts_on_one_folder_of_checkpoints_share_the_work(paths: Paths) -> None:
    done = []
    for name in ("algo-1", "algo-2"):
        hyperparameters(paths)
        resources = {"current_host": name, "hosts": ["algo-2", "algo-1"]}
        (paths.config / "resourceconfig.json").write_text(json.dumps(resources))
        channels = {"train": {"S3DistributionType": "FullyReplicated"}}
        (paths.config / "inputdataconfig.json").write_text(json.dumps(channels))
        assert complete(paths) == 0
        lines = (paths.output_data / "train.jsonl").read_text().splitlines()
        done.append({row["customer"] for row in map(json.loads, lines) if row["status"] == "ok"})

    assert done[0] | done[1] == {str(n) for n in range(CUSTOMERS)}
    assert done[0] & done[1] == set()
    assert len(archives(paths)) == CUSTOMERS


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"customer_timeout_seconds": "2"}, "took longer than"),
        ({"customer_memory_mb": "512"}, "not enough memory"),
    ],
)
def test_6_a_customer_that_takes_too_long_or_too_much_fails_alone(
    paths: Paths, given: dict[str, str], reason: str
) -> None:
    hyperparameters(paths, **given)
    with (paths.channels / "train" / "0huge.csv").open("w") as file:
        file.write("timestamp,consumption\n")
        for year in range(1, 250):
            file.writelines(
                f"{1000 + year}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02},{n}\n" for n in range(25_000)
            )

    code = complete(paths)

    rows = [json.loads(line) for line in (paths.output_data / "train.jsonl").read_text().splitlines()]
    failed = {row["customer"]: row["reason"] for row in rows if row["status"] == "failed"}
    assert code == 0
    assert failed.keys() == {"0huge"}
    assert reason in failed["0huge"]
    assert len(archives(paths)) == CUSTOMERS


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


def test_a_real_disk_error_in_the_job_is_the_jobs_error_not_a_customers(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        failing(monkeypatch, "fsync", at=5, code=errno.EIO),
        pytest.raises(FilesystemError, match="Input/output"),
    ):
        run_job(paths, TrainSettings(workers=2))

    assert corrupt(paths) == []
