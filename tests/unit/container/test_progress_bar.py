from container.progress_bar import Estimate


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
