"""Fault 22: with a fault planted into `serve` each suite goes red.

A plant is a `sitecustomize.py` on the program's path that changes a copy of our own code.
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
import serving._records
parse = serving._records.as_request
def lax(record):
    try:
        return parse(record)
    except serving._records.RequestError:
        return parse(b"{}")
serving._records.as_request = lax
""",
    "test_10": """
import serving._answer
accepted = serving._answer.accepted
def careless(accept, **how):
    return {"x": None}[accept] if accept == "a/b;q=z" else accepted(accept, **how)
serving._answer.accepted = careless
""",
}
MMS = {
    "test_12": """
import serving._supervisor
serving._supervisor.Supervisor._replace_the_dead = lambda self: None
""",
    "test_13": """
import serving._supervisor
serving._supervisor.Supervisor._drain = lambda self: None
""",
    "test_15": """
import serving._store_service
answer, kept = serving._store_service.answer_in_steps, []
def leaking(body, **how):
    kept.append(bytes(20_000))
    return answer(body, **how)
serving._store_service.answer_in_steps = leaking
""",
    "test_16": """
import serving._store_service
ModelCache = serving._store_service.ModelCache
def never(store, **how):
    return ModelCache(store, **how | {"revalidate_seconds": 3600.0})
serving._store_service.ModelCache = never
""",
    "test_17": """
import serving._pool
answer, before = serving._pool.Pool._answer, []
def late(self, connection, request):
    before.append(connection)
    return answer(self, before.pop(0) if len(before) > 1 and len(before) % 2 else connection, request)
serving._pool.Pool._answer = late
""",
}
GUNICORN = {
    "test_12": """
import gunicorn.arbiter
gunicorn.arbiter.Arbiter.reap_workers = lambda self: None
""",
    "test_13": """
import os
import serving._worker
serving._worker.Worker.handle_exit = lambda self, number, frame: os._exit(0)
""",
    "test_15": """
import serving._http
answer, kept = serving._http.answer, []
def leaking(body, **how):
    kept.append(bytes(50_000))
    return answer(body, **how)
serving._http.answer = leaking
""",
    "test_16": """
import serving._models
ModelCache = serving._models.ModelCache
def never(store, **how):
    return ModelCache(store, **how | {"revalidate_seconds": 3600.0})
serving._models.ModelCache = never
""",
    "test_17": """
import serving._http
from flask import g
answer, names = serving._http.answer, []
def late(body, *, find, **how):
    names.append(how["target_model"])
    return answer(body, find=lambda name: find(names[-2] if len(names) % 50 == 49 else name), **how)
serving._http.answer = late
""",
    "test_20": """
import serving._worker
serving._worker.RECEIVE_SECONDS = 3600.0
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
