"""A stand-in for ECR: moto is the API, docker-registry answers to the host name, with TLS and a password."""

import base64
import json
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError

from tests.aws import ACCOUNT, moto
from tests.image.engine import engine

REGION = "eu-central-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
# The user and the password that moto's GetAuthorizationToken gives; the hash is bcrypt's
USER, LOGIN = "AWS", f"{ACCOUNT}-auth-token"
HTPASSWD = "AWS:$2b$04$fleetcastfleetcastfleeNyIeKNb8GjnwrpQ3zAxYwiXDgdWjuzm"
START_SECONDS = 60
CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}
http: {{addr: "{address}:443", tls: {{certificate: {folder}/tls.crt, key: {folder}/tls.key}}}}
auth: {{htpasswd: {{realm: ECR, path: {folder}/htpasswd}}}}
"""
ACCEPTED = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "docker.distribution.manifest.v2",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "oci.image.index.v1",
    )
)


@dataclass(frozen=True)
class Manifest:
    media_type: str
    digest: str
    content: Any


@dataclass(frozen=True)
class Ecr:
    folder: Path
    environment: dict[str, str]

    def manifest(self, repository: str, tag: str) -> Manifest:
        """Return a manifest as the registry itself serves it."""
        with self._get(f"{repository}/manifests/{tag}") as answer:
            kind, digest = answer.headers["Content-Type"], answer.headers["Docker-Content-Digest"]
            return Manifest(kind, digest, json.load(answer))

    def tags(self, repository: str) -> list[str]:
        with self._get(f"{repository}/tags/list") as answer:
            return sorted(json.load(answer)["tags"])

    def _get(self, path: str) -> Any:
        login = base64.b64encode(f"{USER}:{LOGIN}".encode()).decode()
        headers = {"Accept": ACCEPTED, "Authorization": f"Basic {login}"}
        trust = ssl.create_default_context(cafile=str(self.folder / "tls.crt"))
        request = urllib.request.Request(f"https://{HOST}/v2/{path}", headers=headers)
        return urllib.request.urlopen(request, timeout=60, context=trust)


@contextmanager
def ecr(folder: Path) -> Iterator[Ecr]:
    """Run API and registry until the block ends; undo every change to this machine afterwards."""
    # Docker would not require TLS on a loopback address
    address = engine().networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    _certificate(folder)
    (folder / "htpasswd").write_text(f"{HTPASSWD}\n")
    (folder / "registry.yml").write_text(CONFIGURATION.format(folder=folder, address=address))
    with _resolved(address), _trusted(folder / "tls.crt"), moto(REGION) as environment:
        registry = subprocess.Popen(["docker-registry", "serve", folder / "registry.yml"])
        try:
            _wait(registry)
            yield Ecr(folder, environment)
        finally:
            registry.terminate()
            registry.wait(START_SECONDS)


def _certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}")
    files = ("-keyout", folder / "tls.key", "-out", folder / "tls.crt")
    subprocess.run([*command, *names, *files], check=True, capture_output=True)


@contextmanager
def _resolved(address: str) -> Iterator[None]:
    """Resolve the host name to `address` until the block ends."""
    hosts, line = Path("/etc/hosts"), f"{address} {HOST}\n"
    hosts.write_text(f"{hosts.read_text().rstrip()}\n{line}")
    try:
        yield
    finally:
        hosts.write_text(hosts.read_text().replace(line, ""))


@contextmanager
def _trusted(certificate: Path) -> Iterator[None]:
    """Let Docker trust the certificate until the block ends."""
    folder = Path("/etc/docker/certs.d") / HOST
    new_folders = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    trusted = folder / "ca.crt"
    trusted.write_bytes(certificate.read_bytes())
    try:
        yield
    finally:
        trusted.unlink()
        for path in new_folders:
            path.rmdir()


def _wait(registry: subprocess.Popen[bytes]) -> None:
    """Wait until the engine can log in; for some seconds it may remember an older /etc/hosts."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert registry.poll() is None, f"docker-registry ended with {registry.returncode}"
        try:
            engine().login(USER, LOGIN, registry=HOST, reauth=True)
        except APIError as error:
            refused = error
            time.sleep(0.2)
        else:
            return
    raise refused
