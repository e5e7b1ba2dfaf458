"""Interleaved timing: both sides run in turn, so that whatever slows the machine slows both."""

import resource
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any, Final

_LEAST_SECONDS: Final = 0.1
"""A call shorter than this is repeated within a round until it has taken about so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One line of the result: medians over the rounds, and the median of the rounds' ratios."""

    section: str
    case: str
    unit: str
    stock: float
    ours: float
    ratio: float
    cpu_ratio: float | None = None
    """Of processor seconds, children included: what others do on the machine matters less to it."""
    at_least: float | None = None
    """What the design asks of `ratio`."""
    at_most: float | None = None
    """What the design asks of `ours`."""

    @property
    def met(self) -> bool | None:
        """Whether the design's figure is reached; None where it names none."""
        if self.at_least is not None:
            return self.ratio >= self.at_least
        return None if self.at_most is None else self.ours <= self.at_most


def compare(  # noqa: PLR0913 - all but two by name
    stock: Callable[[], Any],
    ours: Callable[[], Any],
    *,
    rounds: int,
    section: str,
    case: str,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Comparison:
    """Call both in turn, `rounds` times after one call of each to warm up; seconds per call."""
    repeats = [_repeats(stock), _repeats(ours)]
    seen = [(_seconds(stock, repeats[0]), _seconds(ours, repeats[1])) for _ in range(rounds)]
    wall = [(theirs[0], own[0]) for theirs, own in seen]
    line = of_rounds(wall, section=section, case=case, unit="s", at_least=at_least, at_most=at_most)
    return replace(line, cpu_ratio=median(theirs[1] / own[1] for theirs, own in seen))


def of_rounds(  # noqa: PLR0913 - all but one by name
    rounds: list[tuple[float, float]],
    *,
    section: str,
    case: str,
    unit: str,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Comparison:
    """Return the comparison of the rounds' pairs (stock, ours)."""
    return Comparison(
        section=section,
        case=case,
        unit=unit,
        stock=median(stock for stock, _ in rounds),
        ours=median(ours for _, ours in rounds),
        ratio=median(stock / ours for stock, ours in rounds),
        at_least=at_least,
        at_most=at_most,
    )


def _repeats(call: Callable[[], Any]) -> int:
    call()
    return max(1, min(500, round(_LEAST_SECONDS / _seconds(call, 1)[0])))


def _seconds(call: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Return seconds per call by the clock and of the processor."""
    started, used = perf_counter(), processor_seconds()
    for _ in range(repeats):
        call()
    return (perf_counter() - started) / repeats, (processor_seconds() - used) / repeats


def processor_seconds() -> float:
    """Return the processor time so far of this process and of the children that have ended."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
