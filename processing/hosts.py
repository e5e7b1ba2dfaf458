"""Refuses a processing job whose hosts would overwrite each other's customers.

SageMaker collects the output of all hosts below one prefix.  Where each host has some of the input files, one
customer's readings may be in files of several hosts, and each would write its part under the same name.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from container import Paths, quoted
from fleetcast.errors import InputError

_DIVIDED: Final = "ShardedByS3Key"


def check_hosts(paths: Paths) -> None:
    """Raise InputError if there are several hosts and each has a part of an input only."""
    folder = paths.base / "config"
    hosts = _read(folder / "resourceconfig.json").get("hosts", [])
    inputs = _read(folder / "processingjobconfig.json").get("ProcessingInputs", [])
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


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} is not readable JSON: {error}") from error
    return content if isinstance(content, Mapping) else {}
