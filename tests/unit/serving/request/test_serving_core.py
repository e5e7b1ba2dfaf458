"""What a process that only loads and forecasts is made of."""

import json
import subprocess
import sys

import numpy as np

from fleetcast.forecasting import dumps
from testbed.preparation import fit_with

PROGRAM = """
import json, sys
from fleetcast import forecasting
model = forecasting.loads(sys.stdin.read())
forecasting.forecast(model, forecasting.ForecastOptions(30, quantiles=[0.1], components=True))
imported = {name.split(".")[0] for name in sys.modules}
unwanted = imported & {"pandas", "scipy", "prophet", "cmdstanpy", "holidays", "matplotlib"}
with open("/proc/self/status") as status:
    resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
print(json.dumps({"unwanted": sorted(unwanted), "resident_kb": resident}))
"""


def test_loading_and_forecasting_needs_numpy_and_msgspec_alone_and_36_mb() -> None:
    ds = np.datetime64("2024-01-01") + np.arange(60)
    text = dumps(fit_with(ds, np.sin(np.arange(60)), country_holidays="US"))

    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=text, capture_output=True, text=True, check=True, timeout=60
    )

    report = json.loads(answer.stdout)
    assert report["unwanted"] == []
    assert report["resident_kb"] < 36_000
