"""The declared routes: their numbers in a query, and their table in the documentation."""

import pytest

from serving.errors import RequestError
from serving.http.routes import LIMIT, MULTI_MODEL, NEXT_PAGE_TOKEN, served, table


def test_a_number_in_the_query_is_read_within_its_bounds() -> None:
    assert LIMIT.read({"limit": "1000"}) == 1_000
    assert LIMIT.read({}) == LIMIT.read({"limit": ""}) == 100


@pytest.mark.parametrize("text", ["0", "1001", "-1", "1.0", "1e3", " 1", "²", "x", "9" * 20])
def test_another_text_is_refused_with_the_bounds(text: str) -> None:
    with pytest.raises(RequestError, match=r"^limit must be a whole number from 1 to 1000$"):
        LIMIT.read({"limit": text})


def test_a_page_token_may_be_the_largest_row_of_the_table() -> None:
    assert NEXT_PAGE_TOKEN.read({"next_page_token": str(2**62)}) == 2**62


def test_the_table_has_a_row_for_each_route_of_an_endpoint() -> None:
    plain, multi_model = table(served(multi_model=False)), table(MULTI_MODEL)

    assert "| `POST /invocations` | Forecast one customer, or many |" in plain
    assert "| `DELETE /models/{name}` | Unload a model | a JSON object | 400, 404, 503 |" in multi_model
    assert "/models" not in plain
    assert len(multi_model.splitlines()) == 2 + len(MULTI_MODEL)
