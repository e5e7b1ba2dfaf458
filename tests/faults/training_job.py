"""A training job of two hundred small customers, run by the real program, and what it left."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from container import Paths
from fleetcast.archive import read_archive
from fleetcast.errors import ArchiveError
from testbed.server import installed

CUSTOMERS = 200


def hyperparameters(paths: Paths, **texts: str) -> None:
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.config / "hyperparameters.json").write_text(json.dumps(texts))


@contextmanager
def training(paths: Paths, *, plant: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run `train` in a process group of its own, and end the group; `plant` runs before the program."""
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(paths.base)}
    if plant:
        folder = paths.base / "plant"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sitecustomize.py").write_text(plant)
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
    names = []
    for path in paths.checkpoints.glob("*.tar.gz"):
        try:
            read_archive(path)
        except ArchiveError:
            names.append(path.name)
    return names
