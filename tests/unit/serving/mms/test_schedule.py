"""In which order a pool process works on its requests."""

from collections.abc import Generator
from concurrent.futures import Future

import pytest

from serving.mms import schedule as schedule_module
from serving.mms.schedule import Job, Schedule
from serving.steps import Awaited

Log = list[str]


@pytest.fixture(autouse=True)
def _only_names_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no job become a long one by its seconds, whatever the machine does meanwhile."""
    monkeypatch.setattr(schedule_module, "LONG_SECONDS", 1e9)
    monkeypatch.setattr(schedule_module, "SHORT_ROUND_SECONDS", 1e9)


def job(log: Log, name: str, *, steps: int, is_long: bool = False, deadline: float = 1e99) -> Job:
    def work() -> Generator[Awaited, None, bytes]:
        for _ in range(steps):
            log.append(name)
            yield None
        return name.encode()

    def finish(content: bytes) -> None:
        log.append(f"{content.decode()} is done")

    made = Job(work(), finish=finish, refuse=lambda _error: None, deadline=deadline)
    made.seconds = 1e10 if is_long else 0.0
    return made


def run(schedule: Schedule, *, rounds: int) -> None:
    for _ in range(rounds):
        schedule.run(with_long=True)


def test_a_long_job_gets_one_step_per_round_and_short_jobs_go_first() -> None:
    log: Log = []
    schedule = Schedule(soon=lambda do: do())
    schedule.add(job(log, "long", steps=4, is_long=True))
    run(schedule, rounds=1)
    log.clear()

    schedule.add(job(log, "a", steps=2))
    schedule.add(job(log, "b", steps=1))
    run(schedule, rounds=1)

    assert log == ["a", "b", "a", "b is done", "a is done", "long"]


def test_long_jobs_take_turns() -> None:
    log: Log = []
    schedule = Schedule(soon=lambda do: do())
    for name in ("one", "two"):
        schedule.add(job(log, name, steps=2, is_long=True))

    run(schedule, rounds=6)

    assert log[2:] == ["one", "two", "one is done", "two is done"]
    assert len(schedule) == 0


def test_long_jobs_pause_while_the_loop_excludes_them() -> None:
    log: Log = []
    schedule = Schedule(soon=lambda do: do())
    schedule.add(job(log, "long", steps=3, is_long=True))

    for _ in range(3):
        schedule.run(with_long=False)

    assert log == ["long"]
    assert not schedule.has_step(with_long=False)
    assert schedule.has_step(with_long=True)


def test_a_job_continues_once_all_its_futures_are_done() -> None:
    futures: list[Future[int]] = [Future(), Future()]
    log: Log = []
    schedule = Schedule(soon=lambda do: do())

    def work() -> Generator[Awaited, None, bytes]:
        yield futures
        return str([each.result() for each in futures]).encode()

    schedule.add(Job(work(), finish=lambda c: log.append(c.decode()), refuse=lambda _: None, deadline=1e99))
    run(schedule, rounds=2)
    futures[1].set_result(2)
    run(schedule, rounds=2)
    before = list(log)
    futures[0].set_result(1)
    run(schedule, rounds=1)

    assert before == []
    assert log == ["[1, 2]"]


def test_a_removed_job_is_not_computed_any_further() -> None:
    log: Log = []
    schedule = Schedule(soon=lambda do: do())
    given_up = job(log, "gone", steps=3)
    schedule.add(given_up)

    schedule.remove(given_up)
    run(schedule, rounds=2)

    assert log == []
    assert len(schedule) == 0


def test_late_jobs_are_those_whose_deadline_has_passed() -> None:
    schedule = Schedule(soon=lambda do: do())
    late, early = job([], "late", steps=1, deadline=0.0), job([], "early", steps=1)
    schedule.add(late)
    schedule.add(early)

    assert schedule.late() == [late]
