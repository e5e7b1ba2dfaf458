"""Refuses a processing job whose hosts would do each other's work, or overwrite it.

SageMaker collects the output of all hosts below one prefix.  Where each host has some of the input files, one
customer's readings may be in files of several hosts, and each would write its part under the same name.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from container import Paths, quoted, read_json_object
from fleetcast.errors import InputError

_DIVIDED: Final = "ShardedByS3Key"
_REPLICATED: Final = "FullyReplicated"


def check_hosts(paths: Paths) -> None:
    """Raise InputError if there are several hosts and each has a part of an input only."""
    hosts = _hosts(paths)
    divided = [each.name for each in _inputs(paths) if each.distribution == _DIVIDED]
    if hosts > 1 and divided:
        raise InputError(
            f"the job has {hosts} hosts, and each has only a part of {quoted(divided[0])} "
            f"({_DIVIDED}): they would overwrite each other's customers. Use one instance; its table may be "
            "larger than its memory"
        )


def check_divided(paths: Paths) -> None:
    """Raise InputError if there are several hosts and each has all raw files."""
    hosts = _hosts(paths)
    raw = [each for each in _inputs(paths) if each.folder.is_relative_to(paths.processing_input)]
    whole = [each.name for each in raw if each.distribution == _REPLICATED]
    if hosts > 1 and whole:
        raise InputError(
            f"the job has {hosts} hosts, and each has the whole of {quoted(whole[0])}: each would put every "
            f"record. Set the S3DataDistributionType of the input to {_DIVIDED}, or use one instance"
        )


class _Input(NamedTuple):
    """An input of a processing job that comes from S3."""

    name: str
    folder: Path
    distribution: str


def _hosts(paths: Paths) -> int:
    return len(read_json_object(paths.base / "config" / "resourceconfig.json").get("hosts") or ())


def _inputs(paths: Paths) -> Iterator[_Input]:
    content = read_json_object(paths.base / "config" / "processingjobconfig.json")
    for each in content.get("ProcessingInputs") or ():
        source = each.get("S3Input") if isinstance(each, Mapping) else None
        if isinstance(source, Mapping):
            yield _Input(
                str(each.get("InputName", "the input")),
                Path(str(source.get("LocalPath", ""))),
                str(source.get("S3DataDistributionType") or _REPLICATED),
            )
