"""The program `tune`: backtests of many customers -> the hyperparameters with which a fleet errs least."""

import argparse
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import Final

import numpy as np

from container import COMMON, Host, Paths, StopRequest, help_text, log_metrics, quoted, run
from container.cluster import run_on_cluster
from fleetcast.archive import remove_unfinished
from fleetcast.errors import InputError, ReadingsError, UnusableFileError
from fleetcast.forecasting import FitOptions
from fleetcast.forecasting.features import with_automatic
from train import hyperparameters
from train.channel import Customer, find_customers
from train.customer import digest_of_files, file_contents, load_readings
from train.engines import VARIABLES, Engine, LocalEngine, choose
from train.exit_codes import DONE, FAILED, code_of_signal, write_failure
from train.global_training import can_train
from train.job_engine import job_engine
from train.lock import TreeInUseError, locked
from train.preflight import check
from train.tuning.backtests import Backtests
from train.tuning.journal import NAME, Journal
from train.tuning.result import sentence, write_result
from train.tuning.search import Search, in_order
from train.tuning.settings import TuneSettings
from train.tuning.space import SEASONS

logger = logging.getLogger(__name__)

DESCRIPTION: Final = """\
Search the hyperparameters with which your customers' forecasts err least: those of Prophet's model and, with
models = auto or global, those of the model of all customers (global_eta, global_rounds, global_max_depth,
global_share).

Reads what `fleetcast train` reads: <base>/input/data/<channel>, hyperparameters and the channel `config`.
Tries configurations by backtests: many on a few customers, then the better ones on more (successive halving).
Each is compared with your own settings on the same customers and cut-offs.  Your settings stay unless another
configuration is better by more than chance explains, and not worse on the last readings of each history,
which no choice has seen.  The trees of the model of all customers come first, with up to half of the budget
(all of it with models = global), then its share, then Prophet's model.

Writes <base>/model/best-hyperparameters.json, and the same to <base>/checkpoints: use it as the
hyperparameters.json of `fleetcast train`, or put it into the channel `config`.  The report is
<base>/output/data/tune.html; tune.json has the same for programs.

Every backtest goes at once to <base>/checkpoints/tune.jsonl.  After a kill or a stop the same command goes
on; a larger tune_cpu_seconds or tune_configurations continues a search that has ended.  Remove the file to
begin anew.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set."""
EPILOGUE: Final = """\
examples of hyperparameters, in <base>/input/config/hyperparameters.json:
  {{"tune_cpu_seconds": "600"}}
  {{"tune_per": "customer", "metric": "wape", "backtest_horizon": "48"}}
  {{"models": "auto", "tune_space": {{"global_max_depth": [5, 6, 7, 8]}}}}
  {{"growth": "flat", "tune_space": {{"seasonality_mode": ["additive", "multiplicative"],
   "changepoint_prior_scale": {{"from": 0.001, "to": 0.5, "scale": "log"}}}}}}
A hyperparameter that you set is not searched, unless your own space names it.

exit codes:
  0    done
  1    failed: the last log line and output/failure have the reason
  2    an unknown option, or a package is missing that the program needs
  130  stopped by Ctrl-C; the best so far is written, and the same command goes on
  143  stopped by SIGTERM; the best so far is written, and the same command goes on

hyperparameters of the search, beside those of `fleetcast train`:

{hyperparameters}

environment variables:
{variables}"""
HISTORIES: Final = 15
"""Histories that decide which seasons are searched by default."""


def tune(paths: Paths) -> int:
    """Run the search and return the exit code; what was found so far is written in any case.

    Raises `SettingError` and `InputError` for what nothing can be searched with, `TreeInUseError` where a
    training works on the same folders, `WorkerStartError`, and `FilesystemError`.
    """
    settings = TuneSettings.from_files(paths)
    host = Host.from_files(paths)
    channels = (path.name for path in paths.channels.glob("*") if path.is_dir())
    if any(host.is_presharded(channel) for channel in channels):
        raise InputError(
            "one host compares all customers, but under ShardedByS3Key each host has a part of them: use "
            "FullyReplicated, or a single host"
        )
    stop = StopRequest.on_signals()
    choice = choose(settings.train, host, os.environ)
    if choice.name == "ray":
        if host.hosts == 1:
            return _tune_on_cluster(paths, settings, stop)
        return run_on_cluster(
            host,
            lambda _: _tune_on_cluster(paths, settings, stop),
            stop=stop,
            failed=partial(write_failure, os.environ),
        )
    if host.index:
        logger.info("the search runs on host %s alone; this host has nothing to do", host.names[0])
        return DONE.number
    logger.info("engine %s: %s", choice.name, choice.reason)
    alone = Host(name=host.name)
    customers = find_customers(paths, alone, fleet=settings.train.methods.fleet.channel)
    return _tune(paths, settings, LocalEngine.of(settings.train), customers, stop)


def _tune_on_cluster(paths: Paths, settings: TuneSettings, stop: StopRequest) -> int:
    with job_engine(paths, settings.train) as job:
        return _tune(paths, settings, job.engine, job.customers, stop)


def _tune(
    paths: Paths, settings: TuneSettings, engine: Engine, customers: Sequence[Customer], stop: StopRequest
) -> int:
    if not customers:
        raise InputError("the channel has no customers to search with")
    check(settings.train, customers)
    paths.checkpoints.mkdir(parents=True, exist_ok=True)
    with locked(paths.checkpoints, Host.from_files(paths).name):
        paths.failure.unlink(missing_ok=True)
        remove_unfinished(paths.checkpoints)
        search = _search(paths, settings, engine, in_order(customers, seed=settings.seed), stop)
        with closing(search.journal):
            for growth in search.space.texts_of("growth"):
                check(settings.train.with_model({"growth": growth}), customers)
            search.run()
            result = write_result(paths, search)
    _log_left_out(search.journal.failed)
    logger.info("%s", sentence(search))
    judged = search.found.judged
    log_metrics(
        {
            "tune_configurations": len(result["configurations"]),
            "tune_customers": result["customers"],
            "tune_gain": judged.gain if judged is not None and search.changes else 0.0,
            "tune_cpu_seconds": result["cpu_seconds"],
        }
    )
    if not search.found.is_complete:
        logger.warning("stopped: the best so far is written; run the same command again to go on")
        return code_of_signal(stop.signal).number
    return DONE.number


def _log_left_out(failed: Mapping[str, str]) -> None:
    if failed:
        first = min(failed)
        logger.warning(
            "%d customers took no part in the search; the first: %s: %s",
            len(failed),
            quoted(first),
            failed[first],
        )


def _search(
    paths: Paths, settings: TuneSettings, engine: Engine, customers: Sequence[Customer], stop: StopRequest
) -> Search:
    by_name = {each.name: each for each in customers}

    def data_of(name: str) -> str:
        with suppress(ReadingsError, UnusableFileError, OSError):
            return digest_of_files(file_contents(by_name[name])) if name in by_name else ""
        return ""

    has_global = can_train(customers, settings.train)
    space = settings.space(_seasons(customers, settings), has_global=has_global)
    journal = Journal.open(paths.checkpoints / NAME, settings.search_digest(space), data_of=data_of)
    backtests = Backtests(settings, engine, journal, data_of, stop.is_made)
    return Search(space, customers, backtests, has_global=has_global)


def _seasons(customers: Sequence[Customer], settings: TuneSettings) -> list[str]:
    """Return the seasons that Prophet fits by itself to most of the first histories."""
    found: list[set[str]] = []
    for customer in customers[: 2 * HISTORIES]:
        with suppress(ReadingsError, UnusableFileError, OSError):
            own = settings.train.for_customer(customer.name)
            readings = load_readings(customer, file_contents(customer), own)
            usable = readings.rows(np.isfinite(readings.y)).by_time()
            stamps = usable.ds.astype("datetime64[us]").view(np.int64)
            if stamps.size > 1:
                fitted = with_automatic((), stamps, settings=FitOptions().settings)
                found.append({f"{each.name}_seasonality" for each in fitted})
        if len(found) == HISTORIES:
            break
    return [name for name in SEASONS if 2 * sum(name in each for each in found) > len(found)]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, which has no options but `--help`."""
    shared = (
        hyperparameters.METRIC,
        hyperparameters.BACKTEST_CUTOFFS,
        hyperparameters.BACKTEST_HORIZON,
        hyperparameters.ENGINE,
    )
    return argparse.ArgumentParser(
        prog="fleetcast tune",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(
            hyperparameters=help_text((*hyperparameters.TUNE, *shared)),
            variables=help_text((*COMMON, *VARIABLES)),
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def main() -> int:
    """Run the program and return its exit code; the reason of a failure goes to `/opt/ml/output/failure`."""
    parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        try:
            return tune(Paths.from_env(env))
        except TreeInUseError as error:
            logger.error("%s", error)  # noqa: TRY400 -- output/failure is the other program's
            return FAILED.number

    return run(program, failed=write_failure)
