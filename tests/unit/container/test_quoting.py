"""A text of somebody else in a line of ours: shown as it is, never a line or a metric of its own."""

import io
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container import LineFormatter, one_line, quoted

METRIC = re.compile(r"[A-Za-z_]+=([0-9.]+);")
HOSTILE = [
    "x;mean_mase=0.000001;",
    "a\nmean_mase=0.1;",
    "\x1b[2K\rok",
    "\u202e;1=x",
    "\u2028mean_mase=1;",
    "a'b\\",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_quoted_name_is_one_printable_text_that_no_metric_matches(text: str) -> None:
    found = quoted(text)

    assert found.isprintable()
    assert METRIC.search(found) is None
    assert "'" not in found[1:-1].replace(r"\'", "")


@given(st.text())
def test_two_different_texts_are_quoted_differently(text: str) -> None:
    found = quoted(text, most_characters=10_000)

    assert found.isprintable()
    assert METRIC.search(found) is None
    assert found[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape") == text


def test_ordinary_names_stay_readable() -> None:
    assert quoted("café 7") == "'café 7'"


def test_a_name_that_is_not_utf_8_is_shown_by_its_bytes() -> None:
    assert quoted("caf\udce9") == r"'caf\udce9'"


def test_a_long_text_is_cut_in_its_middle() -> None:
    assert len(quoted("x" * 100_000)) < 400


@pytest.mark.parametrize("text", HOSTILE)
def test_a_whole_message_is_one_line_that_no_metric_matches(text: str) -> None:
    found = one_line(f"customer {text} failed")

    assert found.isprintable()
    assert METRIC.search(found) is None


def fail(reason: str) -> None:
    raise ValueError(reason)


def test_a_traceback_in_the_log_cannot_look_like_a_line_of_the_log() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("test_quoting")
    logger.addHandler(handler)

    try:
        fail("bad\nINFO mean_mase=0.1;")
    except ValueError:
        logger.exception("internal error for %s", "x\ny=1;")

    lines = stream.getvalue().splitlines()
    assert lines[0] == r"ERROR internal error for x\ny\x3d1;"
    assert all(line.startswith("  ") for line in lines[1:])
    assert not any(METRIC.search(line) for line in lines)
