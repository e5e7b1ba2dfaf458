"""Starts the real programs, and sends requests to them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

START_SECONDS = 60
STOP_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 80

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        kind = {"Content-Type": content_type} if body is not None else {}
        request = urllib.request.Request(self.url + path, body, kind | dict(headers or {}), method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return Answer(response.status, response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read())

    def load(self, name: str, url: Path | str) -> Answer:
        return self.request("POST", "/models", json.dumps({"model_name": name, "url": str(url)}).encode())

    def invoke(self, name: str, body: object) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", f"/models/{name}/invoke", content)


def without_process(url: str) -> Server:
    """Return a server that runs already."""
    return Server(url.rstrip("/"), None)  # type: ignore[arg-type] # its process is not needed


def run(program: str, *arguments: str, base: Path) -> subprocess.CompletedProcess[str]:
    """Run `process` or `train` to its end."""
    command = [*installed(program), *arguments]
    return subprocess.run(
        command,
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def serving(base: Path, **environment: str) -> Iterator[Server]:
    """Run `serve` in a session of its own until the block ends; nothing of it is left afterwards."""
    port = free_port()
    settings = {"SAGEMAKER_BASE_DIR": str(base), "SAGEMAKER_MULTI_MODEL": "true"}
    settings |= {"SAGEMAKER_BIND_TO_PORT": str(port)} | environment
    process = subprocess.Popen(installed("serve"), env=os.environ | settings, start_new_session=True)
    server = Server(f"http://127.0.0.1:{port}", process)
    try:
        wait_for_an_answer(server, "/models" if settings["SAGEMAKER_MULTI_MODEL"] else "/ping")
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def serving_plain(base: Path, **environment: str) -> Iterator[Server]:
    """Run `serve` as on a plain, serverless or asynchronous endpoint."""
    with serving(base, SAGEMAKER_MULTI_MODEL="", **environment) as server:
        yield server


def wait_for_an_answer(server: Server, path: str = "/models") -> None:
    """Wait until GET /models is answered; Multi Model Server answers /ping too early."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.process.poll() is None, f"the server ended with {server.process.returncode}"
        try:
            if server.request("GET", path).status == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"no answer within {START_SECONDS} s")


def installed(program: str) -> list[str]:
    """Return the command that starts a program of the image."""
    return [str(Path(sys.executable).with_name("fleetcast")), program]


def free_port() -> int:
    """Return a free port below 32,767, the highest that Multi Model Server accepts."""
    for port in range(20_000 + os.getpid() % 10_000, 32_767):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no free port")
