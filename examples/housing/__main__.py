"""The example from end to end on this machine: houses -> feature store -> model -> registry -> prices.

  python -m examples.housing

It runs the pipeline of definition.py with `fleetcast pipeline --run-local`, approves the version that was
registered, and serves it.  No account is needed: AWS's services are stand-ins on loopback.
"""

import argparse
import json
import shutil
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

from examples.demo import Demo
from examples.housing.approved import approved_model
from examples.housing.definition import NAME, housing_pipeline
from examples.housing.evaluate import unpack
from examples.housing.houses import FEATURES, IDENTIFIER, TARGET, write
from examples.housing.ingest import read_rows
from examples.housing.parts import part_of
from examples.housing.picture import draw
from examples.housing.stand_ins import ROLE, aws
from testbed.server import without_process

ROOT = Path(__file__).parents[2]
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fleetcast:ray"
"""Which image serves the model, for the registry: the one that has XGBoost."""
DEFINITION = "housing.json"
ASKED = 3


def main() -> None:
    """Run the pipeline, approve and serve the model, print prices and times, leave the picture."""
    options = _options()
    demo = Demo(options.folder.absolute())
    _empty(demo.folder)
    houses = demo.folder / "houses" / "houses.csv"
    with aws(demo.folder / "store", houses=options.houses) as store:
        with demo.step("the table"):
            houses.parent.mkdir()
            write(houses, options.houses)
            print(f"{options.houses:,} houses")
        with demo.step("the pipeline: Ingest, Prepare, Train, Evaluate, Gate, Register"):
            _run_pipeline(demo, options, store=store, houses=houses.parent)
        with demo.step("approve"):
            demo.run("approve", "--latest-of", NAME, "--comment", "the gate is passed")
            model = approved_model(NAME, demo.folder / "run" / "s3")
    with demo.step("serve: the approved model's own code, prices over HTTP"):
        _serve(demo, model, houses)
    (predictions,) = demo.folder.glob("run/s3/*/*/*/evaluation/predictions.csv")
    draw(predictions, demo.folder / "prices.png")
    print(f"\npicture: {demo.folder / 'prices.png'}    log of the server: {demo.folder / 'serve.log'}\n")
    for name, seconds in demo.seconds.items():
        print(f"{seconds:8.1f} s  {name}")


def _empty(folder: Path) -> None:
    """Remove what an earlier run left; stop where the folder holds something else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / DEFINITION).is_file():
        sys.exit(f"{folder} holds other files, and this would remove them: take another --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / DEFINITION).write_text(json.dumps(housing_pipeline().as_json(), indent=1))


def _run_pipeline(demo: Demo, options: argparse.Namespace, *, store: Path, houses: Path) -> None:
    """Run the definition's steps as commands on this machine; stop where one fails, or the gate."""
    bucket = f"s3://{NAME}"
    parameters = {
        "Image": IMAGE,
        "Role": ROLE,
        "Bucket": NAME,
        "OfflineStore": f"{bucket}/store",
        "Trials": options.trials,
        "MaxMase": options.max_mase,
    }
    folders = {f"{bucket}/houses": houses, f"{bucket}/store": store}
    demo.run(
        *("pipeline", "--name", NAME, "--definition", str(demo.folder / DEFINITION)),
        *("--run-local", str(demo.folder / "run")),
        *(f"--parameter={name}={value}" for name, value in parameters.items()),
        *(f"--map={address}={folder}" for address, folder in folders.items()),
        # The steps' `python3` is the one that runs this, and it finds the scripts
        PATH=f"{Path(sys.executable).parent}:{demo.environment()['PATH']}",
        PYTHONPATH=str(ROOT),
    )


def _serve(demo: Demo, archive: Path, table: Path) -> None:
    """Load the model as a multi-model endpoint does, and ask it for the prices of houses in the test part."""
    folder = demo.paths.models / NAME / "model"
    unpack(archive, folder)
    asked = [row for row in read_rows(table) if part_of(row[IDENTIFIER]) == "test"][:ASKED]
    houses = [{name: float(row[name]) for name in FEATURES} for row in asked]
    with demo.server(ALLOW_ARCHIVE_CODE="true") as url:
        server = without_process(url)
        loaded = server.load(NAME, folder)
        answer = server.invoke(NAME, {"houses": houses}) if loaded.status == HTTPStatus.OK else loaded
    if answer.status != HTTPStatus.OK:
        sys.exit(f"the server answered {answer.status}: {answer.content.decode()}")
    _print(asked, answer.json["prices"])


def _print(asked: list[dict[str, Any]], prices: list[float]) -> None:
    print(f"\n{IDENTIFIER:<14}  {'actual price':>12}  {'predicted':>12}")
    for row, price in zip(asked, prices, strict=True):
        print(f"{row[IDENTIFIER]:<14}  {int(row[TARGET]):12,}  {price:12,.0f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path("demo/housing")
    parser.add_argument("--folder", type=Path, default=default, help="where the files go (%(default)s)")
    parser.add_argument("--houses", type=int, default=5_000, help="how many to make (%(default)s)")
    parser.add_argument("--trials", type=int, default=12, help="of the search (%(default)s)")
    parser.add_argument(
        "--max-mase",
        type=float,
        default=0.3,
        help="the gate: the largest error, as a share of the mean price's (%(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
