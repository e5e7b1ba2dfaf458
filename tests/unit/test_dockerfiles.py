"""The two Dockerfiles differ only in the architecture, and copy every package of the project."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text().splitlines()


def test_the_two_dockerfiles_differ_in_the_architecture_alone() -> None:
    pairs = zip(lines("Dockerfile"), lines("Dockerfile.arm64"), strict=True)

    different = [pair for pair in pairs if pair[0] != pair[1]]

    assert [theirs.replace("arm64", "amd64") for _, theirs in different[1:]] == [
        ours for ours, _ in different[1:]
    ]
    assert [ours for ours, _ in different] == [lines("Dockerfile")[0], "ARG PLATFORM=linux/amd64"]


def test_the_ray_image_adds_packages_and_replaces_none() -> None:
    default, added = (
        set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("image.txt", "image-ray.txt")
    )

    assert {"ray", "xgboost-cpu"} <= added
    assert added & (default | {"xgboost"}) == set()


def test_without_a_target_the_default_image_is_built() -> None:
    stages = [line for line in lines("Dockerfile") if line.startswith("FROM ")]

    assert stages[-2:] == ["FROM default AS ray", "FROM default"]
    assert lines("Dockerfile")[-1] == stages[-1]


def test_every_package_is_copied_into_the_image() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]

    assert len(packages) == 6
    for package in packages:
        assert f"COPY {package} /opt/fleetcast/app/{package}" in lines("Dockerfile")
        assert f"!{package}" in lines(".dockerignore")


def test_the_image_keeps_the_descriptions_of_the_services_that_its_programs_call() -> None:
    sources = [path.read_text() for path in ROOT.glob("[cfpst]*/**/*.py") if "tests" not in path.parts]
    called = set(re.findall(r"\bclient\(\s*\"([a-z0-9-]+)\"", "\n".join(sources)))
    kept = set(re.findall(r"! -name (\S+)", (ROOT / "container" / "image" / "slim.sh").read_text()))

    assert {"s3", "sagemaker", "sagemaker-featurestore-runtime"} <= called
    assert called - kept == set()
