"""Shell scripts and Dockerfiles are clean."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HIDDEN = (".venv", ".git")


def found(*patterns: str) -> list[str]:
    files = {file.relative_to(ROOT) for pattern in patterns for file in ROOT.glob(pattern)}
    return sorted(str(file) for file in files if not file.parts[0].startswith(HIDDEN))


@pytest.mark.parametrize("script", [*found(".ci/*", "*.sh", "*/**/*.sh")])
def test_shellcheck_finds_nothing_in_a_script(script: str) -> None:
    check("shellcheck", script)


@pytest.mark.parametrize("dockerfile", found("Dockerfile*", "*/**/Dockerfile*"))
def test_hadolint_finds_nothing_in_a_dockerfile(dockerfile: str) -> None:
    check("hadolint", dockerfile)


def check(tool: str, file: str) -> None:
    command = [Path(sys.executable).with_name(tool), file]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
