"""The probabilities of the quantiles that a forecast returns, by the ending of their columns."""

from numbers import Real
from typing import Final

import numpy as np

from fleetcast.errors import FutureError, SettingError
from fleetcast.forecasting.options import ForecastOptions
from fleetcast.forecasting.settings import interval_width

NEAREST: Final = 1e-12
"""How near to 0 and to 1 a quantile is computed; a nearer one is answered as this one."""


def probabilities(default_width: float | None, options: ForecastOptions) -> dict[str, float]:
    """Return the quantiles to compute by the ending of their column; raises FutureError.

    There is no interval when the model has no width and none was asked for.
    """
    shares, width = {}, default_width
    if options.interval_width is not None:
        try:
            width = interval_width("interval_width", options.interval_width)
        except SettingError as error:
            raise FutureError(str(error)) from error
    if width is not None:
        shares = {"lower": (1.0 - width) / 2, "upper": (1.0 + width) / 2}
    for share in options.quantiles:
        if isinstance(share, (bool, np.bool_)) or not isinstance(share, Real) or not 0 < share < 1:
            raise FutureError(f"quantiles must be numbers between 0 and 1, not {share!r}")
        shares[repr(float(share))] = float(share)
    return {ending: min(max(share, NEAREST), 1.0 - NEAREST) for ending, share in shares.items()}
