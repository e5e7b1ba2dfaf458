"""What a search leaves: `best-hyperparameters.json`, `tune.json` and `tune.html`."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from container import Paths, one_line
from fleetcast.archive import write_atomically
from train.config import BEST_HYPERPARAMETERS
from train.tuning.effects import Effect, effects
from train.tuning.rounds import Judged, Tried, log_ratios
from train.tuning.search import Search
from train.tuning.space import OF_PROPHET, TREES, Configurations

MOST_LEFT_OUT: Final = 50
_DIGITS: Final = 6
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_result(paths: Paths, search: Search) -> dict[str, Any]:
    """Write the files; return the content of `tune.json`.  Raises FilesystemError."""
    best = json.dumps(best_hyperparameters(search), indent=2).encode() + b"\n"
    result = summary(search)
    for folder in (paths.model, paths.output_data):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (paths.checkpoints, paths.model):
        write_atomically(folder / BEST_HYPERPARAMETERS, best)
    write_atomically(paths.output_data / "tune.json", json.dumps(result, indent=2).encode() + b"\n")
    page = report_page(search, result)
    write_atomically(paths.output_data / "tune.html", page.encode("utf-8", "replace"))
    return result


def best_hyperparameters(search: Search) -> dict[str, str] | list[dict[str, str]]:
    """Return hyperparameters as `train` takes them: for all customers, or with rows for some of them.

    Rows of single customers are for the channel `config` alone, as SageMaker has no place for them.
    """
    found = search.found
    for_all = {**search.settings.texts, **search.changes}
    if not found.own:
        return for_all
    rows = [{"customer": name, **_own(search, number)} for name, number in sorted(found.own.items())]
    return [for_all, *rows]


def _own(search: Search, number: int) -> dict[str, str]:
    """Return what a customer's own configuration sets; what only the fleet's changes is as in the job."""
    configurations, settings = search.configurations, search.settings
    defaults = {name: settings.value_of_job(name) for name in configurations[search.found.best]}
    return {**defaults, **configurations[number]}


def summary(search: Search) -> dict[str, Any]:
    """Return everything that was found, for programs."""
    found, journal = search.found, search.journal
    return {
        "is_complete": found.is_complete,
        "metric": search.settings.backtests.metric,
        "cpu_seconds": round(journal.cpu_seconds, 3),
        "customers": len(found.customers),
        "customers_left_out": len(journal.failed),
        "best": {"configuration": found.best, "changes": dict(search.changes)},
        "judged": _judged(found.judged),
        "own": {
            "customers": len(found.own),
            "configurations": {
                str(number): _count(found.own, number) for number in sorted({*found.own.values()})
            },
            "judged": _judged(found.own_judged),
        },
        "space": search.space.describe(),
        "effects": [asdict(effect) for effect in _effects(search)],
        "configurations": _configurations(found.rounds, search.configurations),
        "trees": {
            "configuration": found.best_trees,
            "configurations": _configurations(found.trees, search.trees),
        },
        "shares": {
            "configuration": found.best_share,
            "configurations": _configurations([found.shares] if found.shares else [], search.shares),
        },
    }


def _count(own: Mapping[str, int], number: int) -> int:
    return sum(each == number for each in own.values())


def _judged(judged: Judged | None) -> dict[str, Any] | None:
    if judged is None:
        return None
    numbers = {name: round(value, _DIGITS) for name, value in asdict(judged).items() if math.isfinite(value)}
    return {"is_used": judged.gain >= 0, **numbers}


def _effects(search: Search) -> list[Effect]:
    found, space = search.found, search.space
    return [
        *(effects(space.part(OF_PROPHET), search.configurations, found.rounds[0]) if found.rounds else []),
        *(effects(space.part(TREES), search.trees, found.trees[0]) if found.trees else []),
    ]


def _configurations(rounds: Sequence[Tried], changes: Configurations) -> list[dict[str, Any]]:
    """Return each configuration with its figures in its last round, those of the last round first."""
    rows: dict[int, dict[str, Any]] = {}
    for number, tried in reversed(list(enumerate(rounds, start=1))):
        for configuration in tried.configurations:
            if configuration in rows:
                continue
            ratios = log_ratios(tried.errors, tried.customers, configuration)
            mean = np.mean([np.mean(tried.errors[name][configuration]) for name in tried.customers])
            rows[configuration] = {
                "configuration": configuration,
                "round": number,
                "customers": len(tried.customers),
                "error": round(float(mean), _DIGITS),
                "gain": round(-math.expm1(float(ratios.mean())), _DIGITS) + 0.0,  # no sign before 0
                "changes": dict(changes[configuration]),
            }
    return list(rows.values())


def report_page(search: Search, result: Mapping[str, Any]) -> str:
    """Return the page for people."""
    found = search.found
    names = (("the fleet's configuration", found.judged), ("customers' own configurations", found.own_judged))
    left_out = sorted(search.journal.failed.items())
    return _TEMPLATES.get_template("report.html.jinja").render(
        summary=sentence(search),
        metric=result["metric"].upper(),
        judged=[_row(name, judged) for name, judged in names if judged is not None],
        effects=[
            (
                effect["setting"],
                f"{effect['explained']:.0%}",
                "; ".join(f"{g['name']}: {g['gain']:+.1%} ({g['configurations']})" for g in effect["groups"]),
            )
            for effect in result["effects"]
        ],
        comparisons=[
            (heading, _rows(rows))
            for heading, rows in (
                ("Trees of the model of all customers", result["trees"]["configurations"]),
                ("Shares of the model of all customers", result["shares"]["configurations"]),
                ("Configurations of Prophet's model", result["configurations"]),
            )
            if rows
        ],
        left_out=[(one_line(name), one_line(reason)) for name, reason in left_out[:MOST_LEFT_OUT]],
        left_out_more=max(0, len(left_out) - MOST_LEFT_OUT),
    )


def _rows(configurations: Sequence[Mapping[str, Any]]) -> list[Sequence[object]]:
    return [
        (
            row["configuration"],
            row["round"],
            row["customers"],
            f"{row['error']:.4g}",
            f"{row['gain']:+.1%}",
            words(row["changes"]),
        )
        for row in configurations
    ]


def _row(name: str, judged: Judged) -> Sequence[object]:
    refused = "" if judged.gain >= 0 else " (worse, so not used)"
    error = f" ± {100 * judged.standard_error:.1f} %" if math.isfinite(judged.standard_error) else ""
    return (
        name + refused,
        judged.customers,
        f"{judged.before:.4g}",
        f"{judged.after:.4g}",
        f"{100 * judged.gain:+.1f}{error or ' %'}",
        f"{judged.share_better:.0%}",
    )


def words(changes: Mapping[str, str]) -> str:
    """Return what a configuration changes as one text."""
    return ", ".join(f"{name} = {text}" for name, text in changes.items()) or "nothing: your settings"


def sentence(search: Search) -> str:
    """Return what the search has found, as one sentence for people."""
    found, judged = search.found, search.found.judged
    if search.changes:
        text = f"better than your settings: {words(search.changes)}"
        if judged is not None:
            text += f"; {judged.gain:.1%} less error on readings that chose nothing"
    else:
        others = len(search.configurations) - 1
        others += len(search.trees) - 1 if found.trees else 0
        others += len(search.shares) - 1 if found.shares else 0
        text = f"your settings stay: none of {others} configurations is reliably better"
        if judged is not None:
            text += f"; the best erred {-judged.gain:.1%} more on readings that chose nothing"
    if search.settings.per == "customer":
        text += f"; {len(found.own)} customers have settings of their own"
    return text
