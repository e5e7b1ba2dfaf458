import logging
import sys

import pytest

from container import progress_bar
from container.progress_bar import Estimate, progress


def test_a_slow_start_gives_no_estimate() -> None:
    estimate = Estimate(3_000, now=0.0)

    assert estimate.left(1, now=5.0) is None
    assert estimate.left(400, now=10.0) is None


def test_two_equal_rates_in_a_row_give_an_estimate() -> None:
    estimate = Estimate(3_000, now=0.0)
    for done, now in ((1, 5.0), (400, 10.0)):
        estimate.left(done, now=now)

    assert estimate.left(820, now=15.0) == 2_180 / (819 / 10)


def test_work_that_stands_still_gives_no_estimate() -> None:
    estimate = Estimate(100, now=0.0)
    for now in (5.0, 10.0):
        estimate.left(50, now=now)

    assert estimate.left(50, now=15.0) is None


def test_a_log_line_has_the_unit_and_the_time_that_a_limit_leaves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    monkeypatch.setattr(progress_bar, "SECONDS_BETWEEN_LINES", 0.0)

    assert list(progress(range(5), total=5, doing="try", unit="backtests", at_most=lambda: 0.0)) == [
        *range(5)
    ]

    assert [record.message.partition(",")[0] for record in caplog.records] == [
        f"try: {done} of 5 backtests" for done in range(1, 5)
    ]
    assert all(record.message.endswith("0 s left") for record in caplog.records)


def test_a_bar_on_a_terminal_shows_the_time_that_a_limit_leaves(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    list(progress(range(5), total=5, doing="try", unit="backtests", at_most=lambda: 7.0))

    assert "at most 7 s left" in capfd.readouterr().err
