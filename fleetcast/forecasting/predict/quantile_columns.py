"""The quantiles that a forecast returns: their probabilities by the ending of their columns."""

from typing import Final

from fleetcast.forecasting.options import ForecastOptions

NEAREST: Final = 1e-12
"""Smallest distance of a probability from 0 and 1; a quantile nearer to them is computed at this one."""


def column_probabilities(default_width: float | None, options: ForecastOptions) -> dict[str, float]:
    """Return the probabilities of the quantiles by the ending of their column, such as lower and 0.1.

    `default_width` is the model's own interval width.  Without a width there is no interval.
    """
    width = default_width if options.interval_width is None else options.interval_width
    shares = {}
    if width is not None:
        shares = {"lower": (1.0 - width) / 2, "upper": (1.0 + width) / 2}
    for share in options.quantiles:
        shares[repr(share)] = share
    return {ending: min(max(share, NEAREST), 1.0 - NEAREST) for ending, share in shares.items()}
