"""What is odd about new readings is found, and nothing where they are as before."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fleetcast.forecasting.arrays import Vector
from pipeline.evaluate import KINDS
from tests.unit.pipeline.evaluate.fleets import NEW, TRAINED, csv, evaluated, fleet, series

Y = series()
BEFORE = Y[:TRAINED]


def changed(*rows: int, to: float) -> Vector:
    y = Y.copy()
    y[[TRAINED + row for row in rows]] = to
    return y


ODD: dict[str, tuple[str, dict[str, float]]] = {
    "as before": (csv(Y), {}),
    "a gap at the start and one inside": (csv(changed(0, 1, 5, to=np.nan)), {"gaps": 3}),
    "one time twice": (csv(Y) + csv(Y[-1:], first=TRAINED + NEW - 1).split("\n", 1)[1], {"duplicates": 1}),
    "below 0": (csv(changed(2, 7, to=-1.0)), {"negative": 2}),
    "constant": (csv(changed(*range(NEW), to=50.0)), {"constant": NEW}),
    "another level": (csv(np.concatenate([BEFORE, 10 * Y[TRAINED:]])), {"level": 10.0}),
    "every hour": (
        csv(BEFORE) + csv(series(48), first=24 * TRAINED, step=np.timedelta64(1, "h")).split("\n", 1)[1],
        {"spacing": 48},
    ),
    "every other day": (
        csv(BEFORE) + csv(series(12), first=TRAINED // 2, step=np.timedelta64(2, "D")).split("\n", 1)[1],
        {"spacing": 12},
    ),
}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    paths = fleet(tmp_path_factory.mktemp("fleet"), dict.fromkeys(ODD, csv(BEFORE)))
    return evaluated(paths, {name: content for name, (content, _) in ODD.items()})[1]


@pytest.mark.parametrize("name", ODD)
def test_a_finding_has_its_number(lines: dict[str, dict[str, Any]], name: str) -> None:
    found = {each["kind"]: each["number"] for each in lines[name]["findings"]}

    assert found == pytest.approx(ODD[name][1], rel=0.1)
    assert found.keys() <= KINDS.keys()


def test_the_fleet_counts_customers_by_kind(tmp_path: Path) -> None:
    paths = fleet(tmp_path, dict.fromkeys(("a", "b", "c"), csv(BEFORE)))
    gap = csv(changed(3, 4, to=np.nan))

    content, _, _ = evaluated(paths, {"a": gap, "b": gap, "c": csv(Y)})

    assert content["findings"] == {"gaps": {"value": 2}}


@pytest.mark.parametrize("non_negative", ["false", "true"])
def test_negative_readings_are_no_finding_where_the_history_has_some(
    tmp_path: Path, non_negative: str
) -> None:
    y = Y - 50
    paths = fleet(tmp_path, {"7": csv(y[:TRAINED])}, non_negative=non_negative)

    _, lines, _ = evaluated(paths, {"7": csv(y)})

    assert "negative" not in {each["kind"] for each in lines["7"]["findings"]}
