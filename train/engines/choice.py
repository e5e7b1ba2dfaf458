"""Chooses the engine of a job by its settings and hosts, so that all hosts of the job choose alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal

from container import Host, Text, markdown_table
from container.cluster import CLUSTER
from fleetcast.extras import require
from train.settings import TrainSettings

RAY_ADDRESS: Final = Text(
    name="RAY_ADDRESS",
    accepted="`host:port`, or `auto`",
    meaning="A Ray cluster that this machine has joined, for the hyperparameter `engine`; the hosts of a "
    "SageMaker job make one of their own instead.",
)

VARIABLES: Final = (RAY_ADDRESS, *CLUSTER)
"""The environment variables of `train` alone."""


def settings_table() -> str:
    """Return `VARIABLES` as a table in Markdown, for the reference page."""
    return markdown_table(VARIABLES, kind="variable")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine of a job."""

    name: Literal["local", "ray"]
    reason: str
    address: str = ""
    """Of the Ray cluster to connect to; empty where the hosts of the job make one."""


def choose(settings: TrainSettings, host: Host, env: Mapping[str, str]) -> EngineChoice:
    """Return the engine that the hyperparameter `engine` names or, for `auto`, the one that pays.

    Raises MissingExtraError where the hyperparameter names Ray, and Ray is not installed.
    """
    address = RAY_ADDRESS.read(env) if host.hosts == 1 else ""
    if settings.engine == "ray":
        require("ray", extra="ray")
        return EngineChoice("ray", "engine = ray", address)
    if settings.engine == "local":
        return EngineChoice("local", "engine = local")
    if host.hosts == 1 and not address:
        return EngineChoice("local", "this is the only host, and RAY_ADDRESS is not set")
    if not settings.model.get("mcmc_samples"):
        return EngineChoice("local", "a customer takes milliseconds, and sharing each one out costs as much")
    if find_spec("ray") is None:
        return EngineChoice("local", "Ray, which shares out the slow customers of mcmc_samples, is missing")
    return EngineChoice("ray", "with mcmc_samples some customers take much longer than others", address)
