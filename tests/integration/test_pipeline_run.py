"""The fleet's pipeline on this machine: through Register, into Fail, killed in each step and resumed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from examples import synthetic
from pipeline.check.known_files import PATHS
from testbed.server import installed

DOCKER = Path(__file__).with_name("docker_stand_in.py")
JOBS = ["Process", "ProcessActuals", "Train", "Evaluate", "Gate"]


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readings")
    synthetic.write(folder / "readings.csv.gz", customers=12, rows=400)
    return folder


def command(run: Path, readings: Path, *options: str) -> list[str]:
    source = ("--map", f"s3://raw/readings={readings}", "--parameter", "Readings=s3://raw/readings")
    return [*installed("pipeline"), "--run-local", str(run), "--cutoff", "2025-12-01", *source, *options]


def finished(run: Path, readings: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(run, readings, *options), capture_output=True, text=True, check=False, timeout=300
    )


def content(run: Path, step: str, file: str) -> dict[str, Any]:
    (path,) = (run / "steps" / step / "ml" / "processing" / "output").rglob(file)
    found = json.loads(path.read_text())
    assert isinstance(found, dict)
    return found


def packages(run: Path) -> list[dict[str, Any]]:
    found = json.loads((run / "registry.json").read_text())["ModelPackages"]
    assert isinstance(found, list)
    return found


def records(run: Path) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in (run / "steps").glob("*/record.json")}


@pytest.fixture(scope="module")
def good(readings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that registered its fleet."""
    run = tmp_path_factory.mktemp("good") / "run"
    done = finished(run, readings)
    assert done.returncode == 0, done.stderr
    assert "step 6 of 6, Register: done" in done.stderr
    return run


def test_a_good_fleet_is_registered(good: Path) -> None:
    (package,) = packages(good)
    (container,) = package["InferenceSpecification"]["Containers"]
    model = good / "s3" / container["ModelDataUrl"].removeprefix("s3://")

    assert package["ModelPackageArn"].endswith(":model-package/fleetcast/1")
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert model.is_file()
    assert set(records(good)) == {*JOBS, "Register"}


def test_the_checker_knows_all_figures_of_an_evaluation(good: Path) -> None:
    evaluation = content(good, "Evaluate", "evaluation.json")
    found = {
        f"{group}.{name}.{field}"
        for group in ("regression_metrics", "naive_metrics", "fleet")
        for name, fields in evaluation[group].items()
        for field in fields
    }

    assert found <= PATHS["evaluate", "evaluation.json"]
    assert "gate.passed.value" in PATHS["gate", "gate.json"]
    assert content(good, "Gate", "gate.json")["gate"] == {"passed": {"value": 1}}


def test_the_same_run_again_does_nothing_and_a_bad_threshold_fails_it(good: Path, readings: Path) -> None:
    before = records(good)

    again = finished(good, readings)
    bad = finished(good, readings, "--parameter", "MaxRatioToNaive=0.01")

    assert again.returncode == 0
    assert re.findall(r"(\w+): already done", again.stderr) == [*JOBS, "Register"]
    assert bad.returncode == 3
    assert re.findall(r"(\w+): already done", bad.stderr) == JOBS[:-1]
    assert "Gate: done in" in bad.stderr
    assert "is above 0.01 (--max-ratio-to-naive)" in bad.stderr
    assert "IsGoodEnough: gate.passed.value (0) Equals 1 is false" in bad.stderr
    assert "the execution failed: The gate was not passed; the reason is in /" in bad.stderr
    assert len(packages(good)) == 1
    after = records(good)
    assert {name for name in before if before[name] != after[name]} == {"Gate"}


def test_other_readings_run_every_step_again(tmp_path: Path) -> None:
    more = tmp_path / "readings"
    more.mkdir()
    synthetic.write(more / "readings.csv.gz", customers=3, rows=400)
    first = finished(tmp_path / "run", more)
    synthetic.write(more / "readings.csv.gz", customers=3, rows=400, seed=1)

    second = finished(tmp_path / "run", more)

    assert first.returncode == second.returncode == 0, second.stderr
    assert "already done" not in second.stderr
    assert [each["ModelPackageVersion"] for each in packages(tmp_path / "run")] == [1, 2]


@contextmanager
def started(run: Path, readings: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(run, readings), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], text: str) -> None:
    """Read the log until a line has a text."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return
    raise AssertionError("".join(lines))


def child(run: Path, of: int) -> int:
    """Return the process of the step that runs, as soon as the lock's file names it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        number = (run / "lock").read_text().strip()
        if number and int(number) != of:
            return int(number)
        time.sleep(0.01)
    raise AssertionError("no step was started")


def test_killed_in_each_step_it_goes_on_and_the_result_is_the_same(
    good: Path, readings: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for step in JOBS:
        with started(run, readings) as process:
            until(process, f"{step}: its log is")
            group = child(run, process.pid)
            process.kill()
            process.wait()
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        assert step not in records(run)

    last = finished(run, readings)

    assert last.returncode == 0, last.stderr
    assert re.findall(r"(\w+): already done", last.stderr) == JOBS[:-1]
    assert content(run, "Evaluate", "evaluation.json") == content(good, "Evaluate", "evaluation.json")
    assert len(packages(run)) == 1


def test_a_step_that_outlives_its_run_keeps_a_second_run_out(readings: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with started(run, readings) as process:
        until(process, "Process: its log is")
        group = child(run, process.pid)
        os.kill(group, signal.SIGSTOP)
        process.kill()
        process.wait()

        second = finished(run, readings)
        os.killpg(group, signal.SIGKILL)

    assert second.returncode == 1
    assert f"process {group} works in" in second.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_step_and_the_run_with_the_signals_code(
    number: signal.Signals, readings: Path, tmp_path: Path
) -> None:
    with started(tmp_path / "run", readings) as process:
        until(process, "Train: its log is")
        process.send_signal(number)
        assert process.stderr is not None
        rest = process.stderr.read()
        code = process.wait(60)

    assert code == 128 + number, rest
    assert "step Train was stopped; the same command goes on with it" in rest
    assert "Traceback" not in rest


def test_a_step_that_fails_is_named_with_the_end_of_its_log(readings: Path, tmp_path: Path) -> None:
    failed = finished(tmp_path / "run", readings, "--process-options", "--value kwh")

    assert failed.returncode == 1
    assert "step Process ended with code 1; the end of" in failed.stderr
    assert "has no column 'kwh'" in failed.stderr
    assert records(tmp_path / "run") == {}


def test_a_search_trains_each_draw_once_and_evaluates_the_best(readings: Path, tmp_path: Path) -> None:
    options = ("--tune", "--parameter", "TuningJobs=2")

    done = finished(tmp_path / "run", readings, *options)
    again = finished(tmp_path / "run", readings, *options)

    assert done.returncode == 0, done.stderr
    jobs = re.findall(r"Tune: job (\d) of 2: ([0-9.]+) with", done.stderr)
    assert [number for number, _ in jobs] == ["1", "2"]
    best = min(jobs, key=lambda job: float(job[1]))[0]
    (package,) = packages(tmp_path / "run")
    model = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    assert model.endswith(f"-Tune-{best}/output/model.tar.gz")
    assert "Tune: already done" in again.stderr


def test_with_docker_each_step_is_a_container_of_the_image(
    good: Path, readings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{DOCKER}" "$@"\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
    run = tmp_path / "run"

    done = finished(run, readings, "--docker", "--parameter", "Image=registry/fleetcast:1")

    assert done.returncode == 0, done.stderr
    for step in JOBS:
        assert (run / "steps" / step / "log.txt").read_text().startswith("image registry/fleetcast:1\n")
    assert content(run, "Evaluate", "evaluation.json") == content(good, "Evaluate", "evaluation.json")
