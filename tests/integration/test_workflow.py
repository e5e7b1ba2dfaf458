"""The workflow's example, with a small fleet and with a table of one's own."""

import re
import subprocess
import sys
from pathlib import Path

from examples import synthetic


def workflow(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.workflow", "--folder", str(folder), *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_workflow_registers_a_good_fleet_and_fails_a_bad_one_and_goes_on(tmp_path: Path) -> None:
    done = workflow(tmp_path, "--customers", "6")
    again = workflow(tmp_path, "--customers", "6")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "registered: arn:aws:sagemaker:local:000000000000:model-package/fleetcast/1" in done.stdout
    assert re.search(
        r"not registered, as it should be: mase_ratio_to_naive 0\.\d+ is above 0\.001", done.stdout
    )
    assert (tmp_path / "pipeline.svg").stat().st_size > 0
    assert again.returncode == 0, again.stdout + again.stderr
    assert re.findall(r"Train: (.*), in", again.stderr) == ["already done", "already done"]


def test_a_table_of_ones_own_is_divided_at_its_last_tenth(tmp_path: Path) -> None:
    table = tmp_path / "table.csv.gz"
    synthetic.write(table, customers=4, rows=400)
    columns = ("--id", "customer_id", "--time", "timestamp", "--value", "consumption")

    done = workflow(tmp_path / "workflow", "--data", str(table), *columns)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"readings before 2025-11-2\d \d\d:00:00 train the fleet", done.stdout)
