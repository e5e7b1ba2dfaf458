"""A training job over several containers of the ray image, which SageMaker would call its hosts."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from docker.models.containers import Container

from examples import synthetic
from tests.image.engine import engine, run
from tests.image.test_ray_image import RAY_IMAGE

HOSTS = ("algo-1", "algo-2", "algo-3")
CUSTOMERS = 12
SECONDS = 300


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


def start(folder: Path, host: str, readings: Path, network: str, **options: Any) -> Container:
    """Start one host in its own folder of /opt/ml, with Docker's /dev/shm of 64 MB."""
    for path in (folder / host, *(folder / host).rglob("*")):
        path.chmod(0o777)
    return engine().containers.run(
        RAY_IMAGE,
        "train",
        detach=True,
        hostname=host,
        networking_config={network: engine().api.create_endpoint_config(aliases=[host])},
        network=network,
        volumes=[f"{folder / host}:/opt/ml", f"{readings}:/opt/ml/input/data/train:ro"],
        **options,
    )


def train(
    folder: Path, hosts: Sequence[str], readings: Path, network: str, settings: dict[str, str], **options: Any
) -> dict[str, int]:
    """Run the job to its end; return each host's exit code."""
    for host in hosts:
        write_configuration(folder / host, host, hosts, settings)
        (folder / host / "input" / "data" / "train").mkdir(parents=True)
    containers: dict[str, Container] = {}
    try:
        for host in hosts:
            containers[host] = start(folder, host, readings, network, **options)
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


def differing(ours: dict[str, bytes], theirs: dict[str, bytes]) -> list[str]:
    return sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
