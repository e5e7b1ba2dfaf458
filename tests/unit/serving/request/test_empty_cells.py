"""A line of empty cells is a record where no column names the model: answers keep the order of the lines."""

import pytest

from serving.request import Request
from tests.unit.served import read


@pytest.mark.parametrize(
    ("body", "periods"),
    [
        (b"period,freq\n3,\n,\n2,\n", [3, 7, 2]),
        (b'period\n3\n""\n2\n', [3, 7, 2]),
        (b"period,freq\n3,\n\n2,\n", [3, 2]),
        (b"period,freq\n3,\n  \n2,\n", [3, 2]),
        (b"target_model,period\n7,3\n,\n7,2\n", [3, 2]),
    ],
)
def test_a_line_of_empty_cells_is_a_record_where_no_column_names_the_model(
    body: bytes, periods: list[int]
) -> None:
    records, _ = read(body, "text/csv")

    assert [record.periods for record in records if isinstance(record, Request)] == periods
