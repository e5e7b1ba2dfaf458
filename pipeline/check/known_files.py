"""Which values the files hold that Fleetcast's own programs write, for conditions that read them."""

from collections.abc import Mapping
from typing import Any, Final

_METRICS: Final = ("mase", "mae", "rmse", "wape", "smape", "bias", "coverage_80", "winkler_80")
_FLEET: Final = (
    *("customers", "customers_evaluated", "customers_failed", "customers_without_archive"),
    *("customers_without_actuals", "customers_without_new_readings", "readings"),
    *("horizon_steps", "horizon_steps_most", "evaluated_fraction", "failed_fraction"),
    *("share_beating_naive", "mase_ratio_to_naive"),
)
PATHS: Final = {
    ("evaluate", "evaluation.json"): frozenset(
        {
            f"{group}.{metric}.{field}"
            for group in ("regression_metrics", "naive_metrics")
            for metric in _METRICS
            for field in ("value", "standard_deviation")
        }
        | {f"fleet.{figure}.value" for figure in _FLEET}
    ),
    ("gate", "gate.json"): frozenset({"gate.passed.value", "reason"}),
}
"""Paths by program and file."""


def paths_of(step: Mapping[str, Any], file: str) -> frozenset[str] | None:
    """Return the paths in a file of a step; None where the program or the file is not Fleetcast's."""
    arguments = step.get("Arguments")
    application = arguments.get("AppSpecification") if isinstance(arguments, Mapping) else None
    command = application.get("ContainerEntrypoint") if isinstance(application, Mapping) else None
    if not isinstance(command, list) or command[:1] != ["fleetcast"]:
        return None
    return PATHS.get((str(command[1]) if len(command) > 1 else "", file))
