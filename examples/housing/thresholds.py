"""By which figures `fleetcast gate` judges the model of houses."""

from typing import Final, TypeVar

Number = TypeVar("Number")
FOR_FLEETS: Final = ("--max-ratio-to-naive", "--max-failed-fraction", "--min-evaluated-fraction")
"""Thresholds with a default that are for fleets of customers."""


def thresholds(max_mase: Number) -> list[str | Number]:
    """Return the options of `gate`: one threshold, and none of the others."""
    others = [word for option in FOR_FLEETS for word in (option, "none")]
    return ["--max-mase", max_mase, *others]
