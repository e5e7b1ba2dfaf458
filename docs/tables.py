"""Fills the tables of the reference pages from the declarations in the code: `python -m docs.tables`.

A page marks the place of a table with `<!-- table: NAME -->` and `<!-- end -->`; the lines between them are
replaced.  `make docs` runs this first, and a test fails where a page is not up to date.
"""

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from container.cluster import outcome_table
from fleetcast.command import usage
from fleetcast.evaluation import method_table
from fleetcast.forecasting.prophet_json import field_table as model_json_table
from pipeline import delete, evaluate, gate, register
from pipeline.command_line import parser as pipeline_parser
from processing.ingest import parser as ingest_parser
from serving import settings
from serving.http import metrics, routes
from serving.request import field_table
from train import hyperparameters
from train.customer import REFRESH_STATUSES, status_table
from train.engines import settings_table as engine_settings_table
from train.exit_codes import exit_code_table
from train.figures import figure_table

PAGES: Final = Path(__file__).parent


def _help() -> str:
    return f"```text\n{usage()}\n```"


def _options(parser: argparse.ArgumentParser) -> str:
    """Return the options of a program as a table in Markdown."""
    rows = []
    for action in parser._actions:  # noqa: SLF001 -- argparse has no other list of them
        if isinstance(action, argparse._HelpAction):  # noqa: SLF001 -- the same
            continue
        name = action.option_strings[-1] if action.option_strings else ""
        value = "" if action.nargs == 0 else str(action.metavar or action.dest)
        meaning = (str(action.help or "") % vars(action)).replace("<base>", "/opt/ml")
        rows.append(f"| `{f'{name} {value}'.strip()}` | {meaning} |")
    return "\n".join(["| option | meaning |", "| --- | --- |", *rows])


def _exit_codes(meanings: Mapping[int, str]) -> str:
    return _words("code", "meaning", {str(code): meaning for code, meaning in meanings.items()})


def _words(first: str, second: str, meanings: Mapping[str, str]) -> str:
    rows = [f"| {word} | {meaning} |" for word, meaning in meanings.items()]
    return "\n".join([f"| {first} | {second} |", "| --- | --- |", *rows])


def _actions() -> str:
    """Return the IAM actions of the programs that call AWS."""
    of_programs = {
        "gate --model-package-group": gate.ACTIONS,
        "register": register.ACTIONS,
        "approve": register.APPROVE_ACTIONS,
        **{f"delete {kind}": actions for kind, actions in delete.ACTIONS.items()},
    }
    spans = {
        f"`{name}`": ", ".join(f"`{action}`" for action in actions) for name, actions in of_programs.items()
    }
    return _words("program", "actions", spans)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "approve-options": lambda: _options(register.approve_parser()),
    "cluster-exit-codes": outcome_table,
    "customer-statuses": status_table,
    "delete-options": lambda: _options(delete.parser()),
    "evaluate-exit-codes": lambda: _exit_codes(evaluate.EXIT_CODES),
    "evaluate-options": lambda: _options(evaluate.parser()),
    "evaluation-findings": lambda: _words("kind", "its number", evaluate.KINDS),
    "evaluation-statuses": lambda: status_table(evaluate.STATUSES),
    "gate-exit-codes": lambda: _exit_codes(gate.EXIT_CODES),
    "gate-options": lambda: _options(gate.parser()),
    "help": _help,
    "iam-actions": _actions,
    "methods": method_table,
    "model-json": model_json_table,
    "ingest-options": lambda: _options(ingest_parser()),
    "hyperparameters": hyperparameters.table,
    "multi-model-routes": lambda: routes.table(routes.MULTI_MODEL),
    "pipeline-options": lambda: _options(pipeline_parser()),
    "plain-routes": lambda: routes.table((*routes.PLAIN, routes.OPENAPI)),
    "prometheus-metrics": metrics.table,
    "register-options": lambda: _options(register.parser()),
    "refresh-statuses": lambda: status_table(REFRESH_STATUSES),
    "request-fields": field_table,
    "serving-settings": settings.table,
    "train-exit-codes": exit_code_table,
    "training-metrics": figure_table,
    "training-settings": engine_settings_table,
}
"""Text in Markdown by the name of its place."""
_PLACE: Final = re.compile(
    r"(?<=<!-- table: )([a-z-]+)( -->\n).*?(?=^<!-- end -->)", re.DOTALL | re.MULTILINE
)


def filled(page: str) -> str:
    """Return a page with every table as the code declares it; `KeyError` names one that is not declared."""
    return _PLACE.sub(lambda place: f"{place[1]}{place[2]}{TABLES[place[1]]().strip()}\n", page)


def main() -> None:
    """Write the pages that are not up to date."""
    for path in sorted(PAGES.rglob("*.md")):
        page = path.read_text()
        if (text := filled(page)) != page:
            path.write_text(text)


if __name__ == "__main__":
    main()
