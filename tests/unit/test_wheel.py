"""What a plain `pip install` brings, and what it says where something is missing."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from fleetcast.command import PROGRAMS

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PURELIB = sysconfig.get_path("purelib")
"""The packages of this environment; on PYTHONPATH, where the link to this checkout in it has no effect."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment of its own that has our wheel and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", environment],
        check=True,
        capture_output=True,
        timeout=120,
    )
    install = [BIN / "uv", "pip", "install", "--offline", "--no-deps", "--no-cache", "--python", environment]
    subprocess.run([*install, wheel], check=True, capture_output=True, timeout=120)
    return environment


def run(installed: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "PYTHONPATH": PURELIB}
    return subprocess.run(
        [installed / "bin" / arguments[0], *arguments[1:]],
        cwd=installed,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_has_the_package_and_one_script(installed: Path) -> None:
    (packages,) = installed.glob("lib/python*/site-packages")

    assert {path.name for path in packages.iterdir() if path.suffix != ".dist-info"} <= {
        "fleetcast",
        "_virtualenv.py",
        "_virtualenv.pth",
    }
    assert (packages / "fleetcast" / "py.typed").is_file()
    scripts = {path.name for path in (installed / "bin").iterdir()}
    assert {name for name in scripts if not name.startswith(("python", "activate", "Activate"))} == {
        "fleetcast"
    }


def test_the_script_shows_its_version_and_its_help(installed: Path) -> None:
    version, usage = run(installed, "fleetcast", "--version"), run(installed, "fleetcast", "--help")

    assert (version.returncode, version.stdout.split()[0]) == (0, "fleetcast")
    assert (usage.returncode, usage.stdout.split("\n")[0]) == (
        0,
        f"usage: fleetcast {'|'.join(PROGRAMS)} [--help]",
    )


@pytest.mark.parametrize("program", ["process", "train", "serve", "doctor"])
def test_without_the_programs_one_line_says_where_they_are(installed: Path, program: str) -> None:
    done = run(installed, "fleetcast", program)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"fleetcast: this installation has the library only; {program} is in the container image and in a "
        f"checkout: docker run IMAGE {program}, or pip install -e '.[process,train,serve,workflow]' in the "
        "checkout\n"
    )


LACKING = """
import sys
for name in ("pandas", "prophet", "cmdstanpy", "duckdb", "flask", "tqdm", "boto3"):
    sys.modules[name] = None  # as if it were not installed
import numpy as np
from fleetcast import FitOptions, fit, forecast
ds = np.datetime64("2024-01-01") + np.arange(100)
y = np.sin(np.arange(100.0)) + 5
"""


def test_fit_and_forecast_need_the_base_installation_only(installed: Path) -> None:
    done = run(installed, "python", "-c", LACKING + "print(len(forecast(fit(ds, y))['yhat']))")

    assert (done.stdout, done.stderr) == ("7\n", "")


def test_a_fit_that_needs_stock_prophet_names_the_extra(installed: Path) -> None:
    done = run(installed, "python", "-c", LACKING + "fit(ds, y, FitOptions(mcmc_samples=10))")

    assert done.stderr.splitlines()[-1] == (
        "fleetcast.errors.MissingExtraError: this needs the package prophet: pip install 'fleetcast[prophet]'"
    )


@pytest.mark.parametrize(
    ("program", "package"),
    [("process", "duckdb"), ("process", "tqdm"), ("train", "jinja2"), ("serve", "flask")],
)
def test_a_program_whose_extra_is_missing_names_it(program: str, package: str) -> None:
    start = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv = ['fleetcast', {program!r}]\n"
        "from fleetcast.command import main\nsys.exit(main())"
    )
    environment = os.environ | {"FLEETCAST_PROFILE": "tests"}

    done = subprocess.run(
        [sys.executable, "-c", start], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.splitlines()[-1:]) == (
        2,
        [f"fleetcast {program}: this needs the package {package}: pip install 'fleetcast[{program}]'"],
    )


@pytest.mark.parametrize("program", ["process", "train", "serve"])
def test_other_packages_and_scripts_of_our_programs_names_are_not_run(tmp_path: Path, program: str) -> None:
    for name in ("archive", "container", "pipeline", "processing", "serve", "serving", "train"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('of another distribution')\n")
    for name in ("serve", "train"):
        (tmp_path / name / name).write_text("#!/bin/sh\nexit 9\n")
        (tmp_path / name / name).chmod(0o755)
    others = f"{tmp_path / 'serve'}:{tmp_path / 'train'}"
    plain = {name: value for name, value in os.environ.items() if name != "FLEETCAST_PROFILE"}
    environment = plain | {"PYTHONPATH": str(tmp_path), "PATH": f"{others}:{os.environ['PATH']}"}

    done = subprocess.run(
        [BIN / "fleetcast", program, "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert f"fleetcast {program}" in done.stdout
