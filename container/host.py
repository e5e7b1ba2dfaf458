"""This host among the hosts of a job: SageMaker's resource and input configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from container.json_file import read_json_object
from container.paths import Paths
from container.quoting import quoted
from fleetcast.errors import InputError

REPLICATED = "FullyReplicated"
MOST_NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Host:
    """One of the machines of a job."""

    name: str = "algo-1"
    index: int = 0
    hosts: int = 1
    names: tuple[str, ...] = ("algo-1",)
    """Of all hosts: `algo-1`, `algo-2`, ..., `algo-10`."""
    replicated: frozenset[str] = frozenset()
    """Channels of which every host has all files; of the others each host has some."""

    @classmethod
    def from_files(cls, paths: Paths) -> Self:
        """Read `resourceconfig.json` and `inputdataconfig.json`; without them this is the only host."""
        resources = read_json_object(paths.config / "resourceconfig.json")
        name = str(resources.get("current_host", "algo-1"))
        hosts = sorted(map(str, resources.get("hosts", [name])), key=lambda host: (len(host), host))
        if name not in hosts:
            raise InputError(f"resourceconfig.json: current_host {name!r} is not among hosts {hosts}")
        if "/" in name or len(name) > MOST_NAME_CHARACTERS:
            raise InputError(
                f"resourceconfig.json: current_host {quoted(name)} cannot be part of a file name"
            )
        channels = read_json_object(paths.config / "inputdataconfig.json")
        return cls(
            name=name,
            index=hosts.index(name),
            hosts=len(hosts),
            names=tuple(hosts),
            replicated=frozenset(
                channel
                for channel, config in channels.items()
                if isinstance(config, Mapping) and config.get("S3DistributionType", REPLICATED) == REPLICATED
            ),
        )

    def shares(self, channel: str) -> bool:
        """Return whether every host has all of `channel`, so that each takes its own part of it."""
        return self.hosts > 1 and channel in self.replicated

    def is_presharded(self, channel: str) -> bool:
        """Return whether SageMaker has given each host some of the objects in `channel` only."""
        return self.hosts > 1 and channel not in self.replicated
