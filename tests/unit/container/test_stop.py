import signal
from collections.abc import Iterator

import pytest

from container import StopRequest


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Restore the handlers of both signals after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_first_signal_decides_the_exit_code() -> None:
    stop = StopRequest.on_signals()
    assert not stop.is_made()

    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)

    assert stop.is_made()
    assert stop.exit_code == 143


def test_a_request_listens_again_after_another_handler_took_its_place() -> None:
    stop = StopRequest.on_signals()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    stop.listen()
    signal.raise_signal(signal.SIGTERM)

    assert stop.is_made()
