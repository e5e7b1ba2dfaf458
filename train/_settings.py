"""The hyperparameters of a training job: strings from SageMaker's file in, typed settings out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from container import InputError, Paths, SettingError, flag, fraction, usable_cpus, whole_number
from forecasting import ARGUMENTS
from train._metrics import Holdout

OURS = frozenset(
    {
        "cap",
        "country_holidays",
        "customer_memory_mb",
        "customer_timeout_seconds",
        "floor",
        "holdout",
        "keep_history",
        "max_failed_fraction",
        "regressors",
        "seasonalities",
    }
)
"""What there is besides the arguments of Prophet's constructor."""
KNOWN = OURS | frozenset(ARGUMENTS)
SAGEMAKER_PREFIX = "sagemaker_"
"""The SageMaker SDKs put settings of their own among the hyperparameters; they all begin like this."""
SEASONALITY = '[{"name": "monthly", "period": 30.5, "fourier_order": 5}]'
MEGABYTE = 1024 * 1024
PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How a training job runs; see "Train" in the README."""

    model: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `forecasting.fit` that are the same for every customer."""
    columns: tuple[str, ...] = ()
    """Columns of a customer's file that the model needs besides time and reading: regressors, conditions."""
    bounds: Mapping[str, float] = field(default_factory=dict)
    """`cap` and `floor` of logistic growth, for files without such a column."""
    holdout: Holdout = field(default_factory=Holdout)
    """What is kept back of each history to measure the forecast; the model is then fitted to all."""
    customer_timeout_seconds: int = 300
    customer_memory_bytes: int = 0
    """The most address space that one worker may take; 0 is no limit."""
    max_failed_fraction: float = 0.1
    workers: int = 1

    @classmethod
    def from_files(cls, paths: Paths) -> Self:
        """Read `hyperparameters.json`; `SettingError` names what is unknown or malformed."""
        given = _read(paths.config / "hyperparameters.json")
        if unknown := sorted(given.keys() - KNOWN):
            known = ", ".join(sorted(KNOWN))
            raise SettingError(f"unknown hyperparameter {', '.join(unknown)}; known are {known}")
        model = {name: _value(text) for name, text in given.items() if name in ARGUMENTS}
        regressors = _regressors(given)
        seasonalities = _rows("seasonalities", given, example=SEASONALITY)
        if regressors:
            model["extra_regressors"] = regressors
        if seasonalities:
            model["seasonalities"] = seasonalities
        if country := given.get("country_holidays"):
            model["country_holidays"] = str(_value(country))
        if flag(given, "keep_history"):
            model["keep_history"] = True
        names = [row["name"] for row in regressors if "name" in row]
        conditions = [row["condition_name"] for row in seasonalities if row.get("condition_name")]
        return cls(
            model=model,
            columns=tuple(dict.fromkeys(map(str, names + conditions))),
            bounds={name: _bound(name, given[name]) for name in ("cap", "floor") if name in given},
            holdout=Holdout.parse(str(_value(given.get("holdout", '""')))),
            customer_timeout_seconds=whole_number(given, "customer_timeout_seconds", default=300),
            customer_memory_bytes=whole_number(given, "customer_memory_mb", default=4096, minimum=512)
            * MEGABYTE,
            max_failed_fraction=fraction(given, "max_failed_fraction", default=0.1),
            workers=usable_cpus(),
        )

    def of_model(self) -> dict[str, Any]:
        """Return what decides, with a customer's data, what the archive holds."""
        given = dict(self.model) | dict(self.bounds)
        return given | ({"holdout": str(self.holdout)} if self.holdout != Holdout() else {})


def _read(path: Path) -> dict[str, str]:
    """Return the hyperparameters with `_` for `-` in their names and without the SDKs' own."""
    if not path.is_file():
        return {}
    try:
        given = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(given, dict):
        raise InputError(f"{path} must hold a JSON object of names and texts")
    names = {name: name.replace("-", "_") for name in given}
    texts = {
        names[name]: text if isinstance(text, str) else json.dumps(text)
        for name, text in given.items()
        if not names[name].startswith(SAGEMAKER_PREFIX)
    }
    return {name: text for name, text in texts.items() if text != ""}


def _value(text: str) -> Any:  # noqa: ANN401 -- forecasting.fit decides what an argument may be
    """Return what a text means: JSON where it is JSON (as the SDKs send it), Python's True, or the text."""
    try:
        return json.loads(PYTHON_WORDS.get(text, text))
    except ValueError:
        return text


def _regressors(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the arguments of `add_regressor` for each: names with commas between, or a JSON list."""
    value = _value(given.get("regressors", "[]"))
    if isinstance(value, str):
        return [{"name": name.strip()} for name in value.split(",") if name.strip()]
    return _rows("regressors", given, example='temperature,wind or [{"name": "wind", "prior_scale": 5}]')


def _rows(name: str, given: Mapping[str, str], *, example: str) -> list[dict[str, Any]]:
    rows = _value(given.get(name, "[]"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingError(f"{name} must look like {example}, not {given[name]!r}")
    return rows


def _bound(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingError(f"{name} must be a number, not {text!r}") from None
