"""The packages and the memory of a process that only loads a model and forecasts."""

import json
import os
import subprocess
import sys
from pathlib import Path

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


def test_loading_and_forecasting_needs_numpy_and_msgspec_alone_and_36_mb(tmp_path: Path) -> None:
    ds = np.datetime64("2024-01-01") + np.arange(60)
    text = dumps(fit_with(ds, np.sin(np.arange(60)), country_holidays="US"))
    bytecode = os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}

    for _ in range(2):  # the first process compiles the modules, which takes memory
        program = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            input=text,
            env=bytecode,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

    measured = json.loads(program.stdout)
    assert measured["unwanted"] == []
    assert measured["resident_kb"] < 36_000
