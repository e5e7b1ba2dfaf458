"""Cut-offs to choose by, and a later one to judge the choice by."""

import numpy as np
import pytest

from fleetcast.evaluation import cutoffs, origins
from fleetcast.forecasting.members import GriddedHistory
from testbed.combined import hourly

STAMPS, Y = hourly()


def test_what_chooses_ends_before_what_judges_begins() -> None:
    found = origins(STAMPS, Y, "h", horizon=48, count=3)

    assert found is not None
    choosing, judge = found
    assert len(choosing) == 3
    assert max(each.last for each in choosing) <= judge.first
    assert (judge.first, judge.last) == (Y.size - 48, Y.size)
    assert all(each.last - each.first == 48 for each in choosing)


def test_the_cutoffs_are_those_of_the_history_before_the_judge() -> None:
    found = origins(STAMPS, Y, "h", horizon=48, count=3)
    history = GriddedHistory.of(STAMPS, Y, "h")

    assert found is not None
    assert history is not None
    places, _ = cutoffs(Y.size - 48, 48, history.seasons, count=3)
    assert [each.first for each in found[0]] == places


def test_scales_do_not_depend_on_what_follows_a_cutoff() -> None:
    before = origins(STAMPS, Y, "h", horizon=48, count=3)
    assert before is not None
    first = before[0][-1].first
    changed = np.concatenate((Y[:first], 1000 * Y[first:]))
    after = origins(STAMPS, changed, "h", horizon=48, count=3)

    assert after is not None
    assert after[0][-1] == before[0][-1]


@pytest.mark.parametrize("rows", [2, 30, 60])
def test_a_short_history_has_none(rows: int) -> None:
    assert origins(STAMPS[:rows], Y[:rows], "h", horizon=48, count=3) is None


def test_a_history_with_few_readings_per_step_has_none() -> None:
    assert origins(STAMPS[::5], Y[::5], "h", horizon=48, count=3) is None
