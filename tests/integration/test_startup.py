"""Model folders that `serve` can start with, and those that end it at once with a reason."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from container import Paths
from fleetcast.archive import BundleWriter
from testbed.server import free_port, installed, serving_plain
from tests.unit.models import model_text, packed_model


def run_serve(base: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `serve` with a folder or setting that ends it at once."""
    settings = {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_BIND_TO_PORT": str(free_port())} | environment
    return subprocess.run(
        installed("serve"),
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def write_bundle(path: Path, customers: int = 200) -> Path:
    with BundleWriter(path) as bundle:
        for customer in range(customers):
            bundle.add(str(customer), packed_model(7.0))
        bundle.finish()
    return path


def write_archive_too_deep(folder: Path) -> None:
    (folder / "models").mkdir()
    (folder / "models" / "7.tar.gz").write_bytes(packed_model(7.0))


def write_model_too_deep(folder: Path) -> None:
    (folder / "7" / "model").mkdir(parents=True)
    (folder / "7" / "model" / "model.json").write_text(model_text(7.0))


def write_damaged_bundle(folder: Path) -> None:
    path = write_bundle(folder / "fleet-algo-1.sqlite")
    path.write_bytes(b"x" * 100 + path.read_bytes()[100:])


def write_short_bundle(folder: Path) -> None:
    path = write_bundle(folder / "fleet-algo-1.sqlite")
    path.write_bytes(path.read_bytes()[:-8_192])
    (folder / "7.tar.gz").write_bytes(packed_model(7.0))


def write_own_code(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text("def model_fn(model_dir): ...")


def write_own_code_and_a_model(folder: Path) -> None:
    write_own_code(folder)
    (folder / "model.json").write_text('{"learner": {}}')


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda _folder: None, "there is nothing to serve"),
        (write_archive_too_deep, "models/7.tar.gz lies too deep"),
        (write_model_too_deep, "7/model/model.json lies too deep"),
        (write_damaged_bundle, "fleet-algo-1.sqlite is damaged"),
        (write_short_bundle, "fleet-algo-1.sqlite is damaged"),
        (lambda folder: write_bundle(folder / "fleet-algo-1.sqlite", 0), "there is nothing to serve"),
        (lambda folder: (folder / "notes.txt").write_text("hello"), "there is nothing to serve"),
        (write_own_code, "ALLOW_ARCHIVE_CODE=true"),
        (write_own_code_and_a_model, "ALLOW_ARCHIVE_CODE=true"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_endpoint_with_nothing_to_serve_ends_with_the_reason(
    tmp_path: Path, write: Callable[[Path], object], reason: str
) -> None:
    paths = Paths(tmp_path)
    paths.model.mkdir(parents=True)
    write(paths.model)

    ended = run_serve(tmp_path)

    assert ended.returncode == 1
    assert reason in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_archives_of_several_regions_are_served_by_region_and_customer(tmp_path: Path) -> None:
    for region in ("eu", "us"):
        (tmp_path / "model" / region).mkdir(parents=True)
        (tmp_path / "model" / region / "7.tar.gz").write_bytes(packed_model(7.0))

    with serving_plain(tmp_path) as server:
        answer = server.request("POST", "/invocations", b'{"target_model": "us/7"}')

    assert answer.json["target_model"] == "us/7"


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])  # noqa: S104 -- a test of just that
def test_a_port_in_use_is_one_line_that_names_the_setting(tmp_path: Path, address: str) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "7.tar.gz").write_bytes(packed_model(7.0))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as taken:
        ended = run_serve(tmp_path, SAGEMAKER_BIND_TO_PORT=str(taken.getsockname()[1]))

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "SAGEMAKER_BIND_TO_PORT" in line
    assert "Address already in use" in line


def test_proxies_in_the_environment_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "7.tar.gz").write_bytes(packed_model(7.0))
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"), "http://127.0.0.1:9")

    with serving_plain(tmp_path, **proxies) as server:
        answer = server.request("POST", "/invocations", b'{"target_model": "7"}')

    assert answer.status == 200
