"""The main job from end to end on this machine: raw readings -> process -> train -> serve -> forecasts.

Without --data it generates a year of readings for 1,000 customers.  It starts the same three programs as the
image, loads a few models into a real Multi Model Server and requests forecasts over HTTP.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from container import Paths
from examples import synthetic
from examples.picture import draw
from fleetcast.archive import GLOBAL_NAME, MEMBERS, SUFFIX, Archive, read_archive
from fleetcast.command import EXIT_INTERRUPTED
from testbed.ray_hosts import ray_hosts

ASKED = 4
PERIOD = 7
START_SECONDS = 60
HOSTS = 2
"""Logical hosts of the Ray cluster that `--engine ray` makes on this machine."""


class Demo:
    """One run: its folder, and the seconds of each step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = Paths((folder / "ml").absolute())
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Print the name of a step, and measure its seconds."""
        print(f"\n== {name}", flush=True)
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment that the programs run in."""
        return os.environ | {"SAGEMAKER_BASE_DIR": str(self.paths.base)} | more

    def run(self, program: str, *arguments: str, **more: str) -> None:
        """Run a program to its end, with more variables; stop the demo where it fails."""
        command = [_installed(), program, *arguments]
        process = subprocess.Popen(command, env=self.environment(**more))  # noqa: S603
        try:
            code = process.wait()
        except KeyboardInterrupt:
            sys.exit(process.wait() or EXIT_INTERRUPTED)  # Ctrl-C has reached it too, and it ends by itself
        if code:
            sys.exit(code)

    def train(self, engine: str) -> None:
        """Run `train` with an engine; with `ray` as a job of several hosts."""
        _set_engine(self.paths, engine)
        if engine != "ray":
            self.run("train")
            return
        with ray_hosts(HOSTS) as hosts:
            print(f"a Ray cluster of {HOSTS} logical hosts at {hosts.address}", flush=True)
            self.run("train", RAY_ADDRESS=hosts.address)

    def compare_with_one_host(self) -> None:
        """Train the same customers without Ray into another folder; stop where an archive differs."""
        alone = Paths((self.folder / "ml-one-host").absolute())
        shutil.rmtree(alone.base, ignore_errors=True)
        alone.processing_output.parent.mkdir(parents=True)
        alone.processing_output.symlink_to(self.paths.processing_output)
        _set_engine(alone, "local")
        self.run("train", SAGEMAKER_BASE_DIR=str(alone.base))
        by_ray, by_one_host = _archives(self.paths), _archives(alone)
        if by_ray != by_one_host:
            sys.exit(f"the archives in {self.paths.checkpoints} and {alone.checkpoints} differ")
        print(f"{len(by_ray):,} archives, the same bytes as those of one host")

    @contextmanager
    def server(self, **more: str) -> Iterator[str]:
        """Run `serve`, with more variables, until the block ends; yield its address once it answers."""
        port = _free_port()
        environment = self.environment(SAGEMAKER_MULTI_MODEL="true", SAGEMAKER_BIND_TO_PORT=str(port), **more)
        log = self.folder / "serve.log"
        with log.open("wb") as output:
            process = subprocess.Popen([_installed(), "serve"], env=environment, stdout=output, stderr=output)  # noqa: S603
        try:
            _wait(f"http://127.0.0.1:{port}/models", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def main() -> None:
    """Run every step, print the forecasts and the times, leave the picture."""
    options = _options()
    demo = Demo(options.folder)
    shutil.rmtree(demo.paths.base, ignore_errors=True)
    demo.paths.processing_input.mkdir(parents=True)

    with demo.step("raw readings"):
        arguments = _raw_readings(options, demo.paths.processing_input)
    with demo.step("process: raw readings -> one folder per customer"):
        demo.run("process", *arguments)
    with demo.step("train: one model and one archive per customer"):
        demo.train(options.engine)
    if options.engine == "ray":
        with demo.step("the same on one host, without Ray"):
            demo.compare_with_one_host()
    of_all = f"{GLOBAL_NAME}{SUFFIX}"  # the model of all customers forecasts from readings in a request
    archives = sorted(path for path in demo.paths.checkpoints.glob(f"*{SUFFIX}") if path.name != of_all)
    chosen = [
        archives[place] for place in np.linspace(0, len(archives) - 1, min(ASKED, len(archives))).astype(int)
    ]
    with demo.step("serve: Multi Model Server, load, forecast"), demo.server() as url:
        forecasts = {path.name.removesuffix(SUFFIX): _forecast(url, path, demo.paths) for path in chosen}

    _print_forecasts(forecasts)
    draw(forecasts, demo.paths.processing_output, demo.folder / "forecasts.png")
    print(f"\n{len(archives)} archives in {demo.folder / 'ml' / 'checkpoints'}")
    print(f"picture: {demo.folder / 'forecasts.png'}    log of the server: {demo.folder / 'serve.log'}\n")
    for name, seconds in demo.seconds.items():
        print(f"{seconds:8.1f} s  {name}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where the files go (%(default)s)")
    parser.add_argument("--data", type=Path, help="your own table (.csv, .csv.gz, .parquet)")
    parser.add_argument("--id", default="customer_id", help="its column of customers (%(default)s)")
    parser.add_argument("--time", default="timestamp", help="its column of times (%(default)s)")
    parser.add_argument("--value", default="consumption", help="its column of readings (%(default)s)")
    parser.add_argument("--where", default="", help="read only some rows, such as split=train")
    parser.add_argument(
        "--engine", choices=("auto", "local", "ray"), default="auto", help="of train (%(default)s)"
    )
    parser.add_argument("--customers", type=int, default=1_000, help="how many to make (%(default)s)")
    return parser.parse_args()


def _raw_readings(options: argparse.Namespace, folder: Path) -> list[str]:
    """Put the raw table into `folder`; return the arguments of `process` that describe it."""
    if options.data is None:
        synthetic.write(folder / "readings.csv.gz", customers=options.customers, rows=1_000)
        print(f"generated 1,000 readings for each of {options.customers:,} customers")
        return []
    if not options.data.is_file():
        sys.exit(f"{options.data}: no such file")
    shutil.copy(options.data, folder)
    where = ["--where", options.where] if options.where else []
    return ["--customer-id", options.id, "--timestamp", options.time, "--value", options.value, *where]


def _set_engine(paths: Paths, engine: str) -> None:
    paths.config.mkdir(parents=True)
    (paths.config / "hyperparameters.json").write_text(json.dumps({"engine": engine}))


def _archives(paths: Paths) -> dict[str, bytes]:
    """Return the bytes of all archives by file name."""
    return {path.name: path.read_bytes() for path in paths.checkpoints.glob(f"*{SUFFIX}")}


def _forecast(url: str, path: Path, paths: Paths) -> list[dict[str, Any]]:
    """Load a model as SageMaker does (extract the archive, POST /models), then ask it for a forecast."""
    customer = path.name.removesuffix(SUFFIX)
    folder = paths.models / customer / "model"
    _extract(read_archive(path), folder)
    _post(f"{url}/models", {"model_name": customer, "url": str(folder)})
    answer = _post(f"{url}/models/{urllib.request.pathname2url(customer)}/invoke", {"period": PERIOD})
    predictions: list[dict[str, Any]] = answer["predictions"]
    return predictions


def _extract(archive: Archive, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, text in zip(MEMBERS, (archive.model, json.dumps(archive.metadata)), strict=True):
        (folder / name).write_text(text)


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 -- our own server
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit(f"POST {url} was answered {error.code}: {error.read().decode()}")
    return answer


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until `url` answers; stop the demo where the server ended or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 -- our own server
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"the server did not start:\n{log.read_text()}")


def _print_forecasts(forecasts: dict[str, list[dict[str, Any]]]) -> None:
    """Print a line per customer and day, so that customers whose readings end on different days fit in."""
    width = max(len("customer"), *map(len, forecasts))
    print(f"\n{'customer':<{width}}  {'ds':<19}  {'yhat':>10}  {'yhat_lower':>10}  {'yhat_upper':>10}")
    for customer, predictions in forecasts.items():
        for row in predictions:
            numbers = "  ".join(f"{row[name]:10.2f}" for name in ("yhat", "yhat_lower", "yhat_upper"))
            print(f"{customer:<{width}}  {row['ds']:<19}  {numbers}")


def _installed() -> str:
    return str(Path(sys.executable).with_name("fleetcast"))


def _free_port() -> int:
    """Return a port that is free now and that Multi Model Server takes (below 32,767)."""
    for port in range(18_080, 32_767):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    sys.exit("no free port")


if __name__ == "__main__":
    main()
