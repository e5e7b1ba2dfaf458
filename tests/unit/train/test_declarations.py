"""Statuses, figures and exit codes: what is declared is what a job does."""

import signal
from typing import get_args

import pytest

from train.customer.outcome import STATUSES, Outcome, WithArchive
from train.exit_codes import EXIT_CODES, code_of_signal
from train.figures import FIGURES
from train.program import parser


def test_every_outcome_has_a_status_of_its_own_and_a_figure_that_counts_it() -> None:
    figures = {figure.name for figure in FIGURES}

    assert len(STATUSES) == len(get_args(Outcome)) == 5
    assert {f"customers_{status}" for status in STATUSES} <= figures


def test_only_a_fallback_a_kept_archive_and_a_failure_need_a_reason() -> None:
    without = {each.status for each in get_args(Outcome) if "reason" not in each.__annotations__}

    assert without == {"ok", "skipped"}
    assert not hasattr(WithArchive, "status")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_code_after_a_signal_is_that_of_shells(number: int, code: int) -> None:
    assert code_of_signal(number).number == code


def test_the_help_lists_every_exit_code() -> None:
    text = parser().format_help()

    assert [code.number for code in EXIT_CODES if f"  {code.number:<5}{code.meaning[:20]}" not in text] == []
