"""Numbers and names as texts of the page."""

from typing import Final

from container import quoted

_THREE_DECIMALS: Final = 1e4
"""Where numbers begin that have no decimals."""


def decimal(number: float | None) -> str:
    """Return a number with three decimals, a large one with three digits; empty for None."""
    if number is None:
        return ""
    return f"{number:.3f}" if abs(number) < _THREE_DECIMALS else f"{number:.3g}".replace("inf", "∞")


def percent(share: float | None, decimals: int = 1) -> str:
    """Return a share such as 0.803 as `80.3 %`, without a line break inside; empty for None."""
    return "" if share is None else f"{100 * share:.{decimals}f}\N{NO-BREAK SPACE}%"


def name_of(customer: str) -> str:
    """Return a customer's name as one line without characters that turn the direction of text."""
    return quoted(customer)[1:-1]
