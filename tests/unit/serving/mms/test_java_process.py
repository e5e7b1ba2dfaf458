"""How Multi Model Server's Java is started: its options, its environment, the class of ours."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import mms
import pytest

from container import usable_cpus
from serving.mms.archive_code import OUR_PACKAGES
from serving.mms.java_process import OUR_CLASSES, command, environment
from serving.settings import ServingSettings


def options(tmp_path: Path, vmargs: str = "") -> list[str]:
    settings = ServingSettings.from_env(
        {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_MODEL_SERVER_VMARGS": vmargs}
    )
    started = command(settings, java=tmp_path / "java", folder=tmp_path)
    return [each for each in started if each.startswith("-XX:ActiveProcessorCount=")]


def test_java_uses_as_many_processors_as_this_process_may(tmp_path: Path) -> None:
    assert options(tmp_path) == [f"-XX:ActiveProcessorCount={usable_cpus()}"]


def test_the_users_number_of_processors_is_the_only_one(tmp_path: Path) -> None:
    assert options(tmp_path, "-Xss1m -XX:ActiveProcessorCount=7") == ["-XX:ActiveProcessorCount=7"]


def test_java_and_own_code_get_no_variable_that_nobody_listed(tmp_path: Path) -> None:
    env = {"SAGEMAKER_MULTI_MODEL": "true", "OWN_CODE_VARIABLES": "HF_TASK, HF_HOME", "PATH": "/bin"}
    secret = {
        "AWS_SECRET_ACCESS_KEY",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "TF_VAR_password",
        "MY_TOKEN",
    }
    secret |= {"MMS_CONFIG_FILE", "http_proxy", "XPATH", "PATHX"}
    chosen = {"HF_TASK", "HF_HOME", "LANG", "LC_ALL", "TZ", "OMP_NUM_THREADS", "SAGEMAKER_PROGRAM"}

    passed_on = environment(
        ServingSettings.from_env(env), env | dict.fromkeys(secret | chosen, "x"), folder=tmp_path
    )

    assert not secret & passed_on.keys()
    assert chosen <= passed_on.keys()


def test_own_code_sees_none_of_this_projects_packages() -> None:
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())

    assert set(OUR_PACKAGES) == set(project["tool"]["mypy"]["packages"])


def test_the_class_before_the_jar_is_what_its_source_says(tmp_path: Path) -> None:
    javac = shutil.which("javac")
    version = subprocess.run([javac or "false", "-version"], capture_output=True, text=True, check=False)
    if javac is None or not re.match(r"javac 17\.", version.stdout + version.stderr):
        pytest.skip("needs the compiler of Java 17")
    jar = Path(mms.__file__).parent / "frontend" / "model-server.jar"
    source = OUR_CLASSES / "RegisterModelRequest.java"
    options = [
        "--release",
        "8",
        "-g:none",
        "-encoding",
        "UTF-8",
        "-nowarn",
        "-cp",
        str(jar),
        "-d",
        str(tmp_path),
    ]

    subprocess.run([javac, *options, str(source)], check=True, capture_output=True)

    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.class")}
    assert made
    assert made == {path.relative_to(OUR_CLASSES): path.read_bytes() for path in OUR_CLASSES.rglob("*.class")}
