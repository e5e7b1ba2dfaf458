"""The model of all customers, whose trees several hosts fit together, and what happens when one is lost."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetcast.archive import GLOBAL_NAME
from tests.faults.host_network import FakeHost, HostNetwork, host_network, unusable
from tests.faults.training_job import archives, hyperparameters
from tests.unit.train.global_training.fleets import daily

pytest.importorskip("ray", reason="needs the extra fleetcast[ray]")
pytest.importorskip("xgboost", reason="needs the extra fleetcast[global]")
pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(bool(why := unusable()), reason=f"no network of hosts can be made: {why}"),
]

CUSTOMERS = 18
STEPS = 48
"""Of the fits of a fleet that has four."""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[HostNetwork]:
    """Return hosts that all have the same customers, and are to keep the rows that they draw."""
    files = daily(CUSTOMERS)
    with host_network(tmp_path / "hosts") as hosts:
        for host in hosts.hosts:
            for name, text in files.items():
                path = host.paths.channels / "train" / name
                path.parent.mkdir(parents=True)
                path.write_text(text)
            hyperparameters(host.paths, engine="ray", models="global", global_rows="300000")
            config = {"train": {"S3DistributionType": "FullyReplicated"}}
            (host.paths.config / "inputdataconfig.json").write_text(json.dumps(config))
        yield hosts


def start(network: HostNetwork) -> FakeHost:
    """Start the job; return the head."""
    for host in network.hosts:
        host.start("fleetcast", "train", CLUSTER_JOIN_SECONDS="120")
    return network.hosts[0]


def wait_for_trees(head: FakeHost) -> None:
    """Wait until the hosts fit trees, and are not done with them."""
    end = time.monotonic() + 180
    while not re.search(rf"fit trees: \d+ of {STEPS} steps", head.log) and time.monotonic() < end:
        time.sleep(0.05)
    assert "corrections are used" not in head.log


def left(*hosts: FakeHost) -> list[Path]:
    """Return what hosts have left in their TMPDIR of rows and of Ray."""
    return [path for host in hosts for path in host.temporary if path.name.startswith(("fleetcast-", "ray-"))]


def assert_complete(head: FakeHost) -> None:
    assert set(archives(head.paths)) == {f"c{n:02}.tar.gz" for n in range(CUSTOMERS)} | {
        f"{GLOBAL_NAME}.tar.gz"
    }


def test_hosts_train_one_model_together_and_leave_no_rows(network: HostNetwork) -> None:
    head = start(network)

    assert network.codes(240) == (0, 0, 0)
    assert_complete(head)
    assert "rows stay on 3 hosts, which fit the trees together" in head.log
    assert not left(*network.hosts)


@pytest.mark.parametrize("how", [FakeHost.kill, FakeHost.unplug])
def test_a_host_lost_in_mid_fit_is_named_and_the_others_go_on(
    network: HostNetwork, how: Callable[[FakeHost], None]
) -> None:
    head = start(network)
    wait_for_trees(head)

    how(network.hosts[2])

    assert network.codes(300)[:2] == (0, 0)
    assert_complete(head)
    assert re.search(
        r"global model: 'algo-3' is lost with the rows of 6 customers \(.*\); the fit goes on from tree \d+ "
        r"of 240 on algo-1, algo-2",
        head.log,
    )
    assert not left(*network.hosts[:2])


def test_a_job_that_is_stopped_in_mid_fit_ends_at_once(network: HostNetwork) -> None:
    head = start(network)
    wait_for_trees(head)

    for host in network.hosts:
        host.program().send_signal(signal.SIGTERM)

    assert network.codes(60) == (143, 143, 143)
    assert archives(head.paths) == {}
    assert not left(*network.hosts)
