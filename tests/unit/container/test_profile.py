"""What is set for which processor."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from container import Paths
from container.doctor import cpu_name
from container.profile import Profile, cpu_features, profile
from tests.unit import cpus
from train.customer import FitCustomer
from train.engines import LocalEngine
from train.engines.worker_environment import VARIABLES
from train.settings import TrainSettings

ROOT = Path(__file__).parents[3]
SHARED = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "OWN_CODE_THREADS": "4"}
AMD64 = SHARED | {"TF_ENABLE_ONEDNN_OPTS": "1"}
ARM64 = AMD64 | {"LRU_CACHE_CAPACITY": "1024", "THP_MEM_ALLOC_ENABLE": "1"}
BF16 = {"DNNL_DEFAULT_FPMATH_MODE": "BF16"}
EXPECTED = [
    ("aarch64", cpus.GRAVITON2, "arm64", ARM64, "without bf16"),
    ("aarch64", cpus.GRAVITON3, "arm64-bf16", ARM64 | BF16, "with bf16"),
    ("aarch64", cpus.GRAVITON4, "arm64-bf16", ARM64 | BF16, "with bf16"),
    ("x86_64", cpus.ICE_LAKE, "amd64", AMD64, "without bf16"),
    ("x86_64", cpus.SAPPHIRE_RAPIDS, "amd64-bf16", AMD64 | BF16, "with amx_bf16, avx512_bf16"),
    ("x86_64", cpus.MILAN, "amd64", AMD64, "without bf16"),
    ("x86_64", cpus.GENOA, "amd64-bf16", AMD64 | BF16, "with avx512_bf16"),
]


def chosen(machine: str, info: str, cores: int = 4, **env: str) -> Profile:
    return profile(machine, cpu_features(machine, info), cores=cores, env=env)


@pytest.mark.parametrize(("machine", "info", "name", "variables", "why"), EXPECTED)
def test_each_processor_gets_what_it_supports_and_a_reason(
    machine: str, info: str, name: str, variables: dict[str, str], why: str
) -> None:
    found = chosen(machine, info)

    assert found.name == name
    assert found.variables == variables
    assert found.reason == f"{machine} {why}, 4 usable cores"
    assert found.user_set == ()


@pytest.mark.parametrize(("machine", "info"), [each[:2] for each in EXPECTED])
@pytest.mark.parametrize("value", ["7", ""])
def test_a_variable_that_the_user_has_set_stays_as_it_is(machine: str, info: str, value: str) -> None:
    for name in chosen(machine, info).variables:
        found = chosen(machine, info, **{name: value})

        assert name not in found.variables
        assert found.user_set == (name,)
        assert str(found).endswith(f", left as set: {name}")


def test_the_users_number_of_threads_is_also_that_of_archives_code() -> None:
    assert "OWN_CODE_THREADS" not in chosen("x86_64", cpus.MILAN, OMP_NUM_THREADS="3").variables


def test_the_precision_may_be_set_by_its_other_name() -> None:
    found = chosen("aarch64", cpus.GRAVITON3, ONEDNN_DEFAULT_FPMATH_MODE="STRICT")

    assert "DNNL_DEFAULT_FPMATH_MODE" not in found.variables
    assert found.user_set == ("ONEDNN_DEFAULT_FPMATH_MODE",)


def test_an_emulated_processor_does_not_get_what_the_real_one_can_do() -> None:
    assert chosen("aarch64", cpus.SAPPHIRE_RAPIDS).name == "arm64"
    assert chosen("x86_64", cpus.GRAVITON3).name == "amd64"


def test_an_unknown_processor_gets_only_the_variables_that_suit_all() -> None:
    found = chosen("riscv64", "", cores=1)

    assert (found.name, found.reason) == ("generic", "riscv64, 1 usable core")
    assert found.variables == SHARED | {"OWN_CODE_THREADS": "1"}


@pytest.mark.parametrize(
    ("info", "name"),
    [
        (cpus.GRAVITON2, "Neoverse N1 (Graviton2)"),
        (cpus.GRAVITON3, "Neoverse V1 (Graviton3)"),
        (cpus.GRAVITON4, "Neoverse V2 (Graviton4)"),
        (cpus.GENOA, "AMD EPYC 9R14"),
        ("CPU part\t: 0xfff\n", "Arm part 0xfff"),
        ("", ""),
    ],
)
def test_every_processor_has_a_name_for_people(info: str, name: str) -> None:
    assert cpu_name(info) == name


def started(tmp_path: Path, *arguments: str) -> tuple[list[dict[str, str]], list[str]]:
    """Return the environment variables at each start of Python, and the lines of the log."""
    # Python runs this file at each start, before the program
    (tmp_path / "sitecustomize.py").write_text(
        "import json, os\nwith open(os.environ['STARTS'], 'a') as starts:\n"
        "    print(json.dumps(dict(os.environ)), file=starts)\n"
    )
    env = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "STARTS": str(tmp_path / "starts"),
        "SAGEMAKER_BASE_DIR": str(tmp_path),
        "MALLOC_ARENA_MAX": "5",
    }
    command = [sys.executable, "-m", "fleetcast", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    starts = (tmp_path / "starts").read_text().splitlines()
    return [json.loads(line) for line in starts], done.stderr.splitlines()


def test_a_program_starts_again_with_the_variables_and_its_first_log_line_lists_them(tmp_path: Path) -> None:
    (before, again), (line, *_) = started(tmp_path, "process")

    assert "OMP_NUM_THREADS" not in before
    assert " INFO profile " in line
    assert "OMP_NUM_THREADS=1" in line
    assert line.endswith(", left as set: MALLOC_ARENA_MAX")
    assert (again["OMP_NUM_THREADS"], again["MALLOC_ARENA_MAX"]) == ("1", "5")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_help_of_a_program_starts_once_and_logs_nothing(tmp_path: Path, option: str) -> None:
    starts, log = started(tmp_path, "process", option)

    assert len(starts) == 1
    assert log == []


def test_a_training_job_leaves_the_threads_that_the_user_has_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "3")
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    settings = TrainSettings.from_files(Paths(tmp_path))

    list(LocalEngine.of(settings).results(FitCustomer(settings, tmp_path), []))

    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert os.environ["MALLOC_TRIM_THRESHOLD_"] == VARIABLES["MALLOC_TRIM_THRESHOLD_"]


def test_every_variable_and_every_profile_is_described() -> None:
    found = [chosen(machine, info) for machine, info, *_ in EXPECTED] + [chosen("riscv64", "")]
    named = {each.name for each in found} | {name for each in found for name in each.variables}

    assert named <= set(
        re.findall(r"`([\w-]+)`", (ROOT / "docs" / "explanation" / "profiles.md").read_text())
    )
