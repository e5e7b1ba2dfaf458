from collections.abc import Callable
from pathlib import Path

import pytest

from container import Paths
from tests.faults.fleet import CUSTOMERS, write_archives, write_models
from tests.faults.jobs import write_customers


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the fault suites at their full counts")


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Return whether the full counts are asked for; a few minutes of them otherwise."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    write_models(folder / "models", CUSTOMERS)
    write_archives(folder / "archives", CUSTOMERS)
    return folder


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Return the folders of a training job with two hundred small customers."""
    paths = Paths(tmp_path / "ml")
    write_customers(paths)
    return paths


@pytest.fixture(params=["mms", "gunicorn"])
def stack(request: pytest.FixtureRequest) -> str:
    """Return the name of the stack that a fault is injected into."""
    return str(request.param)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def say(figure: str) -> None:
        with capsys.disabled():
            print(f"\n{figure}")

    return say
