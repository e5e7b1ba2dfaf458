"""Prophet's numbers for the series in `self_check`; tests/parity/golden.py writes this module."""

OBJECTIVES = {
    "linear": -185.7819564816197,
    "multiplicative": -185.6131894133608,
    "logistic": -164.72082989216435,
    "flat": -155.31914628430286,
}
"""Minus Stan's lp__ at the point that Stan reaches when it starts at Fleetcast's estimate."""
YHAT = (
    37.021228119653706,
    37.75155475613044,
    40.09432225817838,
    41.475033636361395,
    40.57379433984635,
    38.256025526770394,
    36.27098681760153,
    34.88754539238163,
    35.617872028859175,
    37.96063953090728,
    39.34135090908932,
    38.440111612572494,
    36.12234279949621,
    34.13730409032763,
)
"""Prophet's forecast from PARAMETERS."""
