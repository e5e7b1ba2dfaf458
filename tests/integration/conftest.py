from collections.abc import Iterator
from pathlib import Path

import pytest

from container import Paths
from examples import synthetic
from fleetcast.archive import MEMBERS, read_archive
from testbed.server import Server, run, serving, serving_plain
from tests.integration.gunicorn_endpoint import write_fleet


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Five customers that went through `process` and `train`, laid out as SageMaker lays out models."""
    paths = Paths(tmp_path_factory.mktemp("ml"))
    paths.processing_input.mkdir(parents=True)
    synthetic.write(paths.processing_input / "readings.csv.gz", customers=5, rows=300)
    for program in ("process", "train"):
        finished = run(program, base=paths.base)
        assert finished.returncode == 0, finished.stderr
    for path in paths.checkpoints.iterdir():
        folder = paths.models / path.name.removesuffix(".tar.gz") / "model"
        folder.mkdir(parents=True)
        (folder / MEMBERS[0]).write_text(read_archive(path).model)
    return paths


@pytest.fixture(scope="module")
def server(fleet: Paths) -> Iterator[Server]:
    with serving(fleet.base) as running:
        assert running.load("0", fleet.models / "0" / "model").status == 200
        yield running


@pytest.fixture
def elsewhere(fleet: Paths) -> Path:
    """Return a usable model that does not lie in the model store."""
    folder = fleet.base / "elsewhere"
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_bytes((fleet.models / "0" / "model" / "model.json").read_bytes())
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a plain endpoint with the archives of `write_fleet`; its metrics name three customers."""
    paths = Paths(tmp_path_factory.mktemp("plain"))
    write_fleet(paths.model)
    with serving_plain(paths.base, METRICS_CUSTOMERS="3") as server:
        yield server
