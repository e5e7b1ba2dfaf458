import os

import pytest

from container import Host, StopRequest
from container.cluster import run_on_cluster
from fleetcast.errors import MissingExtraError


def test_without_ray_the_error_has_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetcast.extras.find_spec", lambda _: None)

    with pytest.raises(MissingExtraError, match=r"pip install 'fleetcast\[ray\]'"):
        run_on_cluster(Host(), lambda _: 0, stop=StopRequest())


def test_a_job_that_was_stopped_before_begins_nothing() -> None:
    host = Host(name="no-host-2.invalid", index=1, hosts=2, names=("no-host-1.invalid", "no-host-2.invalid"))
    before = dict(os.environ)

    code = run_on_cluster(host, lambda _: 0, stop=StopRequest(15))

    assert code == 143
    assert dict(os.environ) == before
