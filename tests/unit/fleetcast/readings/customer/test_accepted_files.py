"""Which CSV files are accepted, and what the error of another says."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetcast.errors import ReadingsError
from fleetcast.readings.customer import parse_readings


def history(content: str | bytes) -> tuple[list[str], list[float]]:
    content = content if isinstance(content, bytes) else content.encode()
    readings = parse_readings([Path("data.csv")], [content])
    return np.datetime_as_string(readings.ds, "s").tolist(), readings.y.tolist()


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


TEXTS = st.one_of(
    NUMBERS.map(repr), NUMBERS.map("{:.3f}".format), st.sampled_from(["1", "+1", ".5", "1.", "007"])
)


@pytest.mark.parametrize(
    "content",
    [
        "timestamp,consumption\n2025-01-01 06:00:00,1\n",
        "\ufefftimestamp,consumption\r\n2025-01-01T06:00:00,1.0\r\n\r\n",
        "extra,y,ds\nx,1,2025-01-01 06:00\n",
        "2025-01-01 06:00:00,1\n",
        '"timestamp","consumption"\n"2025-01-01 06:00:00","1"\n',
    ],
)
def test_a_customers_file_may_have_any_of_these_forms(content: str) -> None:
    assert history(content) == (["2025-01-01T06:00:00"], [1.0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no readings"),
        ("timestamp,consumption\n", "no readings"),
        ("a,b\n1,2\n", "needs the columns timestamp and consumption"),
        ("timestamp,consumption\n2025-01-01\n", r"data\.csv, line 2 has too few cells, 1 of 2"),
        ("timestamp,consumption\nsoon,1\n", "'soon' is not a time"),
        ("timestamp,consumption\n,1\n", "without a time"),
        ("timestamp,consumption\n2025-01-01,lots\n", "'lots' is not a number"),
        ("timestamp,consumption\n2025-01-01,inf\n", "infinite number"),
        (b"\xff\xfe\x00", "not a UTF-16 CSV file"),
    ],
)
def test_the_error_of_a_bad_file_names_what_is_wrong(content: str | bytes, message: str) -> None:
    with pytest.raises(ReadingsError, match=message):
        history(content)


@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_a_number_is_read_to_its_last_bit_in_every_notation(texts: list[str]) -> None:
    found = history("".join(f"2025-01-01,{text}\n" for text in texts))[1]

    assert [value.hex() for value in found] == [float(text).hex() for text in texts]


@pytest.mark.parametrize("cell", ["1]", "[1", "nul", "true", '{"a":1}', "1 2", "0x10"])
def test_a_cell_that_is_no_number_is_refused(cell: str) -> None:
    with pytest.raises(ReadingsError, match="is not a number"):
        history(f"timestamp,consumption\n2025-01-01,1\n2025-01-02,{cell}\n")
