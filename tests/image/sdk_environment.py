"""The virtual environments of SageMaker's own SDKs, and commands that run in them."""

import subprocess
import sys

from tests.rehearsal import ROOT


def environment(version: int) -> str:
    """Return the Python of an SDK's own virtual environment; make it where its lock is new."""
    venv, lock = ROOT / f".venv-sdk{version}", ROOT / "requirements" / f"sagemaker-v{version}.txt"
    python, ready = str(venv / "bin" / "python"), venv / "ready"
    if not ready.is_file() or ready.read_text() != lock.read_text():
        uv = (sys.executable, "-m", "uv", "--quiet")
        run(*uv, "venv", "--clear", "--python", sys.executable, str(venv))
        run(*uv, "pip", "sync", "--require-hashes", "--python", python, str(lock))
        ready.write_text(lock.read_text())
    return python


def run(*command: str) -> str:
    finished = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        timeout=600,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout
