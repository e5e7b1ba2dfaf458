"""Names of models that no route could carry."""

import pytest

from serving.errors import RequestError
from serving.models import check_model_name


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".", "/", "a\nb", "\u001b", "\u0000", "", "x" * 1_025, "\u2028"]
)
def test_a_name_that_no_route_could_reach_is_refused_at_load(name: str) -> None:
    with pytest.raises(RequestError, match="model_name must be"):
        check_model_name(name)


@pytest.mark.parametrize("name", ["7", "a b", "ü.tar.gz", "...", "4f0c" * 16, "%2F", "a=b;"])
def test_any_other_name_is_a_key(name: str) -> None:
    check_model_name(name)
