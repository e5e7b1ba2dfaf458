"""The whole job: archives and new readings of a fleet -> evaluation.json and evaluation.jsonl."""

import json
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from container import Paths, progress, quoted, read_json_object
from fleetcast.archive import remove_unfinished, write_atomically
from fleetcast.errors import InputError
from fleetcast.evaluation import Holdout
from pipeline.evaluate.archives import Archives
from pipeline.evaluate.customer import CustomerWithHistory, EvaluateCustomer
from pipeline.evaluate.figures import FleetFigures
from pipeline.evaluate.outcome import EvaluationOutcome, NotEvaluated, line
from train.channel import Customer, customers_in
from train.customer import Failed
from train.engines import LocalEngine
from train.ledger import LedgerWriter
from train.settings import TrainSettings

logger = logging.getLogger(__name__)

LOGGED_PER_STATUS: Final = 5
"""Customers that are logged by name, per status; evaluation.jsonl has them all."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The folders that an evaluation reads."""

    model: Path
    actuals: Path
    history: Path
    """It need not be there."""


def evaluate(
    paths: Paths,
    inputs: Inputs,
    settings: TrainSettings,
    *,
    horizon: Holdout,
    stopped: Callable[[], bool] = lambda: False,
) -> FleetFigures | None:
    """Evaluate all customers, write both files, and return the figures; None, and no file, once `stopped()`.

    Raises `InputError` where there is nothing to evaluate, and `FilesystemError`.
    """
    check_hosts(paths)
    folder = paths.processing_output / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    remove_unfinished(folder)
    for name in ("evaluation.json", "evaluation.jsonl"):  # a gate must not read those of an earlier job
        (folder / name).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="evaluate-") as temporary:
        archives = Archives.of(inputs.model, Path(temporary))
        customers = find_customers(archives, inputs)
        figures, logged = FleetFigures(), Counter[str]()
        engine, task = LocalEngine.of(settings), EvaluateCustomer(settings, archives, horizon)
        started = time.monotonic()
        with (
            closing(engine.results(task, customers, stopped=stopped)) as outcomes,
            LedgerWriter(folder / "evaluation.jsonl") as ledger,
        ):
            for outcome in progress(outcomes, total=len(customers), doing="evaluate"):
                figures.add(outcome)
                ledger.write(line(outcome))
                _log(outcome, logged)
            if figures.statuses.total() < len(customers):
                return None
            ledger.finish()
    evaluation = figures.evaluation()
    content = json.dumps(evaluation, indent=2, allow_nan=False).encode() + b"\n"
    write_atomically(folder / "evaluation.json", content)
    _log_summary(figures, logged, time.monotonic() - started)
    return figures


def check_hosts(paths: Paths) -> None:
    """Raise `InputError` where a processing job has several hosts: one speaks for the whole fleet."""
    hosts = read_json_object(paths.base / "config" / "resourceconfig.json").get("hosts") or ()
    if len(hosts) > 1:
        raise InputError(
            f"the job has {len(hosts)} hosts, and evaluation.json is of the whole fleet: use one instance; "
            "evaluate works on all of its processors"
        )


def find_customers(archives: Archives, inputs: Inputs) -> Sequence[Customer]:
    """Return the customers that have readings or an archive, sorted by name; raise `InputError`."""
    if not inputs.actuals.is_dir():
        raise InputError(
            f"there is no folder {quoted(inputs.actuals)}: put readings that the training has not seen into "
            "it, one folder per customer, as `fleetcast process` writes them"
        )
    found = customers_in(inputs.actuals)
    if not found:
        raise InputError(f"there are no customers in {quoted(inputs.actuals)}")
    before = customers_in(inputs.history) if inputs.history.is_dir() else []
    history = {customer.name: customer for customer in before}
    known = {customer.name for customer in found}
    customers: list[Customer] = [
        CustomerWithHistory(each.name, each.paths, problem=each.problem, history=history.get(each.name))
        for each in found
    ]
    customers += [Customer(name, ()) for name in {*archives.customers()} - known]
    logger.info(
        "%d customers have readings, %d have an archive alone", len(known), len(customers) - len(known)
    )
    return sorted(customers, key=lambda customer: customer.name)


def _log(outcome: EvaluationOutcome, logged: Counter[str]) -> None:
    """Log one of the first customers of each status without metrics."""
    if isinstance(outcome, Failed | NotEvaluated):
        logged[outcome.status] += 1
        if logged[outcome.status] <= LOGGED_PER_STATUS:
            logger.warning("customer %s, %s: %s", quoted(outcome.customer), outcome.status, outcome.reason)


def _log_summary(figures: FleetFigures, logged: Counter[str], seconds: float) -> None:
    for status, count in logged.items():
        if count > LOGGED_PER_STATUS:
            logger.warning(
                "%d more customers: %s; evaluation.jsonl has them", count - LOGGED_PER_STATUS, status
            )
    for kind, count in sorted(figures.findings.items()):
        logger.warning("%s: %d customers; evaluation.jsonl has the numbers", kind, count)
    evaluated, total = figures.statuses["ok"], figures.statuses.total()
    logger.info("%d of %d customers evaluated in %.1f s", evaluated, total, seconds)
    if figures.steps:
        logger.info(
            "horizon: the last new reading is %g steps after the archive's end in the median, from %g to %g",
            median(figures.steps),
            min(figures.steps),
            max(figures.steps),
        )
