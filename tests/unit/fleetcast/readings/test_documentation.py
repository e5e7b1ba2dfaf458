import re
from pathlib import Path

import numpy as np
import pytest

from fleetcast.readings import parse_times

LINES = (Path(__file__).parents[4] / "docs" / "reference" / "readings.md").read_text().splitlines()
ROWS = [line.strip("| ").split(" | ") for line in LINES if line.startswith("| `")]
EXAMPLES = [(text, meaning) for texts, meaning in ROWS for text in re.findall("`(.+?)`", texts)]


@pytest.mark.parametrize(("text", "meaning"), EXAMPLES)
def test_an_example_of_the_documentation_is_read_as_it_says(text: str, meaning: str) -> None:
    parsed = parse_times([text])

    if meaning.startswith("2026"):
        assert parsed.values.tolist() == [np.datetime64(meaning, "us").item()]
    else:
        assert list(parsed.reasons) == [0]


def test_the_documentation_has_accepted_and_refused_examples() -> None:
    assert {meaning.startswith("2026") for _, meaning in EXAMPLES} == {True, False}
