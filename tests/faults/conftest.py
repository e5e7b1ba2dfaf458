from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from container import Paths
from examples import synthetic
from tests.faults import fleet, training_job


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the fault suites at their full counts")


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Return whether the suites run at their full counts, which takes hours, or for a few minutes."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    fleet.write_models(folder / "models", fleet.CUSTOMERS)
    fleet.write_archives(folder / "archives", fleet.CUSTOMERS)
    return folder


@pytest.fixture(params=["mms", "gunicorn"])
def stack(request: pytest.FixtureRequest) -> str:
    """Return the name of the stack that a fault is injected into."""
    return str(request.param)


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def say(figure: str) -> None:
        with capsys.disabled():
            print(f"\n{figure}")

    return say


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Return the paths of a training job whose channel has CUSTOMERS small customers."""
    paths = Paths(tmp_path / "ml")
    for customer, times, values in synthetic.readings(customers=training_job.CUSTOMERS, rows=300):
        folder = paths.channels / "train" / customer
        folder.mkdir(parents=True)
        pairs = zip(np.datetime_as_string(times), values.tolist(), strict=True)
        lines = "".join(f"{time},{value:.3f}\n" for time, value in pairs)
        (folder / "data.csv").write_text(f"timestamp,consumption\n{lines}")
    return paths
