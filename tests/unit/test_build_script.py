"""Output and errors of build.sh without a Docker engine; tests/image/test_build.py runs it with one."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "dirname", "env", "git", "grep", "sed", "sort", "tr", "uname")
AWS = Path(sys.executable).with_name("aws")
OCI = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Machine:
    """A PATH with chosen commands only."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def script(self, name: str, text: str) -> None:
        (self.path / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.path / name).chmod(0o755)

    def build(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "build.sh", *arguments],
            env={"PATH": str(self.path), "HOME": str(self.path)} | self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def refusal(self, *arguments: str) -> str:
        finished = self.build(*arguments)
        assert finished.returncode == 1, finished.stdout
        return finished.stderr.removeprefix("build.sh: ").rstrip("\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for tool in TOOLS:
        path = shutil.which(tool)
        assert path is not None, tool
        (tmp_path / tool).symlink_to(path)
    return Machine(tmp_path)


def test_the_help_names_every_argument(machine: Machine) -> None:
    printed = machine.build("--help").stdout

    loop = (ROOT / "build.sh").read_text().partition("read_arguments() {")[2].partition("\n}\n")[0]
    accepted = set(re.findall(r"--[a-z-]+", loop)) - {"--help"}
    assert len(accepted) == 9
    assert {name for name in accepted if not re.search(rf"{name}\b(?!-)", printed)} == set()


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["--frobnicate"], "unknown argument --frobnicate; ./build.sh --help says what is accepted"),
        (["--arch"], "--arch needs a value; ./build.sh --help says which"),
        (["--arch", "riscv64"], "--arch must be amd64, arm64 or both, not 'riscv64'"),
        (["--variant", "spark"], "--variant must be default, ray or both, not 'spark'"),
        (["--tag", "Fleetcast"], "--tag must be a name such as fleetcast:test, not 'Fleetcast'"),
    ],
)
def test_the_error_about_a_wrong_argument_names_what_is_accepted(
    machine: Machine, arguments: list[str], printed: str
) -> None:
    assert machine.refusal(*arguments) == printed


def test_a_dry_run_needs_neither_docker_nor_credentials(machine: Machine) -> None:
    finished = machine.build("--push", "--dry-run", "--region", "eu-central-1", "--tag", "fleetcast:1.2.3")

    lines = finished.stdout.splitlines()
    assert (finished.returncode, finished.stderr) == (0, "")
    assert [" ".join(line.split()[:3]) for line in lines] == [
        *["docker buildx build", "docker run --rm"],
        *["docker buildx build", "docker run --rm"],
        "aws ecr describe-repositories",
        "aws ecr get-login-password",
        *["docker tag fleetcast:1.2.3-amd64", "docker push --quiet", "docker manifest inspect"],
        *["docker tag fleetcast:1.2.3-arm64", "docker push --quiet", "docker manifest inspect"],
        *["docker manifest create", "docker manifest push", "docker manifest inspect"],
    ]
    assert lines[-1].endswith(".dkr.ecr.eu-central-1.amazonaws.com/fleetcast:1.2.3")


def test_each_architecture_is_built_from_its_own_dockerfile(machine: Machine) -> None:
    printed = machine.build("--dry-run", "--arch", "both").stdout.splitlines()
    lines = [line for line in printed if line.startswith("docker buildx build")]

    made = [re.findall(r"--platform (\S+)|--file \S*/(\S+)", line) for line in lines]
    assert made == [
        [("linux/amd64", ""), ("", "Dockerfile")],
        [("linux/arm64", ""), ("", "Dockerfile.arm64")],
    ]


def test_the_ray_image_is_another_target_of_the_same_dockerfile(machine: Machine) -> None:
    machine.script("uname", "echo x86_64")
    printed = machine.build("--dry-run", "--arch", "arm64", "--variant", "both", "--tag", "fleetcast:1.2.3")
    builds = [line for line in printed.stdout.splitlines() if line.startswith("docker buildx build")]
    lists = [line for line in printed.stdout.splitlines() if line.startswith("docker run")]

    default, ray = (line.split() for line in builds)
    assert [part for part in ray if part not in default] == ["--target", "ray", "fleetcast:1.2.3-ray-arm64"]
    assert [part for part in default if part not in ray] == ["fleetcast:1.2.3-arm64"]
    assert [line.rpartition("/")[2] for line in lists] == [
        "fleetcast-1.2.3-arm64.cdx.json",
        "fleetcast-1.2.3-ray-arm64.cdx.json",
    ]


def test_each_variant_has_its_own_tags_on_this_machine(machine: Machine) -> None:
    machine.script("uname", "echo x86_64")

    printed = machine.build("--dry-run", "--variant", "ray").stdout

    tags = re.findall(r"--tag (\S+)", printed)
    version = tags[0].removeprefix("fleetcast:").removesuffix("-ray-amd64")
    assert tags == [f"fleetcast:{version}-ray-amd64", f"fleetcast:{version}-ray", "fleetcast:latest-ray"]


def test_each_variant_is_pushed_with_its_own_list(machine: Machine) -> None:
    arguments = ("--push-only", "--dry-run", "--variant", "both", "--region", "eu-central-1")
    printed = machine.build(*arguments, "--tag", "fleetcast:1.2.3").stdout

    registry = "ACCOUNT.dkr.ecr.eu-central-1.amazonaws.com/fleetcast"
    assert [line.split()[3:] for line in printed.splitlines() if "manifest create" in line] == [
        [f"{registry}:{tag}", f"{registry}:{tag}-amd64", f"{registry}:{tag}-arm64"]
        for tag in ("1.2.3", "1.2.3-ray")
    ]


def test_a_build_gets_its_base_and_its_time_as_arguments(machine: Machine) -> None:
    machine.environment.update(BASE="debian:trixie-slim", SOURCE_DATE_EPOCH="1000000000")

    printed = machine.build("--dry-run").stdout

    assert "--build-arg BASE=debian:trixie-slim --build-arg SOURCE_DATE_EPOCH=1000000000" in printed


def test_without_git_a_build_has_no_time(machine: Machine) -> None:
    (machine.path / "git").unlink()

    assert "SOURCE_DATE_EPOCH" not in machine.build("--dry-run").stdout


def test_an_error_says_that_docker_is_missing(machine: Machine) -> None:
    assert machine.refusal().startswith("docker is not installed")


def test_an_error_says_that_no_engine_answers(machine: Machine) -> None:
    machine.script("docker", "exit 1")

    assert machine.refusal().startswith("no Docker engine answers")


def test_an_error_says_that_buildx_is_missing(machine: Machine) -> None:
    machine.script("docker", '[ "$1" = info ]')

    assert machine.refusal().startswith("docker has no buildx")


def test_the_error_about_missing_emulation_names_the_command_that_installs_it(machine: Machine) -> None:
    machine.script("docker", '[ "$2" != inspect ] || echo "Platforms: linux/s390x"')

    printed = machine.refusal("--arch", "amd64")

    assert printed.startswith("no emulation of linux/amd64 here")
    assert printed.endswith("binfmt --install amd64")


def test_an_error_names_the_missing_dockerfile(machine: Machine) -> None:
    machine.script("docker", '[ "$2" != inspect ] || echo "Platforms: linux/arm64"')

    printed = machine.refusal("--arch", "arm64", "--context", str(machine.path))

    assert printed == f"there is no Dockerfile.arm64 in {machine.path}"


PUSH = ("--push-only", "--arch", "amd64", "--tag", "fleetcast:1.2.3")
ENGINE = """
case "$1 $2" in
  "image inspect") echo amd64 ;;
  "manifest inspect") echo '{"mediaType": "OCI"}' ;;
  "login --username") read -r _ ;;
esac
""".replace("OCI", OCI)
REPOSITORY = "echo 123456789012.dkr.ecr.eu-central-1.amazonaws.com/fleetcast"


def test_an_error_says_that_the_aws_cli_is_missing(machine: Machine) -> None:
    machine.script("docker", ENGINE)

    assert machine.refusal(*PUSH).startswith("the AWS CLI is not installed")


def test_an_error_says_that_no_region_is_set(machine: Machine) -> None:
    machine.script("docker", ENGINE)
    (machine.path / "aws").symlink_to(AWS)

    assert machine.refusal(*PUSH).startswith("no AWS region: name it with --region")


def test_an_error_says_that_there_are_no_credentials(machine: Machine) -> None:
    machine.script("docker", ENGINE)
    (machine.path / "aws").symlink_to(AWS)
    machine.environment["AWS_EC2_METADATA_DISABLED"] = "true"

    printed = machine.refusal(*PUSH, "--region", "eu-central-1")

    assert "Unable to locate credentials" in printed
    assert "no AWS credentials that work: aws configure" in printed


def test_an_error_of_ecr_is_printed_with_the_name_of_the_repository(machine: Machine) -> None:
    machine.script("docker", ENGINE)
    machine.script("aws", "case $1 in ecr) echo AccessDeniedException; exit 1 ;; esac")

    printed = machine.refusal(*PUSH, "--region", "eu-central-1")

    assert printed == "ECR did not describe the repository fleetcast: AccessDeniedException"


def test_an_error_says_that_the_registry_refuses_the_login(machine: Machine) -> None:
    machine.script("docker", f"{ENGINE}\n[ $1 != login ]")
    machine.script("aws", REPOSITORY)

    printed = machine.refusal(*PUSH, "--region", "eu-central-1")

    assert printed == "123456789012.dkr.ecr.eu-central-1.amazonaws.com refuses the login"


def test_a_push_that_left_oci_media_types_fails(machine: Machine) -> None:
    machine.script("docker", ENGINE)
    machine.script("aws", REPOSITORY)

    printed = machine.refusal(*PUSH, "--region", "eu-central-1")

    assert f"was pushed as {OCI} where SageMaker needs application/vnd.docker" in printed


def test_a_warning_of_the_aws_cli_is_not_taken_for_its_answer(machine: Machine) -> None:
    machine.script("docker", ENGINE)
    machine.script("aws", f"echo a new version is out >&2; {REPOSITORY}")

    printed = machine.refusal(*PUSH, "--region", "eu-central-1")

    assert (
        "build.sh: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/fleetcast:1.2.3-amd64 was pushed as"
        in printed
    )
