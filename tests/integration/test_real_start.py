"""`fleetcast serve` as the image starts it: it starts itself again with the variables for the processor.

The other tests start the programs without that (tests/conftest.py).
"""

import os
from collections.abc import Mapping

import psutil
import pytest

from container import Paths
from container.profile import this_profile
from testbed.server import serving


@pytest.fixture
def profile_variables(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Return the variables that the profile sets in an environment that has none of them."""
    for name in ("FLEETCAST_PROFILE", *this_profile({}).variables):
        monkeypatch.delenv(name, raising=False)
    return this_profile(os.environ).variables


@pytest.mark.parametrize("stack", ["mms", "gunicorn"])
def test_serve_starts_again_with_the_profile_and_then_loads_forecasts_and_stops(
    fleet: Paths, profile_variables: Mapping[str, str], stack: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(fleet.base, SERVING_STACK=stack) as server:
        loaded = server.load("0", fleet.models / "0" / "model")
        answer = server.invoke("0", {"period": 7})
        environment = psutil.Process(server.process.pid).environ()

    assert loaded.status == answer.status == 200
    assert len(answer.json["predictions"]) == 7
    assert profile_variables.items() <= environment.items()
    assert capfd.readouterr().err.count(" INFO profile ") == 1
    assert server.process.returncode == 0
