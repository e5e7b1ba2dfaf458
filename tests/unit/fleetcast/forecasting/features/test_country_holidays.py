"""A country's holidays with a subdivision, windows and a prior, in our forecast and in stock Prophet's."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prophet.serialize import model_from_json

from fleetcast.archive import read_archive
from fleetcast.errors import SettingError
from fleetcast.forecasting import CountryHolidays, ForecastOptions, HolidayTable, forecast, loads
from tests.unit.jobs import history, ledger, tree
from train.program import train
from train.settings import TrainSettings

CORPUS_CHRISTI = "Corpus Christi"
"""A holiday of Bavaria, not of Germany: 2025-06-19."""


def model_of(tmp_path: Path, country: str, days: int = 400) -> str:
    paths = tree(tmp_path, {"7/data.csv": history(days=days)}, country_holidays=country)
    train(paths, TrainSettings.from_files(paths))
    assert ledger(paths)["7"]["status"] == "ok"
    return read_archive(paths.checkpoints / "7.tar.gz").model


def columns(text: str) -> set[str]:
    return set(forecast(loads(text), ForecastOptions(1, components=True)))


def test_a_subdivision_has_its_own_holidays(tmp_path: Path) -> None:
    assert CORPUS_CHRISTI not in columns(model_of(tmp_path / "DE", "DE"))
    assert CORPUS_CHRISTI in columns(model_of(tmp_path / "DE-BY", "DE-BY"))


def test_windows_and_prior_of_a_country_are_those_of_explicit_holidays() -> None:
    country = CountryHolidays.of(
        {"country": "DE", "subdiv": "BY", "lower_window": -1, "upper_window": 2, "prior_scale": 5}
    )

    rows = country.rows(2025, 2025, years_ahead=1)

    corpus_christi = [row for row in rows if row["holiday"] == CORPUS_CHRISTI]
    assert [row["ds"] for row in corpus_christi] == ["2025-06-19", "2026-06-04"]
    assert {(row["lower_window"], row["upper_window"], row["prior_scale"]) for row in rows} == {(-1, 2, 5.0)}


def test_a_day_after_a_holiday_counts_where_the_window_says_so(tmp_path: Path) -> None:
    window = '{"country": "DE", "upper_window": 1}'
    text = model_of(tmp_path, window)
    ds = np.array(["2025-12-25", "2025-12-27", "2025-12-29"], "datetime64[us]")

    effect = forecast(loads(text), ForecastOptions(ds=ds, components=True))["holidays"]

    assert effect[0] != 0
    assert effect[1] != 0  # the day after the second day of Christmas
    assert effect[2] == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_stock_prophet_opens_such_a_model_and_forecasts_the_same(tmp_path: Path) -> None:
    text = model_of(tmp_path, '{"country": "DE", "subdiv": "BY", "upper_window": 1, "prior_scale": 5}')
    model = model_from_json(text)

    stock = model.predict(model.make_future_dataframe(periods=60, include_history=False))

    ours = forecast(loads(text), ForecastOptions(60))
    assert ours["yhat"] == pytest.approx(stock["yhat"].to_numpy(), rel=1e-9)


def test_a_country_alone_stays_prophets_own_argument(tmp_path: Path) -> None:
    assert '"country_holidays": "DE"' in model_of(tmp_path, "DE")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("DE-XX", "DE has no subdivision 'XX'; accepted are BB, BE, BW, BY"),
        ("NO-1", "NO has no subdivision '1'"),
        ("XX-1", "must be a country of the holidays package"),
        ({"country": "DE", "window": 1}, "has no field 'window'; accepted are country, subdiv"),
        ({"subdiv": "BY"}, "must look like 'DE', 'DE-BY' or"),
        ({"country": "DE", "lower_window": 1}, "lower_window must be whole days from -366 to 0"),
        ({"country": "DE", "upper_window": True}, "upper_window must be whole days from 0 to 366"),
        ({"country": "DE", "prior_scale": 0}, "prior_scale must be a number above 0"),
        ({"country": "DE", "prior_scale": float("nan")}, "prior_scale must be a number above 0"),
        (["DE", "AT"], "must look like"),
    ],
)
def test_an_error_names_what_a_country_may_be(value: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        CountryHolidays.of(value)


@pytest.mark.parametrize("name", ["date", "HolidayBase", "list_supported_countries", "__class__"])
def test_other_names_of_the_holidays_package_are_no_countries(name: str) -> None:
    with pytest.raises(SettingError, match="must be a country"):
        CountryHolidays.of(name)


def test_two_tables_are_joined_whichever_has_windows() -> None:
    plain = HolidayTable.of([{"ds": "2025-01-01", "holiday": "a"}])
    windows = HolidayTable.of([{"ds": "2025-02-01", "holiday": "b", "lower_window": -1, "upper_window": 1}])

    joined = plain.joined(windows)

    assert [(name, first, last) for _, name, first, last, _ in joined.windows()] == [
        ("a", 0, 0),
        ("b", -1, 1),
    ]
