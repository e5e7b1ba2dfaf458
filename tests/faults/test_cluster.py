"""Hosts of a job as one Ray cluster: hosts that are missing, late, killed, cut off, stopped.

The hosts are namespaces of this machine with 64 MB of /dev/shm, see `host_network`.
"""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.cluster_program import FREE_TASKS, TASKS
from tests.faults.host_network import ROOT, WAIT_SECONDS, FakeHost, HostNetwork, host_network, unusable

pytest.importorskip("ray", reason="needs the extra fleetcast[ray]")
pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(bool(why := unusable()), reason=f"no network of hosts can be made: {why}"),
]
Report = Callable[[str], None]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[HostNetwork]:
    with host_network(tmp_path) as hosts:
        yield hosts


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Return a path that all hosts see, without a file: tasks wait for it."""
    return tmp_path / "gate"


def start(*hosts: FakeHost, code: int = 0, gate: Path | None = None, **variables: str) -> None:
    """Start the job, which ends with the code; the second half of its tasks waits for the file `gate`."""
    variables = {"CLUSTER_JOIN_SECONDS": "180", "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"} | variables
    arguments = ("0.2", str(code), str(gate or ROOT))
    for host in hosts:
        host.start("tests.faults.cluster_program", *arguments, **variables)


def tasks(network: HostNetwork) -> dict[int, str]:
    """Return the host that did each task, by number; no task is written twice."""
    file = network.hosts[0].paths.output_data / "tasks"
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    done = {int(number): host for number, host, _ in lines}
    assert len(done) == len(lines)
    return done


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def wait_for_tasks(network: HostNetwork) -> None:
    """Wait until all tasks are done that do not wait, by all hosts; the others keep all hosts busy."""
    wait_until(lambda: len(tasks(network)) == FREE_TASKS)
    assert len(set(tasks(network).values())) == len(network.hosts)


def wait_for_log(host: FakeHost, text: str) -> None:
    wait_until(lambda: text in host.log)


def numbers_in_log(host: FakeHost) -> list[int]:
    """Return the tasks that have written to the log of the host."""
    return [int(number) for number in re.findall(r"task (\d+) is here", host.log)]


def test_three_hosts_become_one_cluster_and_end_with_the_job(network: HostNetwork) -> None:
    for host in network.hosts:  # a folder with the name of one of our packages changes nothing
        (host.folder / "container").mkdir()
        (host.folder / "container" / "__init__.py").write_text("raise RuntimeError('not ours')")

    start(*network.hosts)

    assert network.codes() == (0, 0, 0)
    assert set(tasks(network)) == set(range(TASKS))
    assert set(tasks(network).values()) == {"algo-1", "algo-2", "algo-3"}
    assert {number: host.name for host in network.hosts for number in numbers_in_log(host)} == tasks(network)
    assert [host.temporary for host in network.hosts] == [[], [], []]
    assert [("WARNING" in host.log, "ERROR" in host.log) for host in network.hosts] == [(False, False)] * 3


def test_the_head_ends_with_the_code_of_the_job_though_ray_must_be_killed(
    network: HostNetwork, gate: Path
) -> None:
    start(*network.hosts, code=3, gate=gate)
    wait_for_tasks(network)
    for host in network.hosts:
        host.process_of("ray.scripts.scripts").suspend()
    gate.touch()

    assert network.codes() == (3, 0, 0)
    assert len(tasks(network)) == TASKS


def test_a_host_that_joins_late_takes_part(network: HostNetwork) -> None:
    start(*network.hosts[:2])
    wait_for_log(network.hosts[1], "joins the Ray cluster")
    time.sleep(5)
    start(network.hosts[2])

    assert network.codes() == (0, 0, 0)
    assert "algo-3" in tasks(network).values()


def test_hosts_that_never_come_are_named_on_every_host(network: HostNetwork) -> None:
    network.hosts[2].unplug()

    start(*network.hosts, CLUSTER_JOIN_SECONDS="60")

    assert network.codes() == (1, 1, 1)
    for host in network.hosts[:2]:
        assert "2 of 3 hosts have joined the Ray cluster" in host.log
        assert "missing: 'algo-3'" in host.log
    assert "the head 'algo-1' does not answer at 10.91.0.1:6379" in network.hosts[2].log
    assert tasks(network) == {}


def test_a_host_whose_ray_is_killed_fails_and_the_others_complete_the_job(
    network: HostNetwork, gate: Path
) -> None:
    start(*network.hosts, gate=gate)
    wait_for_tasks(network)

    network.hosts[1].process_of("raylet").kill()

    assert network.hosts[1].wait(WAIT_SECONDS) == 1
    gate.touch()
    assert network.codes() == (0, 1, 0)
    assert set(tasks(network)) == set(range(TASKS))
    assert "Ray ended on this host before the job was over" in network.hosts[1].log


def test_the_others_fail_once_the_head_is_gone(network: HostNetwork, gate: Path, report: Report) -> None:
    start(*network.hosts, gate=gate)
    wait_for_tasks(network)

    network.hosts[0].kill()
    killed = time.monotonic()

    assert network.codes() == (128 + signal.SIGKILL, 1, 1)
    report(f"head killed: the other hosts end after {time.monotonic() - killed:.1f} s")
    for host in network.hosts[1:]:
        assert "the head is gone: 'algo-1' has not answered" in host.log
        assert host.temporary == []


@pytest.mark.parametrize("process", ["gcs_server", "raylet"])
def test_every_host_fails_once_ray_is_gone_from_the_head(
    network: HostNetwork, gate: Path, report: Report, process: str
) -> None:
    start(*network.hosts, gate=gate)
    wait_for_tasks(network)

    network.hosts[0].process_of(process).kill()
    killed = time.monotonic()

    assert network.codes() == (1, 1, 1)
    report(f"{process} of the head killed: all hosts end after {time.monotonic() - killed:.1f} s")
    reason = "Ray ended on the head before the job was over"
    assert reason in network.hosts[0].log
    assert network.hosts[0].paths.failure.read_text().startswith(reason)
    assert network.hosts[0].temporary == []
    for host in network.hosts[1:]:
        assert "the head is gone: 'algo-1' has not answered" in host.log


def test_a_host_that_is_cut_off_fails_and_the_others_complete_the_job(
    network: HostNetwork, gate: Path, report: Report
) -> None:
    start(*network.hosts, gate=gate)
    wait_for_tasks(network)

    network.hosts[2].unplug()
    cut = time.monotonic()

    assert network.hosts[2].wait(WAIT_SECONDS) == 1
    gate.touch()
    report(f"host cut off: it ends after {time.monotonic() - cut:.1f} s")
    assert "the head is gone" in network.hosts[2].log
    assert network.codes() == (0, 0, 1)
    assert set(tasks(network)) == set(range(TASKS))


def test_a_stop_ends_the_job_on_every_host(network: HostNetwork, gate: Path, report: Report) -> None:
    start(*network.hosts, gate=gate)
    wait_for_tasks(network)

    for host in network.hosts:
        host.program().send_signal(signal.SIGTERM)
    stopped = time.monotonic()

    assert network.codes() == (143, 143, 143)
    report(f"SIGTERM: all hosts end after {time.monotonic() - stopped:.1f} s")
    assert len(tasks(network)) == FREE_TASKS
    assert [host.temporary for host in network.hosts] == [[], [], []]


def test_a_stop_ends_hosts_that_wait_for_others(network: HostNetwork) -> None:
    start(*network.hosts[:2])
    wait_for_log(network.hosts[1], "joins the Ray cluster")

    for host in network.hosts[:2]:
        host.program().send_signal(signal.SIGTERM)

    assert network.codes() == (143, 143)
    assert [host.temporary for host in network.hosts[:2]] == [[], []]


ASK = """
import sys
from ray._raylet import GcsClient
print(len(GcsClient("10.91.0.1:6379").get_all_node_info()))
"""


def ask(host: FakeHost, **variables: str) -> subprocess.CompletedProcess[str]:
    """Ask the head for its nodes from another host."""
    return subprocess.run(
        ["ip", "netns", "exec", host.namespace, sys.executable, "-c", ASK],
        env=variables,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def test_only_a_process_with_the_token_is_served(network: HostNetwork, gate: Path) -> None:
    start(*network.hosts, gate=gate, TRAINING_JOB_ARN="arn:aws:sagemaker:eu-west-1:1:training-job/fleet-1")
    wait_for_log(network.hosts[0], "3 hosts in one Ray cluster")
    (token,) = {path.read_text() for host in network.hosts for path in host.folder.glob("tmp/ray-*/token")}
    asking = network.hosts[1]

    with_token = ask(asking, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token)
    without = ask(asking)
    with_another = ask(asking, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0" * 64)

    assert (with_token.returncode, with_token.stdout.strip()) == (0, "3")
    assert (without.returncode, with_another.returncode) != (0, 0)
    assert "uthenticat" in without.stderr
    assert "uthenticat" in with_another.stderr
    for host in network.hosts:
        assert token not in host.log
        texts = [path.read_bytes() for path in host.folder.glob("tmp/ray-*/**/*.log")]
        commands = host.commands()
        assert texts
        assert commands
        assert not any(token.encode() in text for text in texts)
        assert not any(token in command for command in commands)
