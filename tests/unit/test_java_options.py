"""How Multi Model Server's Java is started."""

from pathlib import Path

from container import usable_cpus
from serving._mms import command
from serving._settings import ServingSettings


def options(tmp_path: Path, vmargs: str = "") -> list[str]:
    settings = ServingSettings.from_env(
        {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_MODEL_SERVER_VMARGS": vmargs}
    )
    started = command(settings, java=tmp_path / "java", folder=tmp_path)
    return [each for each in started if each.startswith("-XX:ActiveProcessorCount=")]


def test_java_sees_as_many_processors_as_we_do(tmp_path: Path) -> None:
    assert options(tmp_path) == [f"-XX:ActiveProcessorCount={usable_cpus()}"]


def test_the_users_number_of_processors_is_the_only_one(tmp_path: Path) -> None:
    assert options(tmp_path, "-Xss1m -XX:ActiveProcessorCount=7") == ["-XX:ActiveProcessorCount=7"]
