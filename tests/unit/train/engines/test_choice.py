"""Which engine a job gets, and that it says why."""

from dataclasses import replace
from importlib import util

import pytest

from container import Host
from fleetcast.errors import MissingExtraError
from train.engines import choose
from train.settings import TrainSettings

ONE = Host()
THREE = replace(ONE, hosts=3, names=("algo-1", "algo-2", "algo-3"))
ADDRESS = {"RAY_ADDRESS": "10.0.0.1:6379"}
SLOW = {"mcmc_samples": 300}


@pytest.fixture
def _without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    found = util.find_spec
    for module in ("fleetcast.extras", "train.engines.choice"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None if name == "ray" else found(name))


@pytest.mark.parametrize(
    ("settings", "host", "env", "expected"),
    [
        (TrainSettings(engine="local", model=SLOW), THREE, ADDRESS, ("local", "engine = local")),
        (TrainSettings(engine="ray"), ONE, ADDRESS, ("ray", "engine = ray")),
        (TrainSettings(engine="ray"), THREE, {}, ("ray", "engine = ray")),
        (TrainSettings(model=SLOW), ONE, {}, ("local", "the only host")),
        (TrainSettings(), ONE, ADDRESS, ("local", "milliseconds")),
        (TrainSettings(), THREE, {}, ("local", "milliseconds")),
        (TrainSettings(model=SLOW), ONE, ADDRESS, ("ray", "mcmc_samples")),
        (TrainSettings(model=SLOW), THREE, {}, ("ray", "mcmc_samples")),
    ],
)
def test_ray_is_chosen_where_it_pays_or_is_asked_for(
    settings: TrainSettings, host: Host, env: dict[str, str], expected: tuple[str, str]
) -> None:
    choice = choose(settings, host, env)

    assert choice.name == expected[0]
    assert expected[1] in choice.reason


@pytest.mark.parametrize(("host", "address"), [(ONE, "10.0.0.1:6379"), (THREE, "")])
def test_hosts_of_a_job_make_a_cluster_of_their_own(host: Host, address: str) -> None:
    assert choose(TrainSettings(engine="ray"), host, ADDRESS).address == address


@pytest.mark.usefixtures("_without_ray")
def test_without_ray_auto_is_local_and_ray_says_what_to_install() -> None:
    choice = choose(TrainSettings(model=SLOW), THREE, {})

    assert (choice.name, choice.reason[-7:]) == ("local", "missing")
    with pytest.raises(MissingExtraError, match=r"fleetcast\[ray\]"):
        choose(TrainSettings(engine="ray"), THREE, {})
