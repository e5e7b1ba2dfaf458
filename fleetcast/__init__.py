"""Fit, forecast, read and write Prophet's model without Prophet: `fit`, `forecast`, `dumps`, `loads`.

A name is imported when it is first used, so that `import fleetcast` loads no NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleetcast.errors import (
        ArchiveError,
        FitError,
        FleetcastError,
        FutureError,
        HistoryError,
        ModelFormatError,
        SettingError,
    )
    from fleetcast.forecasting import (
        FitOptions,
        ForecastOptions,
        Model,
        SampledModel,
        dumps,
        fit,
        forecast,
        forecast_many,
        loads,
    )

__all__ = [
    "ArchiveError",
    "FitError",
    "FitOptions",
    "FleetcastError",
    "ForecastOptions",
    "FutureError",
    "HistoryError",
    "Model",
    "ModelFormatError",
    "SampledModel",
    "SettingError",
    "dumps",
    "fit",
    "forecast",
    "forecast_many",
    "loads",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "fleetcast.errors" if name.endswith("Error") else "fleetcast.forecasting"
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    return __all__
