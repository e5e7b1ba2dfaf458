"""Regressors, conditions, bounds and holidays of one customer."""

from pathlib import Path

from tests.unit.jobs import history, ledger, trained, tree
from train.program import train
from train.settings import TrainSettings


def test_regressors_conditions_and_bounds_come_from_the_customers_file(tmp_path: Path) -> None:
    text = history(columns={"temperature": 20.0})
    rows = text.splitlines()
    text = "\n".join([rows[0] + ",on", *(f"{row},{n % 2}" for n, row in enumerate(rows[1:]))]) + "\n"
    paths = tree(
        tmp_path,
        {"7/data.csv": text, "8/data.csv": history()},
        growth="logistic",
        cap="100",
        max_failed_fraction="1",
        regressors="temperature",
        seasonalities='[{"name": "x", "period": 3, "fourier_order": 1, "condition_name": "on"}]',
    )

    settings = TrainSettings.from_files(paths)
    train(paths, settings)

    assert ledger(paths)["7"]["engine"] == "fleetcast"
    assert settings.columns == ("temperature", "on")
    assert "no column temperature and no column on" in ledger(paths)["8"]["reason"]


def test_the_cap_of_logistic_growth_may_be_a_column_of_the_files(tmp_path: Path) -> None:
    files = {"7/data.csv": history(columns={"cap": 200.0}), "8/data.csv": history()}
    paths = tree(tmp_path, files, growth="logistic", max_failed_fraction="0.5")

    rows = trained(paths)

    assert rows["7"]["status"] == "ok"
    assert rows["8"]["reason"] == "its files have no column cap, which growth = logistic needs"


def test_a_customer_whose_holidays_contradict_the_country_fails_alone(tmp_path: Path) -> None:
    own = "ds,holiday,prior_scale,customer,lower_window,upper_window\n2025-01-01,New Year's Day,3,7,0,0\n"
    files = {"7/data.csv": history(days=400), "8/data.csv": history(days=400, seed=1)}
    country = '{"country": "US", "prior_scale": 5}'
    paths = tree(
        tmp_path, files, config={"holidays.csv": own}, country_holidays=country, max_failed_fraction="0.5"
    )

    rows = trained(paths)

    assert rows["8"]["status"] == "ok"
    assert rows["7"]["status"] == "failed"
    assert 'prior_scale of "New Year\'s Day"' in rows["7"]["reason"]
