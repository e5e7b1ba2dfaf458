"""The probabilities of the quantiles that a forecast returns, by the ending of their columns."""

from typing import Final

from fleetcast.forecasting.options import ForecastOptions

NEAREST: Final = 1e-12
"""How near to 0 and to 1 a quantile is computed; a nearer one is answered as this one."""


def probabilities(default_width: float | None, options: ForecastOptions) -> dict[str, float]:
    """Return the quantiles to compute by the ending of their column.

    There is no interval when the model has no width and none was asked for.
    """
    width = default_width if options.interval_width is None else options.interval_width
    shares = {}
    if width is not None:
        shares = {"lower": (1.0 - width) / 2, "upper": (1.0 + width) / 2}
    for share in options.quantiles:
        shares[repr(share)] = share
    return {ending: min(max(share, NEAREST), 1.0 - NEAREST) for ending, share in shares.items()}
