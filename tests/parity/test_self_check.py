"""The numbers of the self-check equal Prophet's."""

import numpy as np
import pytest

from fleetcast.forecasting import prophet_reference as golden
from fleetcast.forecasting.self_check import CASES, MOST_OF_FORECAST, MOST_OF_OBJECTIVE, findings
from testbed.stock_cases import STOCK_WARNINGS
from tests.parity.golden import stock_forecast, stock_objective

pytestmark = STOCK_WARNINGS


@pytest.mark.parametrize("case", CASES)
def test_the_objective_equals_stans(case: str) -> None:
    assert golden.OBJECTIVES[case] == pytest.approx(stock_objective(case), rel=MOST_OF_OBJECTIVE, abs=0)


def test_the_forecast_equals_prophets() -> None:
    expected = np.array(stock_forecast())

    assert np.abs(np.array(golden.YHAT) - expected).max() <= MOST_OF_FORECAST * np.abs(expected).max()


def test_every_case_is_checked_and_none_differs_here() -> None:
    comparisons = list(findings())

    assert len(comparisons) == len(CASES) + 1
    assert [str(finding) for finding in comparisons if not finding.ok] == []
