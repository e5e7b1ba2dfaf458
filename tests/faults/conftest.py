import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the fault suites at their full counts")


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Return whether the full counts are asked for; a few minutes of them otherwise."""
    return bool(request.config.getoption("--full"))
