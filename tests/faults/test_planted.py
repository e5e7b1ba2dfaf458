"""Fault 22: with a fault planted into `serve` each suite goes red.

A plant is a `sitecustomize.py` on the program's path that changes a copy of our own code.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults
SUITE = Path(__file__).with_name("test_serving.py")
PLANTS = {
    "test_9": """
import serving._answer
parse = serving._answer.as_request
def lax(record, **how):
    try:
        return parse(record, **how)
    except serving._answer.RequestError:
        return parse({})
serving._answer.as_request = lax
""",
    "test_10": """
import serving._answer
accepted = serving._answer.accepted
def careless(accept, **how):
    return {"x": None}[accept] if accept == "a/b;q=z" else accepted(accept, **how)
serving._answer.accepted = careless
""",
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
answer, kept = serving._store_service.answer, []
def leaking(body, **how):
    kept.append(bytes(20_000))
    return answer(body, **how)
serving._store_service.answer = leaking
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


@pytest.mark.parametrize("suite", PLANTS)
def test_22_a_planted_fault_is_noticed(suite: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(PLANTS[suite])

    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "faults", str(SUITE), "-k", f"{suite}_"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert finished.returncode == 1, finished.stdout
    assert "1 failed" in finished.stdout
