"""The page `report.html`: what it shows of a job, and that no text of a customer is HTML in it."""

import re
from pathlib import Path

from container import Paths
from fleetcast.archive import read_archive
from fleetcast.forecasting import ForecastOptions, forecast, loads
from tests.unit.jobs import HEADER, history, tree
from train.channel import Customer
from train.customer import Failed
from train.figures import figures_of
from train.host import Host
from train.job import JobResult
from train.program import train
from train.report import report_page
from train.report.page import MOST_CUSTOMERS
from train.report.series import STEPS_AHEAD, load_series
from train.settings import TrainSettings
from train.tally import Tally

SETTINGS = TrainSettings(max_failed_fraction=1.0, max_fallback_fraction=1.0)


def page_of(paths: Paths) -> str:
    train(paths, SETTINGS)
    return (paths.output_data / "report.html").read_text()


def page_of_tally(tally: Tally, *customers: Customer) -> str:
    result = JobResult(Host(), customers, tally, seconds=1.0)
    return report_page(Paths(Path("/nowhere")), result, SETTINGS, figures_of(result))


def test_the_page_shows_three_customers_and_the_failures_and_no_name_is_html(tmp_path: Path) -> None:
    files = {f"{name}/data.csv": history(seed=n) for n, name in enumerate("abc")}
    paths = tree(tmp_path, files | {"<script>/data.csv": "x", "<b>/data.csv": HEADER + "2025-01-01,5\n"})

    page = page_of(paths)

    assert page.count("<svg") == 4
    assert [f"{label}: " in page for label in ("best", "median", "worst")] == [True] * 3
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<td>&lt;script&gt;<td>data.csv needs the columns" in page
    assert "<td>&lt;b&gt;<td>seasonal naive forecast instead" in page


def test_the_page_needs_no_network_and_has_no_scripts(tmp_path: Path) -> None:
    page = page_of(tree(tmp_path, {"7/data.csv": history()}))

    assert re.findall(r"https?:|//|src=|href=|url\(|@import|<script|\son\w+=", page) == []


def test_the_page_of_a_job_without_customers_says_that_there_are_none() -> None:
    page = page_of_tally(Tally())

    assert page.count("No customer was measured.") == 2
    assert page.count("<p>None.") == 3
    assert "<svg" not in page


def test_a_long_list_is_cut_and_its_rest_is_counted() -> None:
    tally = Tally()
    for number in range(MOST_CUSTOMERS + 7):
        tally.add(Failed(customer=f"c{number}", reason="no reading is a number"))

    page = page_of_tally(tally)

    assert page.count("no reading is a number") == MOST_CUSTOMERS
    assert "and 7 more, in the ledger" in page


def test_a_customer_whose_files_are_gone_has_the_reason_in_place_of_a_picture() -> None:
    tally = Tally(mase=[(0.5, "7")])

    page = page_of_tally(tally, Customer("7", ("/nowhere/<7>.csv",)))

    assert "best: 7, mase 0.500: no picture, &lt;7&gt;.csv cannot be read" in page


def test_a_picture_has_the_forecast_of_the_archive_for_the_readings_and_some_steps_more(
    tmp_path: Path,
) -> None:
    paths = tree(tmp_path, {"7/data.csv": history(days=40)})
    train(paths, SETTINGS)

    series = load_series(paths, Customer("7", (str(paths.channels / "train/7/data.csv"),)), SETTINGS)

    model = loads(read_archive(paths.checkpoints / "7.tar.gz").model)
    assert len(series.ds) == 40
    assert len(series.times) == 40 + STEPS_AHEAD
    assert series.yhat[40:].tolist() == forecast(model, ForecastOptions(STEPS_AHEAD))["yhat"].tolist()
    assert (series.lower < series.upper).all()
