"""`build.sh` as it is, with tiny images, and a stand-in for ECR to push them to."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.image.ecr import HOST, Ecr, ecr
from tests.image.engine import engine

SCRIPT = Path(__file__).parents[2] / "build.sh"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
IMAGE = "application/vnd.docker.distribution.manifest.v2+json"


def build_sh(*arguments: str, environment: dict[str, str] | None = None, code: int = 0) -> str:
    tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    finished = subprocess.run(
        [SCRIPT, *arguments],
        env=os.environ | {"PATH": tools} | (environment or {}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == code, finished.stdout + finished.stderr
    return finished.stdout if code == 0 else finished.stderr


def build(tag: str, context: Path, **options: Any) -> None:
    """Build an image that is no other's parent, so that it can be removed."""
    engine().images.build(path=str(context), tag=tag, nocache=True, rm=True, **options)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder like this project's: a Dockerfile per architecture, but of tiny images."""
    folder = tmp_path_factory.mktemp("context")
    for name in ("Dockerfile", "Dockerfile.arm64"):
        (folder / name).write_text(f"FROM scratch\nCOPY {name} /\n")
    return folder


@pytest.fixture
def name(context: Path) -> Iterator[str]:
    """Yield a new name of two images, tagged 1.2.3 as build.sh tags them; remove all images of that name."""
    name = f"fleetcast-test-{uuid4().hex}"
    try:
        for arch, file in (("amd64", "Dockerfile"), ("arm64", "Dockerfile.arm64")):
            build(f"{name}:1.2.3-{arch}", context, dockerfile=file, platform=f"linux/{arch}")
        yield name
    finally:
        images = engine().images
        for image in {image.id for full in (name, f"{HOST}/{name}") for image in images.list(full)}:
            images.remove(image, force=True)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ecr]:
    if os.geteuid() != 0 or not shutil.which("docker-registry"):
        pytest.skip("a stand-in for ECR needs root and Debian's package docker-registry")
    with ecr(tmp_path_factory.mktemp("ecr")) as running:
        yield running


@pytest.fixture
def account(registry: Ecr, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user who never logged in."""
    return registry.environment | {"DOCKER_CONFIG": str(tmp_path / "docker")}


def test_a_push_leaves_both_images_and_their_list_as_docker_v2(
    registry: Ecr, account: dict[str, str], name: str
) -> None:
    printed = build_sh("--push-only", "--tag", f"{name}:1.2.3", environment=account)

    images = {arch: registry.manifest(name, f"1.2.3-{arch}") for arch in ("amd64", "arm64")}
    joined = registry.manifest(name, "1.2.3")
    assert f"created the repository {HOST}/{name}" in printed
    assert {image.media_type for image in images.values()} == {IMAGE}
    assert joined.media_type == LIST
    assert {
        entry["platform"]["architecture"]: (entry["digest"], entry["mediaType"])
        for entry in joined.content["manifests"]
    } == {arch: (image.digest, IMAGE) for arch, image in images.items()}


def test_a_second_push_replaces_the_first(
    registry: Ecr, account: dict[str, str], name: str, context: Path
) -> None:
    build_sh("--push-only", "--tag", f"{name}:1.2.3", environment=account)
    first = registry.manifest(name, "1.2.3")
    build(f"{name}:1.2.3-amd64", context, labels={"second": "true"})

    printed = build_sh("--push-only", "--tag", f"{name}:1.2.3", environment=account)

    second = registry.manifest(name, "1.2.3")
    amd64 = registry.manifest(name, "1.2.3-amd64").digest
    assert "created" not in printed
    assert second.digest != first.digest
    assert amd64 in {entry["digest"] for entry in second.content["manifests"]}


def test_a_list_that_an_aborted_push_left_is_not_pushed(
    registry: Ecr, account: dict[str, str], name: str, context: Path
) -> None:
    build_sh("--push-only", "--tag", f"{name}:1.2.3", environment=account)
    joined = f"{HOST}/{name}:1.2.3"
    create = ["docker", "manifest", "create", joined, f"{joined}-amd64", f"{joined}-arm64"]
    subprocess.run(create, env=os.environ | account, check=True)
    build(f"{name}:1.2.3-amd64", context, labels={"second": "true"})

    build_sh("--push-only", "--tag", f"{name}:1.2.3", environment=account)

    amd64 = registry.manifest(name, "1.2.3-amd64").digest
    assert amd64 in {entry["digest"] for entry in registry.manifest(name, "1.2.3").content["manifests"]}


def test_one_architecture_is_pushed_without_a_list(registry: Ecr, account: dict[str, str], name: str) -> None:
    build_sh("--push-only", "--arch", "arm64", "--tag", f"{name}:1.2.3", environment=account)

    assert registry.tags(name) == ["1.2.3-arm64"]


def test_both_architectures_are_built_and_pushed(
    registry: Ecr, account: dict[str, str], name: str, context: Path
) -> None:
    if "linux/arm64" not in subprocess.check_output(["docker", "buildx", "inspect"], text=True):
        pytest.skip("this engine has no emulation of arm64")

    build_sh("--push", "--context", str(context), "--tag", f"{name}:2.0.0", environment=account)

    assert registry.tags(name) == ["2.0.0", "2.0.0-amd64", "2.0.0-arm64"]


def test_the_ray_images_are_pushed_beside_the_others(
    registry: Ecr, account: dict[str, str], name: str, tmp_path: Path
) -> None:
    stages = "FROM scratch AS default\nCOPY Dockerfile /\nFROM default AS ray\nLABEL ray=true\nFROM default\n"
    (tmp_path / "Dockerfile").write_text(stages)
    options = ("--arch", "amd64", "--variant", "both", "--context", str(tmp_path))

    build_sh("--push", *options, "--tag", f"{name}:2.0.0", environment=account)

    assert registry.tags(name) == ["2.0.0-amd64", "2.0.0-ray-amd64"]
    assert registry.manifest(name, "2.0.0-ray-amd64").media_type == IMAGE
    labels = {tag: engine().images.get(f"{name}:2.0.0{tag}").labels for tag in ("-amd64", "-ray-amd64")}
    assert labels == {"-amd64": {}, "-ray-amd64": {"ray": "true"}}


def test_a_ray_image_that_was_not_built_is_named_with_the_command_that_builds_it(name: str) -> None:
    printed = build_sh("--push-only", "--variant", "both", "--tag", f"{name}:1.2.3", code=1)

    missing = (
        f"there is no image {name}:1.2.3-ray-amd64: ./build.sh --local --arch amd64 --variant ray builds it"
    )
    assert printed == f"build.sh: {missing}\n"


def test_a_local_build_carries_the_time_of_the_last_commit(context: Path, name: str) -> None:
    build_sh("--context", str(context), "--tag", f"{name}:2.0.0")

    created = engine().images.get(f"{name}:2.0.0").attrs["Created"]
    commit = subprocess.check_output(["git", "-C", SCRIPT.parent, "log", "-1", "--format=%ct"], text=True)
    assert datetime.fromisoformat(created).timestamp() == int(commit)


def test_an_image_that_was_not_built_is_named(name: str) -> None:
    printed = build_sh("--push-only", "--tag", f"{name}:2.0.0", code=1)

    missing = f"there is no image {name}:2.0.0-amd64: ./build.sh --local --arch amd64 builds it"
    assert printed == f"build.sh: {missing}\n"


def test_an_image_of_another_architecture_is_refused(name: str) -> None:
    engine().images.get(f"{name}:1.2.3-amd64").tag(name, "1.2.3-arm64")

    printed = build_sh("--push-only", "--tag", f"{name}:1.2.3", code=1)

    assert printed == f"build.sh: {name}:1.2.3-arm64 is an image for amd64\n"
