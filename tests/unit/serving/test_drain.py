"""When a stopping process may end, and what it answers until then."""

import pytest

from serving import drain as drain_module
from serving.drain import MAX_DRAIN_SECONDS, QUIET_SECONDS, Drain, queue_full, shutting_down
from serving.request import RequestBudget


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(drain_module, "time", made)
    return made


def test_a_process_that_was_not_asked_to_stop_never_ends(clock: Clock) -> None:
    drain = Drain()
    clock.seconds += 1e6

    assert not drain.has_begun
    assert not drain.is_over(is_idle=True, has_connections=False)


def test_an_idle_process_ends_once_no_request_has_come_for_a_second(clock: Clock) -> None:
    drain = Drain()
    drain.begin()
    clock.seconds += QUIET_SECONDS / 2
    drain.note_request()
    clock.seconds += QUIET_SECONDS * 0.9
    while_requests_come = drain.is_over(is_idle=True)
    clock.seconds += QUIET_SECONDS * 0.2

    assert not while_requests_come
    assert drain.is_over(is_idle=True)


def test_an_idle_process_without_connections_ends_at_once(clock: Clock) -> None:
    drain = Drain()
    drain.note_request()
    clock.seconds += QUIET_SECONDS * 1.1
    drain.begin()

    assert drain.is_over(is_idle=True, has_connections=False)
    assert not drain.is_over(is_idle=True, has_connections=True)


def test_a_busy_process_ends_after_the_longest_drain(clock: Clock) -> None:
    drain = Drain()
    drain.begin()
    clock.seconds += MAX_DRAIN_SECONDS * 0.9
    drain.begin()  # a second SIGTERM changes nothing
    drain.note_request()
    before = drain.is_over(is_idle=False)
    clock.seconds += MAX_DRAIN_SECONDS * 0.2
    drain.note_request()

    assert not before
    assert drain.is_over(is_idle=False)


def test_a_refusal_says_what_is_full_and_what_to_do() -> None:
    buffer_full = RequestBudget().buffer_full()

    assert str(shutting_down()) == "the server is shutting down; retry on another instance"
    assert str(queue_full(7)) == (
        "7 requests are already queued (SAGEMAKER_MODEL_JOB_QUEUE_SIZE); retry in 1 second"
    )
    assert str(buffer_full) == "requests of 128 MB are already in progress; retry in 1 second"
    assert {error.headers["Retry-After"] for error in (shutting_down(), queue_full(7), buffer_full)} == {"1"}
