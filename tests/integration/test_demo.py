"""The demo, with a small fleet, on two logical hosts."""

import subprocess
import sys
from pathlib import Path


def test_the_demo_trains_on_two_hosts_and_forecasts(tmp_path: Path) -> None:
    arguments = ("--folder", tmp_path, "--customers", "6", "--engine", "ray")
    finished = subprocess.run(
        [sys.executable, "-m", "examples.demo", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "6 customers for 2 hosts with 2 processors" in finished.stderr
    assert "6 archives, the same bytes as those of one host" in finished.stdout
    assert f"6 archives in {tmp_path}" in finished.stdout
    assert (tmp_path / "forecasts.png").stat().st_size > 0
