"""The packages and the memory of processes that only load a model and forecast."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from fleetcast.forecasting import dumps
from testbed.global_models import packed_global_model
from testbed.preparation import fit_with

PROGRAM = """
import json, sys
from fleetcast import forecasting
model = forecasting.loads(sys.stdin.read())
forecasting.forecast(model, forecasting.ForecastOptions(30, quantiles=[0.1], components=True))
imported = {name.split(".")[0] for name in sys.modules}
unwanted = imported & {"pandas", "scipy", "prophet", "cmdstanpy", "holidays", "matplotlib", "xgboost"}
with open("/proc/self/status") as status:
    resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
print(json.dumps({"unwanted": sorted(unwanted), "resident_kb": resident}))
"""
GLOBAL_MODEL = """
import sys
from serving.models import load_packed, look_up_each
from serving.request import Invocation, RecordModel, RequestBudget, respond
model = load_packed(sys.stdin.buffer.read())
response = respond(
    Invocation(sys.argv[1].encode(), {}, RecordModel("global_model")),
    look_up_each(lambda name: model),
    budget=RequestBudget(),
)
imported = {name.split(".")[0] for name in sys.modules}
print(int(response.status), *sorted(imported & {"pandas", "scipy", "prophet", "xgboost", "sklearn", "ray"}))
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


def test_a_forecast_by_the_global_model_needs_none_of_the_packages_that_train_it() -> None:
    ds = np.datetime64("2025-03-01T00") + np.arange(24 * 14)
    y = np.sin(2 * np.pi * np.arange(24 * 14) / 24).tolist()
    request = json.dumps({"history": {"ds": list(map(str, ds)), "y": y}})

    program = subprocess.run(
        [sys.executable, "-c", GLOBAL_MODEL, request],
        input=packed_global_model(),
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert program.stdout == b"200\n"
