"""Ctrl-C, which a terminal sends to every process, ends a job with one line and exit code 130."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from testbed.server import installed
from tests.unit.jobs import history, tree


def interrupted(command: list[str], base: Path, *, line: str, after: float = 0.0) -> tuple[int, str]:
    """Run a program in a group of its own, send Ctrl-C to the group once `line` is in its log."""
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stderr is not None
        seen = b""
        while line.encode() not in seen:
            if not (more := os.read(process.stderr.fileno(), 4096)):
                break
            seen += more
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
        return process.wait(60), (seen + rest).decode()


@pytest.mark.parametrize("after", [0.0, 0.05, 0.3, 0.7, 1.2])
def test_ctrl_c_while_the_workers_start_ends_with_one_line_and_130(tmp_path: Path, after: float) -> None:
    files = {f"{number}/data.csv": history(days=500, seed=number) for number in range(300)}
    tree(tmp_path, files)

    code, log = interrupted(installed("train"), tmp_path, line="300 customers in", after=after)

    assert "Traceback" not in log
    assert "KeyboardInterrupt" not in log
    if "customers_ok=300;" not in log:  # else all were done before, and the program was on its way out
        assert code == 130
        assert log.count("stopped: ") == 1
        assert "run the same command again for the others" in log


def test_sigterm_to_all_processes_kills_no_worker(tmp_path: Path) -> None:
    files = {f"{number}/data.csv": history(days=500, seed=number) for number in range(300)}
    paths = tree(tmp_path, files)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    with subprocess.Popen(
        installed("train"), env=environment, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        while not list(paths.checkpoints.glob("*.tar.gz")) and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stderr is not None
        log = process.stderr.read().decode()

    assert process.returncode in (143, 0)
    assert "died" not in log


def test_ctrl_c_in_doctor_ends_with_one_line_and_130(tmp_path: Path) -> None:
    program = "import sys; from fleetcast.command import main; sys.argv = ['x', 'doctor']\n"
    program += "print('begin', file=sys.stderr, flush=True); sys.exit(main())"

    code, log = interrupted([sys.executable, "-c", program], tmp_path, line="begin", after=0.05)

    assert code == 130
    assert log.splitlines() == ["begin", "interrupted"]
