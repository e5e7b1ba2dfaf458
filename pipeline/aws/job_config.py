"""Where a processing job's folders come from and go to in S3: `/opt/ml/config/processingjobconfig.json`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from container import Paths, read_json_object


def uri_of_input(paths: Paths, file: Path) -> str:
    """Return the S3 URI of a file below one of the job's inputs; empty where it is not known."""
    inputs = _config(paths).get("ProcessingInputs") or ()
    return _uri(file, (each.get("S3Input") for each in inputs if isinstance(each, Mapping)))


def uri_of_output(paths: Paths, file: Path) -> str:
    """Return the S3 URI that a file below one of the job's outputs will have; empty where it is not known."""
    outputs = (_config(paths).get("ProcessingOutputConfig") or {}).get("Outputs") or ()
    return _uri(file, (each.get("S3Output") for each in outputs if isinstance(each, Mapping)))


def _config(paths: Paths) -> dict[str, Any]:
    return read_json_object(paths.base / "config" / "processingjobconfig.json")


def _uri(file: Path, places: Iterator[object]) -> str:
    for place in places:
        if not isinstance(place, Mapping):
            continue
        folder, uri = Path(str(place.get("LocalPath", ""))), str(place.get("S3Uri", "")).rstrip("/")
        if uri and folder.is_absolute() and file.is_relative_to(folder):
            within = str(file.relative_to(folder))
            return uri if uri.endswith(f"/{within}") else f"{uri}/{within}"
    return ""
