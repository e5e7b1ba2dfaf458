"""Refuses a processing job whose hosts would overwrite each other's customers.

SageMaker collects the output of all hosts below one prefix.  Where each host has some of the input files, one
customer's readings may be in files of several hosts, and each would write its part under the same name.
"""

from collections.abc import Mapping
from typing import Any, Final

from container import Paths, quoted, read_json_object
from fleetcast.errors import InputError

_DIVIDED: Final = "ShardedByS3Key"


def check_hosts(paths: Paths) -> None:
    """Raise InputError if there are several hosts and each has a part of an input only."""
    folder = paths.base / "config"
    hosts = read_json_object(folder / "resourceconfig.json").get("hosts") or ()
    inputs = read_json_object(folder / "processingjobconfig.json").get("ProcessingInputs") or ()
    divided = [
        str(each.get("InputName", "the input"))
        for each in inputs
        if isinstance(each, Mapping) and _distribution(each) == _DIVIDED
    ]
    if len(hosts) > 1 and divided:
        raise InputError(
            f"the job has {len(hosts)} hosts, and each has only a part of {quoted(divided[0])} "
            f"({_DIVIDED}): they would overwrite each other's customers. Use one instance; its table may be "
            "larger than its memory"
        )


def _distribution(entry: Mapping[str, Any]) -> object:
    source = entry.get("S3Input")
    return source.get("S3DataDistributionType") if isinstance(source, Mapping) else None
