from pathlib import Path

import pytest

from container import choice, flag, fraction, usable_cpus, whole_number
from fleetcast.errors import SettingError
from serving.settings import ServingSettings


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", "1e3", "²", "9" * 30])
def test_a_whole_number_that_is_none_is_named_with_what_is_accepted(text: str) -> None:
    with pytest.raises(SettingError, match="PORT must be a whole number from 1 to 9, not"):
        whole_number({"PORT": text}, "PORT", default=8, maximum=9)


def test_an_empty_setting_means_the_default() -> None:
    assert whole_number({"PORT": ""}, "PORT", default=8) == 8
    assert fraction({}, "f", default=0.5) == 0.5
    assert flag({}, "f") is False
    assert choice({}, "c", among=("a", "b"), default="a") == "a"


@pytest.mark.parametrize("text", ["1.01", "-0.1", "nan", "half"])
def test_a_fraction_is_from_0_to_1(text: str) -> None:
    with pytest.raises(SettingError, match="f must be a number from 0 to 1"):
        fraction({"f": text}, "f", default=0.1)


def test_a_flag_is_true_or_false_in_the_usual_spellings() -> None:
    assert [flag({"f": text}, "f") for text in ("true", "True", "1", "false", "0")] == [1, 1, 1, 0, 0]
    with pytest.raises(SettingError, match="f must be true or false, not 'maybe'"):
        flag({"f": "maybe"}, "f")


def test_there_is_at_least_one_cpu() -> None:
    assert usable_cpus() >= 1


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
