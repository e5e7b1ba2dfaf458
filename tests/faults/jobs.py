"""A fleet of small customers and the real `train`, in a process group of its own, for the fault suites.

`PLANTS` are faults in our own code, which a `sitecustomize.py` on the program's path puts there.  With one of
them a suite must fail.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np

from container import Paths
from examples import synthetic
from fleetcast.archive import read_archive
from fleetcast.errors import ArchiveError
from testbed.server import installed

CUSTOMERS = 200
PLANTS = {
    "write under the final name": """
import fleetcast.archive.write
def write(path, content):
    import time
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        time.sleep(0.002)
        file.write(content[len(content) // 2 :])
fleetcast.archive.write.replace_atomically = write
""",
    "forget what is finished": """
import sys
if "forkserver" in " ".join(sys.orig_argv):
    import train.customer.train_customer
    train.customer.train_customer._unchanged = lambda path, fingerprint: None
""",
}


def write_customers(paths: Paths) -> None:
    """Write a channel of two hundred small customers."""
    for customer, times, values in synthetic.readings(customers=CUSTOMERS, rows=300):
        folder = paths.channels / "train" / customer
        folder.mkdir(parents=True)
        pairs = zip(np.datetime_as_string(times), values.tolist(), strict=True)
        lines = "".join(f"{time},{value:.3f}\n" for time, value in pairs)
        (folder / "data.csv").write_text(f"timestamp,consumption\n{lines}")


def hyperparameters(paths: Paths, **texts: str) -> None:
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.config / "hyperparameters.json").write_text(json.dumps(texts))


@contextmanager
def training(paths: Paths, *, plant: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run `train` in a process group of its own, all of which is gone afterwards."""
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(paths.base)}
    if plant:
        folder = paths.base / "plant"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sitecustomize.py").write_text(PLANTS[plant])
        environment |= {"PYTHONPATH": str(folder)}
    with (paths.base / "train.log").open("ab") as log:
        process = subprocess.Popen(
            installed("train"), env=environment, stderr=log, stdout=log, start_new_session=True
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def complete(paths: Paths, *, plant: str = "") -> int:
    with training(paths, plant=plant) as process:
        return process.wait(120)


def archives(paths: Paths) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths.checkpoints.glob("*.tar.gz")}


def stamps(paths: Paths) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in paths.checkpoints.glob("*.tar.gz")}


def corrupt(paths: Paths) -> list[str]:
    found = []
    for path in paths.checkpoints.glob("*.tar.gz"):
        try:
            read_archive(path)
        except ArchiveError:
            found.append(path.name)
    return found
