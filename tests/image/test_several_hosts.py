"""A training job over several containers of the ray image, which SageMaker would call its hosts."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from docker.models.containers import Container

from examples import synthetic
from tests.image.engine import LOCKED_DOWN, engine, run
from tests.image.test_ray_image import PYTHON, RAY_IMAGE, TOKEN

HOSTS = ("algo-1", "algo-2", "algo-3")
CUSTOMERS = 12
SECONDS = 300
ADDRESS = "algo-1:6379"
RAY = (
    *("-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--disable-usage-stats"),
    # Docker's /dev/shm has 64 MB, and Ray asks for 75 MB at least
    *("--object-store-memory=80000000", "--plasma-directory=/tmp"),
)
NODES = f"import ray; ray.init('{ADDRESS}', log_to_driver=False); print('nodes:', len(ray.nodes()))"


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    if not engine().images.list(RAY_IMAGE):
        pytest.skip(f"there is no {RAY_IMAGE}: ./build.sh --variant both")


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a channel with a folder per customer, as `process` makes it."""
    folder = tmp_path_factory.mktemp("processing")
    folder.chmod(0o755)
    (folder / "processing" / "input").mkdir(parents=True)
    synthetic.write(folder / "processing" / "input" / "readings.csv.gz", customers=CUSTOMERS, rows=200)
    run("process", image=RAY_IMAGE, volumes=[f"{folder}:/opt/ml"])
    return folder / "processing" / "output"


@pytest.fixture
def network() -> Iterator[str]:
    """Yield a network on which containers find each other by name, and nothing else."""
    created = engine().networks.create(f"fleetcast-test-{uuid4().hex}", internal=True)
    try:
        yield str(created.name)
    finally:
        created.remove()


def write_configuration(base: Path, host: str, hosts: Sequence[str], settings: dict[str, str]) -> None:
    folder = base / "input" / "config"
    folder.mkdir(parents=True)
    resources = {"current_host": host, "hosts": list(hosts), "network_interface_name": "eth0"}
    (folder / "resourceconfig.json").write_text(json.dumps(resources))
    channels = {"train": {"S3DistributionType": "FullyReplicated"}}
    (folder / "inputdataconfig.json").write_text(json.dumps(channels))
    (folder / "hyperparameters.json").write_text(json.dumps(settings))


def open_to_every_user(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)


def start(
    host: str, command: Sequence[str], network: str, volumes: Sequence[str], **options: Any
) -> Container:
    """Start a container that others on the network find by the host's name, with /dev/shm of 64 MB."""
    return engine().containers.run(
        RAY_IMAGE,
        command,
        detach=True,
        hostname=host,
        network=network,
        networking_config={network: engine().api.create_endpoint_config(aliases=[host])},
        volumes=volumes,
        **options,
    )


def train(
    folder: Path, hosts: Sequence[str], readings: Path, network: str, settings: dict[str, str], **options: Any
) -> dict[str, int]:
    """Run the job to its end; return each host's exit code."""
    for host in hosts:
        write_configuration(folder / host, host, hosts, settings)
        (folder / host / "input" / "data" / "train").mkdir(parents=True)
        open_to_every_user(folder / host)
    containers: dict[str, Container] = {}
    try:
        for host in hosts:
            volumes = [f"{folder / host}:/opt/ml", f"{readings}:/opt/ml/input/data/train:ro"]
            containers[host] = start(host, ["train"], network, volumes, **options)
        codes = {host: each.wait(timeout=SECONDS)["StatusCode"] for host, each in containers.items()}
        for host, each in containers.items():
            (folder / f"{host}.log").write_bytes(each.logs())
        return codes
    finally:
        for each in containers.values():
            each.remove(force=True, v=True)


def archives(base: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (base / "checkpoints").glob("*.tar.gz")}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, readings: Path) -> dict[str, bytes]:
    """Return the archives of a job on one host without Ray."""
    folder = tmp_path_factory.mktemp("one")
    write_configuration(folder, "algo-1", ["algo-1"], {})
    run("train", image=RAY_IMAGE, volumes=[f"{folder}:/opt/ml", f"{readings}:/opt/ml/input/data/train:ro"])
    return archives(folder)


def test_without_ray_each_host_writes_the_archives_of_its_share(
    tmp_path: Path, readings: Path, network: str, expected: dict[str, bytes]
) -> None:
    codes = train(tmp_path, HOSTS, readings, network, {})

    written = [archives(tmp_path / host) for host in HOSTS]
    together = {name: archive for share in written for name, archive in share.items()}
    assert codes == dict.fromkeys(HOSTS, 0)
    assert [len(share) for share in written] == [CUSTOMERS // len(HOSTS)] * len(HOSTS)
    assert differing(together, expected) == []


@pytest.mark.parametrize("options", [{}, LOCKED_DOWN], ids=["as root", "locked down"])
def test_with_ray_the_first_host_writes_the_archives_of_all(
    tmp_path: Path, readings: Path, network: str, expected: dict[str, bytes], options: dict[str, Any]
) -> None:
    codes = train(tmp_path, HOSTS, readings, network, {"engine": "ray"}, **options)

    logs = {host: (tmp_path / f"{host}.log").read_text() for host in HOSTS}
    assert codes == dict.fromkeys(HOSTS, 0), logs
    assert f"{CUSTOMERS} customers for {len(HOSTS)} hosts" in logs["algo-1"]
    assert differing(archives(tmp_path / "algo-1"), expected) == []
    assert [archives(tmp_path / host) for host in HOSTS[1:]] == [{}, {}]


@contextmanager
def cluster(folder: Path, readings: Path, network: str) -> Iterator[Container]:
    """Run a Ray cluster of two locked-down containers; yield the first, with `folder` at /opt/ml."""
    variables = {"RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1", "RAY_ADDRESS": ADDRESS, **TOKEN}
    options = {"entrypoint": PYTHON, "environment": variables, **LOCKED_DOWN}
    channel = f"{readings}:/opt/ml/input/data/train:ro"
    head = [*RAY, "--head", "--port=6379", "--include-dashboard=false"]
    containers = [start("algo-1", head, network, [f"{folder}:/opt/ml", channel], **options)]
    try:
        other = [*RAY, f"--address={ADDRESS}"]
        containers.append(start("algo-2", other, network, [channel], **options))
        yield containers[0]
    finally:
        for each in containers:
            each.remove(force=True, v=True)


def test_a_job_on_a_ray_cluster_of_containers_writes_the_archives_of_a_job_without_ray(
    tmp_path: Path, readings: Path, network: str, expected: dict[str, bytes]
) -> None:
    write_configuration(tmp_path, "algo-1", ["algo-1"], {"engine": "ray"})
    (tmp_path / "input" / "data" / "train").mkdir(parents=True)
    open_to_every_user(tmp_path)

    with cluster(tmp_path, readings, network) as head:
        deadline = time.monotonic() + SECONDS
        while b"nodes: 2" not in head.exec_run([PYTHON, "-c", NODES]).output:
            assert time.monotonic() < deadline
        finished = head.exec_run(["fleetcast", "train"])

    log = finished.output.decode()
    assert finished.exit_code == 0, log
    assert f"{CUSTOMERS} customers for 2 hosts with 2 processors" in log
    assert differing(archives(tmp_path), expected) == []
    assert len(expected) == CUSTOMERS


def differing(ours: dict[str, bytes], theirs: dict[str, bytes]) -> list[str]:
    return sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
