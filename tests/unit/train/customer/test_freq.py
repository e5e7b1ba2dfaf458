"""The spacing of a customer's readings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fleetcast.archive import read_archive
from tests.unit.jobs import HEADER, trained, tree


@pytest.mark.parametrize(
    ("step", "freq"),
    [(np.timedelta64(1, "D"), "D"), (np.timedelta64(15, "m"), "15min"), (np.timedelta64(7, "D"), "W-WED")],
)
def test_the_archive_holds_the_spacing_of_the_history(tmp_path: Path, step: Any, freq: str) -> None:
    ds = np.datetime64("2025-01-01T00:00:00") + np.arange(250) * step
    y = np.random.default_rng(0).normal(50, 1, 250)
    text = HEADER + "".join(f"{time},{value:.3f}\n" for time, value in zip(ds, y, strict=True))
    paths = tree(tmp_path, {"7/data.csv": text})

    trained(paths)

    assert read_archive(paths.checkpoints / "7.tar.gz").metadata["freq"] == freq


def test_the_archive_holds_the_step_that_uneven_readings_are_near(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    late = chance.integers(-20, 21, 700).astype("timedelta64[s]")
    ds = np.datetime64("2025-01-01T12:00:00") + np.arange(700) * np.timedelta64(15, "m") + late
    text = HEADER + "".join(
        f"{time},{value:.3f}\n" for time, value in zip(ds, chance.normal(50, 1, 700), strict=True)
    )
    paths = tree(tmp_path, {"7/data.csv": text})

    trained(paths)

    assert read_archive(paths.checkpoints / "7.tar.gz").metadata["freq"] == "15min"
