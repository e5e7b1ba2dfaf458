"""Reads `hyperparameters.json`: texts by name, and the values that the texts stand for."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from container import quoted, read_json_object
from fleetcast.errors import SettingError

NOT_OURS: Final = ("sagemaker_", "_")
"""Begin the names of the SageMaker SDKs' own settings, and of those that a tuning job adds, such as
`_tuning_objective_metric`; both come among the hyperparameters."""
PYTHON_WORDS: Final = {"True": "true", "False": "false", "None": "null"}
"""JSON's words by Python's, which are accepted too."""


def read_texts(path: Path) -> dict[str, str]:
    """Return the hyperparameters with `_` for `-` in their names, without empty ones and SageMaker's own.

    Without a file there are none.  Raises InputError and SettingError.
    """
    content = read_json_object(path)
    names = {name: name.replace("-", "_") for name in content}
    repeated = [name for name, count in Counter(names.values()).items() if count > 1]
    if repeated:
        raise SettingError(f"{quoted(repeated[0])} is there with - and with _: keep one of them")
    texts = {
        names[name]: _unquoted(text) if isinstance(text, str) else json.dumps(text)
        for name, text in content.items()
        if not names[name].startswith(NOT_OURS)
    }
    return {name: text for name, text in texts.items() if text != ""}


def _unquoted(text: str) -> str:
    """Return a text that an SDK has written as JSON, such as `";"` with the quotes, without them."""
    try:
        value = json.loads(text) if text.startswith('"') else text
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def value_of(text: str) -> Any:  # noqa: ANN401 -- `fleetcast.fit` decides what an argument may be
    """Return the value of a text that is JSON (as the SDKs write it) or Python's True; else the text."""
    try:
        return json.loads(PYTHON_WORDS.get(text, text))
    except ValueError:
        return text
