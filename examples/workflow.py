"""The whole workflow on this machine, without Docker and without an account, from raw readings to a registry.

Without --data it generates a year of readings for 1,000 customers.  It runs the pipeline that `fleetcast
pipeline` defines, with the image's own programs: once through Register, and once more with a threshold that
no fleet passes, into Fail.  A run that is stopped or killed goes on when the same command is started again.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import duckdb

from examples import synthetic

READINGS: Final = "s3://workflow/readings"
"""The address that stands for the folder of raw readings."""
NEVER_PASSED: Final = "0.001"
"""A thousandth of the seasonal naive forecast's error."""
FAIL_STEP: Final = 3
"""The exit code of a local run that ends in a Fail step."""
LAST_PART: Final = 0.1
"""Of the time that the readings span: what the evaluation takes, unless --cutoff is given."""
METHODS: Final = ("models=auto", "global_share=0")
"""Hyperparameters: each customer is forecast by the methods that erred least in its backtests."""


def main() -> None:
    """Run the pipeline twice and say what came out."""
    options = _options()
    folder: Path = options.folder
    readings = folder / "readings"
    run = folder / "run"
    _raw_readings(options, readings)
    cutoff = options.cutoff or _cutoff(options, next(readings.iterdir()))
    print(f"\n== pipeline: readings before {cutoff} train the fleet, later ones evaluate it", flush=True)
    command = _command(options, cutoff)
    subprocess.run([*command, "--picture", str(folder / "pipeline.svg")], check=True)  # noqa: S603 -- our own
    run_options = ("--run-local", str(run), "--map", f"{READINGS}={readings}")

    good = _timed(command, run_options)
    if good == FAIL_STEP:
        print(f"the fleet is not good enough: {_reason(run)}")
    elif good:
        sys.exit(good)
    else:
        _print_version(run)

    print("\n== the same with a threshold that no fleet passes", flush=True)
    bad = _timed(command, (*run_options, "--parameter", f"MaxRatioToNaive={NEVER_PASSED}"))
    if bad != FAIL_STEP:
        sys.exit(f"exit code {bad} in place of {FAIL_STEP}")
    print(f"not registered, as it should be: {_reason(run)}")

    print(f"\nlogs, files and records of the steps: {run / 'steps'}    picture: {folder / 'pipeline.svg'}\n")
    _print_steps(run)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("workflow"), help="where the files go (%(default)s)"
    )
    parser.add_argument("--data", type=Path, help="your own table (.csv, .csv.gz, .parquet)")
    parser.add_argument("--id", default="customer_id", help="its column of customers (%(default)s)")
    parser.add_argument("--time", default="timestamp", help="its column of times (%(default)s)")
    parser.add_argument("--value", default="consumption", help="its column of readings (%(default)s)")
    parser.add_argument("--cutoff", default="", help="readings before it train (the last tenth evaluates)")
    parser.add_argument("--customers", type=int, default=1_000, help="how many to make (%(default)s)")
    return parser.parse_args()


def _raw_readings(options: argparse.Namespace, folder: Path) -> None:
    """Put the raw table into `folder`, where it does not lie there yet."""
    name = options.data.name if options.data else f"{options.customers}-customers.csv.gz"
    print("== raw readings", flush=True)
    if not options.data and (folder / name).is_file():
        print(f"{folder / name} is there")
        return
    if options.data and not options.data.is_file():
        sys.exit(f"{options.data}: no such file")
    unfinished = folder.with_name("readings.unfinished")
    for each in (folder, unfinished):
        shutil.rmtree(each, ignore_errors=True)
    unfinished.mkdir(parents=True)
    if options.data:
        shutil.copy(options.data, unfinished)
        print(f"{options.data} is copied")
    else:
        synthetic.write(unfinished / name, customers=options.customers, rows=1_000)
        print(f"1,000 readings of each of {options.customers:,} customers are generated")
    unfinished.rename(folder)


def _cutoff(options: argparse.Namespace, table: Path) -> str:
    """Return the time at which the last part of the readings begins."""
    reader = "read_parquet" if table.suffix == ".parquet" else "read_csv_auto"
    column = '"' + options.time.replace('"', '""') + '"'
    query = f"SELECT min({column}::TIMESTAMP), max({column}::TIMESTAMP) FROM {reader}(?)"  # noqa: S608 -- quoted
    try:
        first, last = duckdb.execute(query, [str(table)]).fetchall()[0]
    except duckdb.Error as error:
        sys.exit(f"the times of {table} cannot be read here; set --cutoff: {error}")
    cutoff = last - LAST_PART * (last - first)
    return str(cutoff.replace(minute=0, second=0, microsecond=0))


def _command(options: argparse.Namespace, cutoff: str) -> list[str]:
    columns = ["--customer-id", options.id, "--timestamp", options.time, "--value", options.value]
    chosen = [each for text in METHODS for each in ("--hyperparameter", text)]
    return [
        *(str(Path(sys.executable).with_name("fleetcast")), "pipeline", "--cutoff", cutoff),
        *("--readings", READINGS, "--process-options", shlex.join(columns), *chosen),
    ]


def _timed(command: list[str], options: tuple[str, ...]) -> int:
    started = time.perf_counter()
    code = subprocess.run([*command, *options], check=False).returncode  # noqa: S603 -- our own
    print(f"{time.perf_counter() - started:.1f} s, exit code {code}", flush=True)
    return code


def _print_version(run: Path) -> None:
    *_, package = _json(run / "registry.json")["ModelPackages"]
    print(f"registered: {package['ModelPackageArn']}, {package['ModelApprovalStatus']}: {_reason(run)}")


def _reason(run: Path) -> str:
    content = _json(run / "steps" / "Gate" / "ml" / "processing" / "output" / "gate" / "gate.json")
    return str(content["reason"])


def _print_steps(run: Path) -> None:
    for path in sorted((run / "steps").glob("*/record.json"), key=lambda path: path.stat().st_mtime):
        print(f"{_json(path)['seconds']:8.1f} s  {path.parent.name}")


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


if __name__ == "__main__":
    main()
