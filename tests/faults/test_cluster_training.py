"""`train` with the engine `ray` on the hosts of a job, which make a Ray cluster of their own."""

import json
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from container import Paths
from tests.faults.host_network import WAIT_SECONDS, HostNetwork, host_network, unusable
from tests.faults.training_job import CUSTOMERS, archives, complete, hyperparameters, stamps

pytest.importorskip("ray", reason="needs the extra fleetcast[ray]")
pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(bool(why := unusable()), reason=f"no network of hosts can be made: {why}"),
]


@pytest.fixture
def network(tmp_path: Path, paths: Paths) -> Iterator[HostNetwork]:
    """Return hosts that all have the customers of `paths`."""
    with host_network(tmp_path / "hosts") as hosts:
        for host in hosts.hosts:
            shutil.copytree(paths.channels, host.paths.channels)
            hyperparameters(host.paths, engine="ray")
            config = {"train": {"S3DistributionType": "FullyReplicated"}}
            (host.paths.config / "inputdataconfig.json").write_text(json.dumps(config))
        yield hosts


def start(network: HostNetwork, **variables: str) -> None:
    for host in network.hosts:
        host.start("fleetcast", "train", CLUSTER_JOIN_SECONDS="180", **variables)


HELD = """\
import sys
if "forkserver" in " ".join(sys.orig_argv):
    import os, time
    from pathlib import Path
    import train.customer.train_customer as module
    begun, read = Path({begun!r}), module.file_contents
    def held(customer):
        if os.uname().nodename == "algo-3":
            begun.touch()
            time.sleep(3_600)
        while not begun.exists():
            time.sleep(0.01)
        return read(customer)
    module.file_contents = held
"""
"""Customers on the third host never end, and those on others begin once it has one."""


def start_with_a_host_that_does_not_end(network: HostNetwork, folder: Path) -> None:
    """Start the job, and wait until it has written an archive."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HELD.format(begun=str(folder / "begun")))
    for host in network.hosts:
        hyperparameters(host.paths, engine="ray", models="auto")
    start(network, PYTHONPATH=str(folder))
    end = time.monotonic() + WAIT_SECONDS
    while not archives(network.hosts[0].paths):
        assert time.monotonic() < end
        time.sleep(0.01)


def statuses(paths: Paths) -> dict[str, str]:
    """Return the status of each customer in the ledger, which has each once."""
    lines = [json.loads(line) for line in (paths.output_data / "train.jsonl").read_text().splitlines()]
    found = {line["customer"]: line["status"] for line in lines}
    assert len(found) == len(lines)
    return found


def test_the_head_writes_the_same_archives_as_one_host_alone(network: HostNetwork, paths: Paths) -> None:
    start(network)

    assert network.codes() == (0, 0, 0)
    assert complete(paths) == 0
    assert archives(network.hosts[0].paths) == archives(paths)
    assert set(statuses(network.hosts[0].paths).values()) == {"ok"}
    assert [archives(host.paths) for host in network.hosts[1:]] == [{}, {}]


def test_every_customer_has_one_outcome_though_a_host_is_killed(
    network: HostNetwork, paths: Paths, tmp_path: Path
) -> None:
    head = network.hosts[0].paths
    start_with_a_host_that_does_not_end(network, tmp_path / "held")

    network.hosts[2].kill()

    assert network.codes()[:2] == (0, 0)
    assert set(statuses(head)) == {folder.name for folder in (paths.channels / "train").iterdir()}
    assert set(statuses(head).values()) == {"ok"}
    assert set(archives(head)) == {f"{customer}.tar.gz" for customer in statuses(head)}


def test_a_stopped_job_keeps_what_is_done_and_the_next_one_completes_it(
    network: HostNetwork, paths: Paths, tmp_path: Path
) -> None:
    head = network.hosts[0].paths
    start_with_a_host_that_does_not_end(network, tmp_path / "held")

    for host in network.hosts:
        host.program().send_signal(signal.SIGTERM)

    assert network.codes() == (143, 143, 143)
    before = stamps(head)
    assert 0 < len(before) < CUSTOMERS
    assert set(statuses(head)) == {name.removesuffix(".tar.gz") for name in before}

    start(network)

    assert network.codes() == (0, 0, 0)
    assert set(statuses(head)) == {folder.name for folder in (paths.channels / "train").iterdir()}
    assert before.items() <= stamps(head).items()
