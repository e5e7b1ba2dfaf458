import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from fleetcast.archive import write_archive
from fleetcast.forecasting import ForecastOptions, forecast
from serving.errors import DefectError, ModelNotFoundError, RequestError, UnavailableError
from serving.models import cache as cache_module
from serving.models.cache import ModelCache
from serving.models.load import BringsOwnCodeError, load_packed
from serving.models.store import Packed, open_store
from tests.unit.fleetcast.archive.test_hostile_archives import file, packed
from tests.unit.models import packed_model

NEVER = 3_600.0
"""Seconds between two looks at the store: longer than any test."""


@dataclass
class Shelf:
    """A model store in memory."""

    archives: dict[str, bytes]
    reads: list[str] = field(default_factory=list)
    fails: Exception | None = None
    gate: Event | None = None
    """What a read waits for."""
    reading: Event = field(default_factory=Event)

    def read(self, name: str, *, known: str | None = None) -> Packed | None:
        self.reads.append(name)
        self.reading.set()
        if self.gate is not None:
            assert self.gate.wait(30)
        if self.fails is not None:
            raise self.fails
        if name not in self.archives:
            raise ModelNotFoundError("there is no such model")
        content = self.archives[name]
        version = str(hash(content))
        return None if version == known else Packed(content, version)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({f"{each}.tar.gz": packed_model(float(each)) for each in range(1, 6)})


def cache(shelf: Any, *, capacity_bytes: int = 10**9, revalidate_seconds: float = NEVER) -> ModelCache:
    return ModelCache(shelf, capacity_bytes=capacity_bytes, revalidate_seconds=revalidate_seconds)


def level(model: Any) -> int:
    return round(float(forecast(model.model, ForecastOptions(1))["yhat"][0]))


def test_a_model_is_loaded_when_it_is_first_asked_for_and_kept(shelf: Shelf) -> None:
    models = cache(shelf)

    assert shelf.reads == []
    assert [level(models.get(name)) for name in ("1", "2.tar.gz", "1.tar.gz", "2")] == [1, 2, 1, 2]
    assert shelf.reads == ["1.tar.gz", "2.tar.gz"]


def test_200_threads_that_ask_for_one_cold_model_load_it_once(shelf: Shelf) -> None:
    models = cache(shelf)
    shelf.gate = Event()

    with ThreadPoolExecutor(200) as threads:
        asked = [threads.submit(models.get, "1") for _ in range(200)]
        assert shelf.reading.wait(30)
        shelf.gate.set()
        found = {id(each.result(30)) for each in asked}

    assert shelf.reads == ["1.tar.gz"]
    assert len(found) == 1


def test_the_least_recently_used_model_goes_first(shelf: Shelf) -> None:
    one = cache(shelf)
    one.get("1")
    models = cache(shelf, capacity_bytes=3 * one.cached_bytes + 100)
    for name in ("1", "2", "3", "1", "4"):
        models.get(name)
    shelf.reads.clear()

    for name in ("1", "3", "4", "2"):
        models.get(name)

    assert shelf.reads == ["2.tar.gz"]
    assert len(models) == 3
    assert models.cached_bytes <= 3 * one.cached_bytes + 100


def test_a_model_larger_than_the_cache_is_answered_and_not_kept(shelf: Shelf) -> None:
    models = cache(shelf, capacity_bytes=100)

    assert level(models.get("1")) == 1
    assert (len(models), models.cached_bytes) == (0, 0)


def test_what_a_model_keeps_after_it_was_loaded_counts_at_the_next_look(shelf: Shelf) -> None:
    models = cache(shelf, revalidate_seconds=0)
    model = models.get("1")
    before = models.cached_bytes

    forecast(model.model, ForecastOptions(100))
    models.get("1")

    assert models.cached_bytes > before + 100 * 8


def test_a_replaced_archive_is_noticed_at_the_next_look_and_a_deleted_one_too(shelf: Shelf) -> None:
    models = cache(shelf, revalidate_seconds=0)
    assert level(models.get("1")) == 1

    shelf.archives["1.tar.gz"] = packed_model(9.0)
    assert level(models.get("1")) == 9
    del shelf.archives["1.tar.gz"]
    with pytest.raises(ModelNotFoundError):
        models.get("1")
    assert len(models) == 0


def test_an_archive_that_has_not_changed_is_not_loaded_again(shelf: Shelf) -> None:
    models = cache(shelf, revalidate_seconds=0)

    assert models.get("1") is models.get("1")
    assert len(shelf.reads) == 2


@pytest.mark.parametrize(
    ("archive", "kind"),
    [
        (None, ModelNotFoundError),
        (b"no archive", RequestError),
        (packed(file("code/inference.py")), BringsOwnCodeError),
    ],
)
def test_a_name_without_a_usable_model_is_remembered(
    shelf: Shelf, archive: bytes | None, kind: type[RequestError]
) -> None:
    if archive is not None:
        shelf.archives["x.tar.gz"] = archive
    models = cache(shelf)

    for ask in (models.get, models.get, models.peek):
        with pytest.raises(kind):
            ask("x")
    assert shelf.reads == ["x.tar.gz"]


def test_a_model_that_appears_is_found_after_the_moment_that_its_absence_is_remembered(shelf: Shelf) -> None:
    models = cache(shelf, revalidate_seconds=0)
    with pytest.raises(ModelNotFoundError):
        models.get("new")

    shelf.archives["new.tar.gz"] = packed_model(1.0)

    assert level(models.get("new")) == 1


def test_only_so_many_misses_are_remembered(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MOST_MISSES", 3)
    models = cache(shelf)

    for name in ("a", "b", "c", "d", "b", "a"):
        with pytest.raises(ModelNotFoundError):
            models.get(name)

    assert shelf.reads == [f"{name}.tar.gz" for name in ("a", "b", "c", "d", "a")]


@pytest.mark.parametrize("name", ["../1", "http://127.0.0.1/1", "1\0", "x" * 4_096, ""])
def test_a_name_that_is_no_key_never_reaches_the_store(shelf: Shelf, name: str) -> None:
    models = cache(shelf)

    for ask in (models.get, models.peek, models.fetch):
        with pytest.raises(RequestError):
            ask(name)
    assert shelf.reads == []


@pytest.mark.parametrize("fails", [UnavailableError("no answer"), RequestError("half written")])
def test_the_model_in_memory_bridges_a_store_without_a_usable_one(
    shelf: Shelf, fails: Exception, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "PAUSE_SECONDS", 0.0)
    models = cache(shelf, revalidate_seconds=0)
    before = models.get("1")

    shelf.fails = fails
    with caplog.at_level(logging.WARNING):
        assert models.get("1") is before
    assert str(fails) in caplog.text
    monkeypatch.setattr(cache_module, "STALE_SECONDS", 0.0)
    with pytest.raises(type(fails)):
        models.get("1")
    shelf.fails = None
    assert level(models.get("1")) == 1


def test_an_unreachable_store_is_left_alone_for_a_moment(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "PAUSE_SECONDS", NEVER)
    models = cache(shelf, revalidate_seconds=0)
    models.get("1")
    shelf.fails = UnavailableError("no answer")
    shelf.reads.clear()

    with pytest.raises(UnavailableError):
        models.get("2")

    assert level(models.get("1")) == 1
    with pytest.raises(UnavailableError):
        models.get("3")
    assert shelf.reads == ["2.tar.gz"]


def test_a_store_that_hangs_holds_up_a_model_in_memory_only_for_a_moment(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "PATIENCE_SECONDS", 0.05)
    models = cache(shelf, revalidate_seconds=0)
    models.get("1")
    shelf.gate = Event()
    held_up = models.fetch("1")

    try:
        assert level(models.get("1")) == 1
        assert level(models.peek("1")) == 1
    finally:
        shelf.gate.set()
    assert level(held_up.result(30)) == 1


def test_a_store_that_hangs_does_not_hold_up_models_in_memory_that_are_current(shelf: Shelf) -> None:
    models = cache(shelf)
    models.get("1")
    shelf.gate = Event()
    cold = models.fetch("2")

    try:
        assert level(models.get("1")) == 1
        assert level(models.peek("1")) == 1
        assert not cold.done()
    finally:
        shelf.gate.set()
    assert level(cold.result(30)) == 2


def test_a_request_does_not_wait_for_a_cold_model_for_ever(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "LOAD_SECONDS", 0.05)
    models = cache(shelf)
    shelf.gate = Event()
    flight = models.fetch("1")

    with pytest.raises(UnavailableError, match="still being loaded"):
        models.get("1")
    shelf.gate.set()
    assert level(flight.result(30)) == 1


def test_peek_never_asks_the_store_for_a_cold_model(shelf: Shelf) -> None:
    models = cache(shelf)

    assert models.peek("1") is None
    assert shelf.reads == []
    models.get("1")
    assert level(models.peek("1")) == 1


def test_peek_has_a_model_looked_at_before_it_is_too_old(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_SOON", 0.0)
    models = cache(shelf)
    models.get("1")
    shelf.archives["1.tar.gz"] = packed_model(9.0)
    shelf.reading.clear()

    assert level(models.peek("1")) == 1
    assert shelf.reading.wait(30)
    assert level(models.fetch("1").result(30)) == 9


def test_an_event_loop_waits_for_many_models_at_once_and_who_gives_up_takes_nothing_from_others(
    shelf: Shelf,
) -> None:
    models = cache(shelf)
    shelf.gate = gate = Event()

    async def ask() -> list[int]:
        impatient = asyncio.ensure_future(asyncio.wrap_future(models.fetch("1")))
        patient = [asyncio.wrap_future(models.fetch(name)) for name in ("1", "2", "3", "1")]
        await asyncio.sleep(0)
        impatient.cancel()
        gate.set()
        return [level(await each) for each in patient]

    assert asyncio.run(ask()) == [1, 2, 3, 1]
    assert sorted(shelf.reads) == ["1.tar.gz", "2.tar.gz", "3.tar.gz"]


def test_a_defect_ends_no_more_than_its_request(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    models = cache(shelf)
    shelf.fails = RuntimeError("secret")

    with pytest.raises(DefectError) as refused:
        models.get("1")
    assert "secret" not in str(refused.value)
    assert "secret" in caplog.text
    shelf.fails = None
    assert level(models.get("1")) == 1


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(each,)) for each in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_many_threads_on_more_models_than_fit_get_the_model_they_ask_for(shelf: Shelf) -> None:
    one = cache(shelf)
    one.get("1")
    models = cache(shelf, capacity_bytes=3 * one.cached_bytes, revalidate_seconds=0.001)
    wrong: list[int] = []

    def ask(thread: int) -> None:
        for turn in range(200):
            name = (thread + turn * 7) % 5 + 1
            if level(models.get(str(name))) != name:
                wrong.append(name)

    in_threads(8, ask)

    assert wrong == []
    assert models.cached_bytes <= 3 * one.cached_bytes


def test_an_archive_replaced_all_the_time_is_the_old_or_the_new_and_never_fails(tmp_path: Path) -> None:
    write_archive(tmp_path, "1", packed_model(1.0))
    models = cache(open_store(str(tmp_path)), revalidate_seconds=0)
    ended, seen = Event(), set()

    def work(thread: int) -> None:
        if thread:
            until = time.monotonic() + 30
            for asked in itertools.count():
                seen.add(level(models.get("1")))
                if (asked > 200 and len(seen) > 1) or time.monotonic() > until:
                    break
            ended.set()
        turn = 0
        while not ended.is_set():
            turn += 1
            write_archive(tmp_path, "1", packed_model(1.0 + turn % 2))

    in_threads(2, work)

    assert seen == {1, 2}


def test_an_archive_written_in_place_is_the_old_or_the_new_too(tmp_path: Path) -> None:
    path = write_archive(tmp_path, "1", packed_model(1.0))
    models = cache(open_store(str(tmp_path)), revalidate_seconds=0)
    models.get("1")
    ended, seen = Event(), set()

    def work(thread: int) -> None:
        if thread:
            for _ in range(500):
                seen.add(level(models.get("1")))
            ended.set()
        turn = 0
        while not ended.is_set():
            turn += 1
            with path.open("r+b", buffering=0) as file:
                content = packed_model(1.0 + turn % 2)
                for place in range(0, len(content), 100):
                    file.write(content[place : place + 100])
                file.truncate()

    in_threads(2, work)

    assert seen <= {1, 2}


def test_the_bytes_counted_are_those_of_the_models(shelf: Shelf) -> None:
    models = cache(shelf)
    for name in ("1", "2"):
        models.get(name)

    assert models.cached_bytes >= sum(load_packed(packed_model(each)).memory_bytes for each in (1.0, 2.0))


def test_a_closed_cache_has_stopped_its_threads(shelf: Shelf) -> None:
    models = cache(shelf)
    models.fetch("1").result(30)

    models.close()

    with pytest.raises(RuntimeError, match="after shutdown"):
        models.fetch("2")
