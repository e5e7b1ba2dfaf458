"""The page `report.html`: what it shows of a job, and that no text of a customer is HTML in it."""

import re
from html import escape
from pathlib import Path
from typing import Any

from container import Host, Paths
from fleetcast.archive import read_archive
from fleetcast.forecasting import ForecastOptions, forecast, loads
from tests.unit.jobs import HEADER, history, trained, tree
from train.channel import Customer
from train.customer import Failed, Fitted, Skipped
from train.figures import figures_of
from train.job import JobResult
from train.program import train
from train.report import report_page
from train.report.page import MOST_CUSTOMERS
from train.report.series import STEPS_AHEAD, load_series
from train.report.texts import percent
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


def compared_page(tmp_path: Path, **hyperparameters: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the page of a job that compared methods, with white space collapsed, and the ledger."""
    files = {f"{number}/data.csv": history(days=200, seed=number) for number in range(12)}
    paths = tree(
        tmp_path, files | {"<i>/data.csv": history(days=200, seed=99)}, models="auto", **hyperparameters
    )
    rows = trained(paths)
    page = (paths.output_data / "report.html").read_text()
    return re.sub(r"[ \n]+", " ", page), rows


def test_the_page_says_who_beats_the_naive_forecast_and_who_is_worst(tmp_path: Path) -> None:
    page, rows = compared_page(tmp_path)

    ratios = {
        name: row["backtest"]["combined"] / row["backtest"]["seasonal_naive"] for name, row in rows.items()
    }
    ranked = sorted(ratios, key=lambda name: (-ratios[name], name))
    better = sum(ratio < 1 for ratio in ratios.values())
    assert f"Of 13 customers {better} have a better forecast, {13 - better} a worse one." in page
    table = page.partition("Worst customers")[2].partition("</details>")[0]
    cells = re.findall(r'<tr><td>([^<]+)<td class="number">([0-9.]+)', table)
    assert cells == [(escape(name), f"{ratios[name]:.3f}") for name in ranked]
    assert "3 more</summary>" in table
    errors = rows[ranked[0]]["backtest"]
    for name in ("combined", "seasonal_naive", "prophet"):
        assert f'<td class="number">{errors[name]:.3f}' in table
    assert "<i>" not in page


def test_the_page_says_which_methods_win(tmp_path: Path) -> None:
    page, rows = compared_page(tmp_path)

    assert '<tr><td class="number">13<td>the methods below, as weighted' in page
    table = page.partition("weighs most")[2].partition("</table>")[0]
    cells = re.findall(r"<tr><td>([^<]+)" + r'<td class="number">([^<]*)' * 4, table)
    shown = {name: tuple(cell.strip() for cell in others) for name, *others in cells}
    for name in ("prophet", "seasonal_naive"):
        wins = sum(row["members"].get(name) == max(row["members"].values()) for row in rows.values())
        weight = percent(sum(row["members"].get(name, 0) for row in rows.values()) / 13)
        error = sum(row["backtest"][name] for row in rows.values()) / 13
        assert shown[name] == (str(wins), weight, f"{error:.3f}", "13")
    assert shown["combined"][2] == f"{sum(row['backtest']['combined'] for row in rows.values()) / 13:.3f}"


def test_customers_that_an_earlier_job_left_without_a_backtest_are_counted() -> None:
    compared = {"backtest": {"combined": 0.5, "prophet": 0.5}, "members": {"prophet": 1.0}}
    common: dict[str, Any] = {"engine": "fleetcast", "rows": 9, "seconds": 0.0, "packed": b""}
    tally = Tally()
    tally.add(Fitted(customer="a", metrics=compared, **common))
    tally.add(Skipped(customer="b", metrics={"in_sample": {"mase": 1.0}}, **common))

    page = page_of_tally(tally, Customer("a", ("/nowhere/a.csv",)), Customer("b", ("/nowhere/b.csv",)))

    assert '<tr><td class="number">1<td>the methods below, as weighted' in page
    assert '<tr><td class="number">1<td>an earlier job&#39;s archive that has no backtest' in page


def test_the_page_shows_what_calibrated_intervals_cover(tmp_path: Path) -> None:
    page, rows = compared_page(tmp_path, intervals="calibrated")

    for percentage in ("50", "80", "90", "95"):
        covered = sum(row["backtest_coverage"][percentage] for row in rows.values()) / 13
        assert (
            f'<tr><td class="number">{percent(int(percentage) / 100, 0)}<td class="number">{percent(covered)}'
            in page
        )
    assert page.count('class="point"') == 4


def test_the_page_of_uncalibrated_intervals_says_that_their_coverage_is_unknown(tmp_path: Path) -> None:
    page, _ = compared_page(tmp_path)

    assert "Nothing is known about what they cover" in page
    assert 'class="point"' not in page


def test_the_page_of_prophets_model_alone_compares_nothing(tmp_path: Path) -> None:
    page = page_of(tree(tmp_path, {"7/data.csv": history()}))

    assert "Against the seasonal naive forecast" not in page
    assert "mean error (mase) in sample" in page


def test_wins_losses_ties_and_customers_without_a_season_are_counted_on_the_page() -> None:
    tally = Tally()
    for name, combined, naive in (
        ("a", 0.5, 1.0),
        ("b", 0.6, 1.0),
        ("c", 1.2, 1.0),
        ("d", 1.0, 1.0),
        ("e", 1.0, None),
    ):
        errors = {"combined": combined} | ({"seasonal_naive": naive} if naive is not None else {})
        tally.comparison.add(name, {"backtest": errors, "members": {}}, 1000, "unseen slots")

    page = re.sub(r"[ \n]+", " ", page_of_tally(tally))

    assert (
        "Of 5 customers 2 have a better forecast, 1 a worse one, 1 an equal one, and 1 have no season" in page
    )
    worst = page.partition("Worst customers")[2].partition("</table>")[0]
    assert re.findall(r"<tr><td>(\w)", worst) == ["c", "d", "b", "a"]
    assert worst.count('<td class="number">1,000<td>unseen slots') == 4
    assert worst.count('<td class="number"><td class="number">1,000') == 4  # Prophet's model was not compared
