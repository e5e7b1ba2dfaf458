"""The Docker engine, by its Python client, and containers that serve."""

import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from testbed.server import Server, without_process

IMAGE = os.environ.get("FLEETCAST_IMAGE", "fleetcast:latest")
START_SECONDS = 60
LOCKED_DOWN: dict[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": ""},  # noqa: S108 -- the container's
    "user": "1000",
    "cap_drop": ["ALL"],
}


@cache
def engine() -> docker.DockerClient:
    """Return a client of the engine that the docker command would talk to."""
    return docker.from_env(timeout=600)


def run(*command: str, image: str = IMAGE, **options: Any) -> str:
    """Run a container to its end, remove it, and return what it printed; `ContainerError` if it failed."""
    printed: bytes = engine().containers.run(image, command, remove=True, stderr=True, **options)
    return printed.decode()


@contextmanager
def serving(
    ml: Path, *, path: str = "/ping", image: str = IMAGE, seconds: float = START_SECONDS, **options: Any
) -> Iterator[tuple[Container, Server]]:
    """Run `serve` until the block ends; yield the container and its server once `path` is answered."""
    options |= {"volumes": [f"{ml}:/opt/ml"], "ports": {"8080/tcp": ("127.0.0.1", None)}}
    container = engine().containers.run(image, "serve", detach=True, **options)
    try:
        container.reload()
        server = without_process(f"http://127.0.0.1:{container.ports['8080/tcp'][0]['HostPort']}")
        _wait(container, server.url + path, seconds)
        yield container, server
    finally:
        container.remove(force=True, v=True)


@contextmanager
def serving_many(ml: Path, *environment: str, **options: Any) -> Iterator[tuple[Container, Server]]:
    """Run `serve` for a multi-model endpoint, with more variables such as "SERVING_STACK=gunicorn"."""
    variables = ["SAGEMAKER_MULTI_MODEL=true", *environment]
    with serving(ml, path="/models", environment=variables, **options) as running:
        yield running


def _wait(container: Container, url: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(container.logs().decode())
