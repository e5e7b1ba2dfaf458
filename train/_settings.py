"""The hyperparameters of a training job: strings from SageMaker's file in, typed settings out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from container import InputError, Paths, SettingError, fraction, usable_cpus

PROPHET_ARGUMENTS = frozenset(
    {
        "changepoint_prior_scale",
        "changepoint_range",
        "changepoints",
        "daily_seasonality",
        "growth",
        "holidays",
        "holidays_mode",
        "holidays_prior_scale",
        "interval_width",
        "mcmc_samples",
        "n_changepoints",
        "scaling",
        "seasonality_mode",
        "seasonality_prior_scale",
        "uncertainty_samples",
        "weekly_seasonality",
        "yearly_seasonality",
    }
)
OURS = frozenset({"max_failed_fraction"})
SAGEMAKER_PREFIX = "sagemaker_"
"""The SageMaker SDKs put settings of their own among the hyperparameters; they all begin like this."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How a training job runs; see "Train" in the README."""

    prophet: Mapping[str, Any] = field(default_factory=dict)
    """Prophet's constructor arguments, by Prophet's names."""
    max_failed_fraction: float = 0.1
    workers: int = 1

    @classmethod
    def from_files(cls, paths: Paths) -> Self:
        """Read `hyperparameters.json`; `SettingError` names what is unknown or malformed."""
        given = _read(paths.config / "hyperparameters.json")
        known = PROPHET_ARGUMENTS | OURS
        unknown = sorted(given.keys() - known)
        if unknown:
            raise SettingError(
                f"unknown hyperparameter {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            )
        return cls(
            prophet={name: _value(text) for name, text in given.items() if name in PROPHET_ARGUMENTS},
            max_failed_fraction=fraction(given, "max_failed_fraction", default=0.1),
            workers=usable_cpus(),
        )


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
    texts = {
        name.replace("-", "_"): text if isinstance(text, str) else json.dumps(text)
        for name, text in given.items()
    }
    return {name: text for name, text in texts.items() if not name.startswith(SAGEMAKER_PREFIX)}


def _value(text: str) -> Any:  # noqa: ANN401 -- what a hyperparameter may hold is decided where it is used
    """Return what a text means: JSON where it is JSON (as the SDKs send it), Python's True, or the text."""
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except ValueError:
        return text
