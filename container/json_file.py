"""Reads SageMaker's configuration files, each of which holds one JSON object."""

import json
from pathlib import Path
from typing import Any

from fleetcast.errors import InputError


def read_json_object(path: Path) -> dict[str, Any]:
    """Return the object in a file, empty without the file; raise InputError for any other content."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold a JSON object")
    return content
