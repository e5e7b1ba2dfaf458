"""Fault 22: each suite fails if a fault is planted into `serve`.

A plant is a `sitecustomize.py` on the program's path that replaces a function of our code.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults
SUITES = [Path(__file__).with_name(name) for name in ("test_requests.py", "test_serving.py")]
BOTH = {
    "test_9": """
import serving.request.records
parse = serving.request.records.as_request
def lax(record):
    try:
        return parse(record)
    except serving.request.records.RequestError:
        return parse(b"{}")
serving.request.records.as_request = lax
""",
    "test_10": """
import serving.request.invocation
chosen = serving.request.invocation.media_type_of_response
def careless(accept, **how):
    return {"x": None}[accept] if accept == "a/b;q=z" else chosen(accept, **how)
serving.request.invocation.media_type_of_response = careless
""",
}
MMS = {
    "test_12": """
import serving.mms.supervisor
serving.mms.supervisor.Supervisor._replace_dead_processes = lambda self: None
""",
    "test_13": """
import serving.mms.supervisor
serving.mms.supervisor.Supervisor._drain = lambda self: None
""",
    "test_15": """
import serving.mms.store_endpoint
respond, leaked = serving.mms.store_endpoint.respond_in_steps, []
def leaking(*what, **how):
    leaked.append(bytes(20_000))
    return respond(*what, **how)
serving.mms.store_endpoint.respond_in_steps = leaking
""",
    "test_16": """
import serving.mms.store_endpoint
ModelCache = serving.mms.store_endpoint.ModelCache
def never(store, **how):
    return ModelCache(store, **how | {"revalidate_seconds": 3600.0})
serving.mms.store_endpoint.ModelCache = never
""",
    "test_17": """
import serving.mms.pool
respond, before = serving.mms.pool.Pool._respond, []
def late(self, model, request):
    before.append(model)
    return respond(self, before.pop(0) if len(before) > 1 and len(before) % 2 else model, request)
serving.mms.pool.Pool._respond = late
""",
}
GUNICORN = {
    "test_12": """
import gunicorn.arbiter
gunicorn.arbiter.Arbiter.reap_workers = lambda self: None
""",
    "test_13": """
import os
import serving.http.worker
serving.http.worker.Worker.handle_exit = lambda self, number, frame: os._exit(0)
""",
    "test_15": """
import serving.http.app
respond, leaked = serving.http.app.respond, []
def leaking(*what, **how):
    leaked.append(bytes(50_000))
    return respond(*what, **how)
serving.http.app.respond = leaking
""",
    "test_16": """
import serving.http.model_source
ModelCache = serving.http.model_source.ModelCache
def never(store, **how):
    return ModelCache(store, **how | {"revalidate_seconds": 3600.0})
serving.http.model_source.ModelCache = never
""",
    "test_17": """
import serving.http.app
from dataclasses import replace
respond, targets = serving.http.app.respond, []
def late(invocation, *what, **how):
    targets.append(invocation.target)
    target = targets[-2] if len(targets) % 50 == 49 else invocation.target
    late_target = replace(target, customer=invocation.target.customer)
    return respond(replace(invocation, target=late_target), *what, **how)
serving.http.app.respond = late
""",
    "test_20": """
import serving.http.worker
serving.http.worker.RECEIVE_SECONDS = 3600.0
""",
}
PLANTS = [
    *[(suite, stack, plant) for suite, plant in BOTH.items() for stack in ("mms", "gunicorn")],
    *[(suite, "mms", plant) for suite, plant in MMS.items()],
    *[(suite, "gunicorn", plant) for suite, plant in GUNICORN.items()],
]


@pytest.mark.parametrize(("suite", "stack", "plant"), PLANTS)
def test_22_a_planted_fault_is_noticed(suite: str, stack: str, plant: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(plant)
    chosen = f"{suite}_" if suite == "test_20" else f"{suite}_ and {stack}"

    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "faults", *SUITES, "-k", chosen],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert finished.returncode == 1, finished.stdout
    assert "1 failed" in finished.stdout
