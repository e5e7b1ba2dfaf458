"""The metrics in the log, and names and texts that try to look like them."""

import json
import re
from pathlib import Path

import pytest

from tests.unit.jobs import HEADER, history, ledger, run_train, tree

ONE_ROW = HEADER + "2025-01-01,5\n"
FIVE = {f"{number}/data.csv": history(days=60, seed=number) for number in range(5)}
METRIC = re.compile(r"[A-Za-z_]+=([0-9.]+);")
HOSTILE = ["x;mean_mase=0.000001;", "a\nmean_mase=0.1;\n", "\x1b[2J", "\u202emean_mase=0.1;", "caf\udce9"]


def test_without_a_customer_that_was_measured_there_is_no_mean_mase(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": ONE_ROW}, max_fallback_fraction="1")

    code, log = run_train(paths)

    assert code == 0
    assert "mean_mase" not in log
    assert "mean_mase" not in (paths.model / "summary.json").read_text()
    assert "customers_fallback=1;" in log


def test_the_regex_of_mean_mase_reads_it_from_the_log(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()})

    code, log = run_train(paths)

    found = re.search(r"mean_mase=([0-9.]+);", log)
    assert code == 0
    assert found is not None
    assert float(found[1]) == json.loads((paths.model / "summary.json").read_text())["mean_mase"]


def test_no_name_of_a_customer_can_look_like_a_metric_or_a_line(tmp_path: Path) -> None:
    files = {f"{name}/data.csv": "x" for name in HOSTILE} | {"y;mean_mase=7;.csv": "x", "z=1;.txt": ""}
    paths = tree(tmp_path, files, max_failed_fraction="0.9")

    code, log = run_train(paths)

    failure = paths.failure.read_text()
    matching = [line for line in log.splitlines() if METRIC.search(line)]
    assert code == 1
    assert [line.split()[3].partition("=")[0] for line in matching] == ["customers_ok"]
    assert all(line.isprintable() for line in log.split("\n"))
    assert METRIC.search(failure) is None
    assert failure.isprintable()
    assert ledger(paths).keys() == {*HOSTILE, "y;mean_mase=7;"}


@pytest.mark.parametrize("name", ["growth", "country_holidays", "mean_mase=0.1;", "regressors", "holdout"])
def test_no_text_of_a_hyperparameter_can_look_like_a_metric(tmp_path: Path, name: str) -> None:
    paths = tree(tmp_path, FIVE, **{name: "x\nmean_mase=0.000001;"})

    code, log = run_train(paths)

    assert code == 1
    assert METRIC.search(log) is None
    assert METRIC.search(paths.failure.read_text()) is None
    assert len(log.splitlines()) <= 3
