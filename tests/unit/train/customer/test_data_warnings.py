"""Warnings about a customer's data, in the ledger and the log."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.jobs import HEADER, history, ledger, run_train, trained, tree


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"cap": "1"}, "40 are above cap and 0 below"),
        ({"cap": "1e6", "floor": "1e5"}, "0 are above cap and 40"),
    ],
)
def test_readings_beyond_cap_or_floor_are_a_warning(
    tmp_path: Path, bounds: dict[str, str], message: str
) -> None:
    paths = tree(tmp_path, {"7/data.csv": history(days=40)}, growth="logistic", **bounds)

    run_train(paths)

    (line,) = ledger(paths).values()
    assert any(message in warning for warning in line["warnings"])


def test_a_floor_below_multiplied_terms_is_a_warning(tmp_path: Path) -> None:
    options = {"scaling": "minmax", "seasonality_mode": "multiplicative"}

    run_train(paths := tree(tmp_path, {"7/data.csv": history()}, **options))

    assert any("multiplies the floor too" in warning for warning in ledger(paths)["7"]["warnings"])


def test_weekdays_without_a_reading_are_in_the_ledger_and_once_in_the_log(tmp_path: Path) -> None:
    days = [f"2025-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(28 * 6)]
    open_days = [day for day in days if np.is_busday(day, weekmask="1111110")]
    noise = np.random.default_rng(0).normal(50, 1, len(open_days))
    text = HEADER + "".join(f"{day},{y:.3f}\n" for day, y in zip(open_days, noise, strict=True))
    paths = tree(tmp_path, {f"{name}/data.csv": text for name in range(30)})

    code, log = run_train(paths)

    assert code == 0
    assert all("Sundays" in " ".join(row["warnings"]) for row in ledger(paths).values())
    assert log.count("Sundays") <= 2  # one line, which may name the weekday twice
    assert "unseen slots: 30 customers, the first" in log


def test_rows_that_lack_a_regressor_are_counted_in_the_ledger(tmp_path: Path) -> None:
    lines = history(columns={"temperature": 20.0}).splitlines()
    lines[5] = lines[5].rpartition(",")[0] + ","
    paths = tree(tmp_path, {"7/data.csv": "\n".join(lines) + "\n"}, regressors="temperature")

    row = trained(paths)["7"]

    assert row["status"] == "ok"
    assert any("temperature: 1 of 40" in warning for warning in row["warnings"])
