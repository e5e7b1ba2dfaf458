"""The benchmark of a brought model, as far as it goes without torch."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_without_torch_the_forecasts_are_compared_and_the_user_is_told_what_to_install() -> None:
    program = [sys.executable, "-m", "benchmarks.brought_model", "--python", "false"]

    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 2
    assert done.stderr == "torch is not installed: pip install torch\n"
    assert "without and with the variables: equal, sha256 " in done.stdout
