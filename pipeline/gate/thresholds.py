"""The thresholds of a gate: which figure of evaluation.json each limits, and from where on it fails."""

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pipeline.evaluation import figure

NONE: Final = "none"
"""The text that turns a threshold off."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One limit on one figure."""

    option: str
    """Such as `--max-mase`; the option's value is the limit."""
    path: str
    """Of the figure in evaluation.json, such as `regression_metrics.mase.value`."""
    bound: Literal["max", "min"]
    default: float | None
    """None where the figure has no limit unless the option is given."""
    meaning: str

    @property
    def name(self) -> str:
        """The figure's name in sentences, such as `mase`."""
        return self.path.split(".")[-2]

    def problem(self, evaluation: Mapping[str, Any], limit: float) -> str:
        """Return why the figure does not pass; empty where it does."""
        value = figure(evaluation, self.path)
        if value is None:
            return f"the evaluation has no {self.path} ({self.option} {NONE} does without it)"
        if value > limit if self.bound == "max" else value < limit:
            side = "above" if self.bound == "max" else "below"
            return f"{self.name} {number(value, beside=limit)} is {side} {number(limit)} ({self.option})"
        return ""


THRESHOLDS: Final = (
    Threshold(
        "--max-mase",
        "regression_metrics.mase.value",
        "max",
        None,
        "largest mean MASE of the customers",
    ),
    Threshold(
        "--max-ratio-to-naive",
        "fleet.mase_ratio_to_naive.value",
        "max",
        1.0,
        "largest mean MASE, as a share of the seasonal naive forecast's",
    ),
    Threshold(
        "--min-share-beating-naive",
        "fleet.share_beating_naive.value",
        "min",
        None,
        "smallest share of customers whose forecast errs less than the seasonal naive one",
    ),
    Threshold(
        "--max-failed-fraction",
        "fleet.failed_fraction.value",
        "max",
        0.05,
        "largest share of customers that failed, of these and the evaluated ones",
    ),
    Threshold(
        "--min-evaluated-fraction",
        "fleet.evaluated_fraction.value",
        "min",
        0.5,
        "smallest share of all customers that were evaluated",
    ),
)


def number(value: float, *, beside: float = math.nan) -> str:
    """Return a number as text: six digits, or all of them where it would look like `beside`."""
    short = f"{value:.6g}"
    return repr(value) if short == f"{beside:.6g}" else short


def limit(text: str) -> float | None:
    """Return an option's value as a limit, None for `none`; for argparse."""
    if text == NONE:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a number, or {NONE}, not {text!r}")
    return value
