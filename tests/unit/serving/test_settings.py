"""Each variable of `serve` is declared once, and the declaration is true."""

import contextlib
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from container import Paths
from container.environment import BASE_DIR, JAVA_HOME, LOG_LEVEL
from container.profile import TUNED
from container.variables import Choice, Flag, WholeNumber
from fleetcast.errors import SettingError
from serving import program
from serving.settings import ServingSettings, table
from serving.variables import VARIABLES

READ_BY_OTHERS = {JAVA_HOME.name, LOG_LEVEL.name, *(each.name for each in TUNED)}
NUMBERS = [each for each in VARIABLES if isinstance(each, WholeNumber)]
CHOICES = [each for each in VARIABLES if isinstance(each, Choice | Flag)]


class RecordingEnvironment(Mapping[str, str]):
    """An empty environment that records the names that are looked up."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_the_declared_variables_are_those_that_are_read() -> None:
    environment = RecordingEnvironment()

    ServingSettings.from_env(environment)

    assert environment.names == {each.name for each in VARIABLES} - READ_BY_OTHERS


def test_no_variable_is_declared_twice() -> None:
    names = [each.name for each in VARIABLES]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("variable", NUMBERS, ids=lambda each: each.name)
def test_a_number_is_accepted_within_its_bounds_and_refused_outside(variable: WholeNumber) -> None:
    inside = [variable.minimum, *([] if variable.maximum is None else [variable.maximum])]
    outside = [variable.minimum - 1, *([] if variable.maximum is None else [variable.maximum + 1])]

    for number in inside:
        ServingSettings.from_env({variable.name: str(number)})
    for number in outside:
        with pytest.raises(SettingError, match=f"{variable.name} must be a whole number"):
            ServingSettings.from_env({variable.name: str(number)})


@pytest.mark.parametrize("variable", CHOICES, ids=lambda each: each.name)
def test_a_choice_outside_the_declared_values_is_refused(variable: Choice | Flag) -> None:
    with pytest.raises(SettingError, match=f"{variable.name} must be "):
        variable.read({variable.name: "something else"})


@pytest.mark.parametrize("variable", NUMBERS, ids=lambda each: each.name)
def test_a_default_is_within_its_bounds(variable: WholeNumber) -> None:
    default = variable.read({})

    assert default >= variable.minimum
    assert variable.maximum is None or default <= variable.maximum


def test_the_base_folder_moves_every_path() -> None:
    settings = ServingSettings.from_env({BASE_DIR.name: "/data"})

    assert settings.paths == Paths.from_env({BASE_DIR.name: "/data"})


def test_help_and_the_table_name_every_variable_and_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["fleetcast serve", "--help"])

    with contextlib.redirect_stdout(io.StringIO()) as shown, pytest.raises(SystemExit):
        program.main()

    rows = table().splitlines()[2:]
    assert len(rows) == len(VARIABLES)
    for variable, row in zip(VARIABLES, rows, strict=True):
        assert row.startswith(f"| `{variable.name}` |")
        assert f" {variable.accepted} " in row
        assert re.search(rf"^  {variable.name}$", shown.getvalue(), re.MULTILINE)


def test_every_meaning_is_a_sentence_of_its_own() -> None:
    for variable in VARIABLES:
        assert re.fullmatch(r"[A-Z`].*\.", variable.meaning), variable.name
        assert "|" not in variable.meaning + variable.accepted + variable.default_text


def test_serving_reads_sagemakers_variables() -> None:
    env = {
        "SAGEMAKER_MULTI_MODEL": "true",
        "SAGEMAKER_BIND_TO_PORT": "8123",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
    }

    settings = ServingSettings.from_env(env)

    assert (settings.port, settings.max_request_bytes) == (8123, 2 * 1024 * 1024)
    assert settings.paths.models == Path("/opt/ml/models")


def test_a_port_that_multi_model_server_refuses_is_refused_at_once() -> None:
    with pytest.raises(SettingError, match="SAGEMAKER_BIND_TO_PORT must be a whole number from 1 to 32766"):
        ServingSettings.from_env({"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_BIND_TO_PORT": "40000"})
