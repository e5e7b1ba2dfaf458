"""`tune` with the engine `ray` on the hosts of a job, which make a Ray cluster of their own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.host_network import HostNetwork, host_network, unusable
from tests.unit.train.tuning import jobs
from train.tuning.program import tune

pytest.importorskip("ray", reason="needs the extra fleetcast[ray]")
pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(bool(why := unusable()), reason=f"no network of hosts can be made: {why}"),
]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[HostNetwork]:
    """Return hosts that all have the same small fleet."""
    with host_network(tmp_path / "hosts") as hosts:
        for host in hosts.hosts:
            jobs.fleet(host.paths.base, engine="ray")
            config = {"train": {"S3DistributionType": "FullyReplicated"}}
            (host.paths.config / "inputdataconfig.json").write_text(json.dumps(config))
        yield hosts


def test_the_head_decides_as_one_host_alone(network: HostNetwork, tmp_path: Path) -> None:
    alone = jobs.fleet(tmp_path / "alone")
    for host in network.hosts:
        host.start("fleetcast", "tune", CLUSTER_JOIN_SECONDS="120")

    assert network.codes() == (0, 0, 0)
    assert tune(alone) == 0

    head = network.hosts[0].paths
    assert jobs.best(head) == {**jobs.best(alone), "engine": "ray"}
    assert jobs.result(head)["configurations"] == jobs.result(alone)["configurations"]
    assert [host.paths.model.exists() for host in network.hosts[1:]] == [False, False]
