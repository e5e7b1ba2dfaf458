"""Worker processes: which packages they import, and what the job does when one ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from testbed.server import installed
from tests.unit.jobs import history, ledger, run_train, tree
from tests.unit.train.engines.tasks import Measure, Measured, Misbehave, Sleep
from train.channel import Customer
from train.customer import Failed
from train.engines import LocalEngine
from train.engines.worker import Limits
from train.program import train
from train.settings import TrainSettings

ROOT = Path(__file__).parents[4]


def trained(cwd: Path, base: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        installed("train"),
        cwd=cwd,
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base), **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_workers_import_our_packages_whatever_the_working_directory_holds(tmp_path: Path) -> None:
    paths = tree(tmp_path / "ml", {"7/data.csv": history()})
    for package in ("train", "fleetcast", "container"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()

    job = trained(tmp_path, paths.base)

    assert job.returncode == 0, job.stderr
    assert ledger(paths)["7"]["status"] == "ok"


def test_workers_import_our_packages_whatever_pythonpath_holds(tmp_path: Path) -> None:
    paths = tree(tmp_path / "ml", {"7/data.csv": history()})
    for package in ("train", "container"):
        (tmp_path / "other" / package).mkdir(parents=True)
        (tmp_path / "other" / package / "__init__.py").touch()

    job = trained(tmp_path, paths.base, PYTHONPATH=str(tmp_path / "other"))

    assert job.returncode == 0, job.stderr
    assert ledger(paths)["7"]["status"] == "ok"


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONSAFEPATH"])
def test_a_job_leaves_the_environment_as_it_was(tmp_path: Path, name: str) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()})
    before = os.environ.get(name)

    train(paths, TrainSettings.from_files(paths))

    assert os.environ.get(name) == before


def test_a_worker_that_cannot_start_ends_the_job_with_its_exit_code(tmp_path: Path) -> None:
    paths = tree(tmp_path / "ml", {"7/data.csv": history(), "8/data.csv": history()})
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import resource\nlimit = resource.setrlimit\n"
        "def refuse(kind, value):\n"
        "    if kind == resource.RLIMIT_AS:\n        raise ValueError('a planted defect')\n"
        "    limit(kind, value)\nresource.setrlimit = refuse\n"
    )

    job = trained(tmp_path, paths.base, PYTHONPATH=str(hook))

    assert job.returncode == 1
    reason = paths.failure.read_text()
    assert "a worker process ended with exit code 1 before it could take a customer" in reason
    assert "memory" not in reason
    assert "a planted defect" in job.stderr


STUCK = """\
import sys
if "forkserver" in " ".join(sys.orig_argv):
    import os, time
    import train.customer.train_customer as module
    read = module.file_contents
    def stuck(customer):
        if customer.name == "stuck":
            {action}
        return read(customer)
    module.file_contents = stuck
"""


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("time.sleep(60)", "took longer than customer_timeout_seconds = 3"),
        ("os.kill(os.getpid(), 9)", "killed (SIGKILL), probably because the machine ran out of memory"),
        ("os.kill(os.getpid(), 11)", "died (SIGSEGV), possibly out of memory: raise customer_memory_mb"),
        ("os._exit(3)", "ended by itself with exit code 3; the log may have its error"),
        ("1 / 0", "division by zero"),
    ],
)
def test_a_customer_that_stops_its_worker_fails_alone_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, reason: str
) -> None:
    files = {f"{name}/data.csv": history() for name in ("before", "stuck", "waits", "z")}
    paths = tree(tmp_path / "ml", files, customer_timeout_seconds="3", max_failed_fraction="0.5")
    (tmp_path / "sitecustomize.py").write_text(STUCK.format(action=action))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    code, _ = run_train(paths)

    rows = ledger(paths)
    assert code == 0
    assert reason in rows["stuck"]["reason"]
    assert {row["status"] for name, row in rows.items() if name != "stuck"} == {"ok"}
    assert len(rows) == 4


ENDLESS = """\
import sys
from pathlib import Path
from tests.unit.train.engines.tasks import Endless
from train.channel import Customer
from train.engines import LocalEngine
from train.engines.worker import Limits
list(LocalEngine(Limits(3600), 1).results(Endless(Path(sys.argv[1])), [Customer("7", ())]))
"""


def test_a_worker_ends_with_a_job_that_is_killed_in_the_middle_of_a_customer(tmp_path: Path) -> None:
    started = tmp_path / "started"
    with subprocess.Popen([sys.executable, "-c", ENDLESS, started], cwd=ROOT) as job:
        while not started.exists():
            assert job.poll() is None
            time.sleep(0.05)
        worker = psutil.Process(int(started.read_text()))
        job.kill()

    worker.wait(60)


def customers(*names: str) -> list[Customer]:
    return [Customer(name, ()) for name in names]


def test_an_engine_runs_any_task_whose_results_name_their_customers() -> None:
    names = [f"customer {number}" for number in range(100)]

    results = list(LocalEngine(Limits(10), 2).results(Measure(np.array([2.0])), customers(*names)))

    assert sorted(each.customer for each in results) == sorted(names)
    for each in results:
        assert isinstance(each, Measured)
        assert each.values.tolist() == [2.0 * place for place in range(len(each.customer))]


def test_a_task_is_sent_to_each_worker_once() -> None:
    Measure.pickled.clear()

    results = LocalEngine(Limits(10), 2).results(Measure(np.ones(3)), customers(*map(str, range(200))))

    assert len(list(results)) == 200
    assert len(Measure.pickled) == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raise", "internal error: KeyError: 'a planted defect'"),
        ("kill", "killed (SIGKILL)"),
        ("sleep", "took longer than customer_timeout_seconds = 3"),
        ("lambda", "ended by itself with exit code 1"),
    ],
)
def test_a_customer_of_any_task_fails_alone(name: str, reason: str) -> None:
    results = LocalEngine(Limits(3), 1).results(Misbehave(), customers("before", name, "behind"))

    failed = {each.customer: each.reason for each in results if isinstance(each, Failed)}

    assert list(failed) == [name]
    assert reason in failed[name]


def test_a_customer_in_time_does_not_fail_because_the_job_comes_late_for_its_result() -> None:
    results = LocalEngine(Limits(2), 1).results(Sleep(0.001), customers(*map(str, range(40))))

    first = [next(results) for _ in range(10)]  # from now on several wait in the worker's pipe
    time.sleep(3)  # a disk that makes the job wait

    assert [type(each) for each in (*first, *results)] == [Measured] * 40
