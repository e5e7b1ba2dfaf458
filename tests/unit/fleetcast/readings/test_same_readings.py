"""What `process` writes of a text is what `train` reads in that text."""

from pathlib import Path

import numpy as np
import pytest

from fleetcast.readings.customer import parse_readings
from processing import Columns
from processing.program import process
from tests.unit.raw import HEADER, raw


@pytest.mark.parametrize(
    "times",
    [
        ["2024-03-01T00:00:00+01:00", "2024-03-01T01:00:00+01:00"],
        ["2024-03-01T00:00:00Z", "2024-03-01T01:00:00Z"],
        ["2024-03-01 00:00 Europe/Berlin", "2024-03-01 01:00 Europe/Berlin"],
        ["2024-03-01 12:00 AM", "2024-03-01 01:00 PM"],
        ["20240301", "20240302"],
        ["1709251200", "1709254800"],
        ["1709251200000", "1709254800000"],
        ["13/03/2024", "01/04/2024"],
        ["2024-03-01 00:00:00.125", "2024-03-01 00:00:01"],
    ],
)
def test_a_time_is_the_same_for_process_and_train(tmp_path: Path, times: list[str]) -> None:
    rows = list(zip(times, ("1", "2.50"), strict=True))
    direct = tmp_path / "data.csv"
    direct.write_text("timestamp,consumption\n" + "".join(f"{time},{value}\n" for time, value in rows))
    paths = raw(tmp_path, HEADER + "".join(f"7,{time},{value}\n" for time, value in rows))

    process(paths, Columns())

    processed = paths.processing_output / "7" / "data.csv"
    one, other = (parse_readings([path], [path.read_bytes()]).by_time() for path in (direct, processed))
    np.testing.assert_array_equal(one.ds, other.ds)
    np.testing.assert_array_equal(one.y, other.y)
