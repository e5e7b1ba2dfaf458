"""The fleet's statistics: a file that a job writes about its backtests, and that a later job may use.

Each host writes `fleet/<host>.json` beside its archives; a channel with the files of all hosts of one job
makes them an input.  Adding them up is exact, so it does not matter how many hosts there were.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import msgspec

from container import Host, Paths, quoted
from fleetcast.archive import remove_unfinished, write_atomically
from fleetcast.errors import InputError, SettingError, UnusableFileError
from fleetcast.evaluation import COVERAGES, LEAST_CUSTOMERS, METHODS, FleetMeans, FleetSums
from fleetcast.readings.customer import read_file
from train.channel import CONFIG, PREFERRED

logger = logging.getLogger(__name__)

FOLDER: Final = "fleet"
"""Folder of the files in the checkpoints."""
FORMAT_VERSION: Final = 1
MOST_BYTES: Final = 4 * 1024 * 1024
"""The largest file: some 1,000 frequencies."""
_ENDING: Final = ".json"
_MADE_BY: Final = "each host of a job that compares methods writes it to checkpoints/fleet/<host>.json"


class _Version(msgspec.Struct, frozen=True):
    """What every version of the file has."""

    format_version: int


class FleetFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a file."""

    format_version: int
    models: str
    """The hyperparameter of the job that wrote it, as is the next one."""
    backtest_horizon: int
    host: str
    hosts: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=10_000)]
    """All hosts of that job."""
    coverages: tuple[float, ...]
    """Those of `lower` and `upper`."""
    frequencies: dict[str, FleetMeans]
    """By frequency of the customers' readings."""


@dataclass(frozen=True, slots=True)
class FleetStatistics:
    """What a job knows of another job's fleet."""

    channel: str = ""
    """Where the files are; empty without statistics."""
    means: Mapping[str, FleetMeans] = field(default_factory=dict)
    """By frequency, of those with enough customers."""
    digest: str = ""
    """SHA-256 of the sums of all files; empty without statistics."""


def write_statistics(
    checkpoints: Path, host: Host, sums: FleetSums, *, models: str, backtest_horizon: int
) -> None:
    """Write this host's file; raise FilesystemError."""
    content = FleetFile(
        format_version=FORMAT_VERSION,
        models=models,
        backtest_horizon=backtest_horizon,
        host=host.name,
        hosts=tuple(host.names),
        coverages=tuple(COVERAGES.tolist()),
        frequencies=sums.means(),
    )
    path = checkpoints / FOLDER / f"{host.name}{_ENDING}"
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(path.parent)
    write_atomically(path, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def read_statistics(
    paths: Paths, host: Host, channel: str, *, models: str, backtest_horizon: int
) -> FleetStatistics:
    """Return what the files of a channel say; an empty name is no channel.

    Raises SettingError for a name that is no channel for it, and if the files' job had other methods or
    another horizon; InputError, with file and reason, for all else that is wrong.
    """
    if not channel:
        return FleetStatistics()
    if channel in {CONFIG, *PREFERRED} or Path(channel).name != channel or channel[0] == ".":
        raise SettingError(
            f"fleet_statistics must be the name of a channel of its own, such as fleet, not {quoted(channel)}"
        )
    folder = paths.channels / channel
    if not folder.is_dir():
        raise InputError(f"fleet_statistics names the channel {quoted(channel)}, which the job does not have")
    if host.is_presharded(channel):
        raise InputError(f"the channel {channel} must be FullyReplicated: each host needs all of its files")
    files = {
        f"{channel}/{path.name}": _read(f"{channel}/{path.name}", path) for path in _paths(folder, channel)
    }
    _check_job(files, models, backtest_horizon)
    sums = FleetSums()
    for name, file in files.items():
        for freq, means in file.frequencies.items():
            try:
                sums.add_means(freq, means)
            except ValueError as error:
                raise InputError(f"{name}: {error}") from error
    digest = hashlib.sha256(msgspec.json.encode(sums.means())).hexdigest()
    usable = sums.means(least=LEAST_CUSTOMERS)
    if not usable:
        logger.warning(
            "the channel %s changes nothing: no frequency has %d customers with backtests",
            quoted(channel),
            LEAST_CUSTOMERS,
        )
    return FleetStatistics(channel, usable, digest)


def _paths(folder: Path, channel: str) -> list[Path]:
    paths = [path for path in sorted(folder.resolve().iterdir()) if not path.name.startswith(".")]
    if not paths:
        raise InputError(f"the channel {channel} has no file; {_MADE_BY}")
    for path in paths:
        if path.suffix != _ENDING:
            raise InputError(f"{channel}/{path.name} is no file of a fleet's statistics; {_MADE_BY}")
    return paths


def _read(name: str, path: Path) -> FleetFile:
    try:
        content = read_file(path, most_bytes=MOST_BYTES)
        version = msgspec.json.decode(content, type=_Version).format_version
        if version != FORMAT_VERSION:
            raise InputError(
                f"{name} has format_version {version}, but this version of Fleetcast reads {FORMAT_VERSION}: "
                "let it compare the methods once more"
            )
        file = msgspec.json.decode(content, type=FleetFile)
    except UnusableFileError as error:
        raise InputError(f"{name.partition('/')[0]}/{error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{name} is damaged or no file of a fleet's statistics: {error}; {_MADE_BY}"
        ) from error
    unknown = {name for means in file.frequencies.values() for name in means.methods} - set(METHODS)
    if unknown or file.coverages != tuple(COVERAGES.tolist()):
        raise InputError(
            f"{name} is of another version of Fleetcast: let this one compare the methods once more"
        )
    return file


def _check_job(files: Mapping[str, FleetFile], models: str, backtest_horizon: int) -> None:
    """Check that the files are those of all hosts of one job, which compared what this job compares."""
    first, one = next(iter(files.items()))
    for name, file in files.items():
        if (file.models, file.backtest_horizon) != (models, backtest_horizon):
            raise SettingError(
                f"{name} is of a job with models = {quoted(file.models)} and backtest_horizon = "
                f"{file.backtest_horizon}, but this job has {quoted(models)} and {backtest_horizon}: use the "
                "same, or another job's file"
            )
        if file.hosts != one.hosts:
            raise InputError(f"{first} and {name} are of different jobs: keep the files of one")
    _check_hosts([file.host for file in files.values()], one.hosts, first.partition("/")[0])


def _check_hosts(found: Sequence[str], expected: Sequence[str], channel: str) -> None:
    for host in sorted({*found, *expected}):
        if found.count(host) != 1 or host not in expected:
            raise InputError(
                f"the channel {channel} has {found.count(host)} files of the host {quoted(host)}, but each "
                f"of the job's {len(expected)} hosts wrote one: copy all of them, and no other"
            )
