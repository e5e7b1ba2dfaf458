"""The model cache with many threads, event loops and archives that change meanwhile."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from fleetcast.archive import write_archive
from serving.models import open_store
from tests.unit.models import packed_model
from tests.unit.serving.models.memory_store import MemoryStore, cache, five_models, level


@pytest.fixture
def store() -> MemoryStore:
    return five_models()


def test_200_threads_that_need_one_cold_model_load_it_once(store: MemoryStore) -> None:
    models = cache(store)
    store.gate = Event()

    with ThreadPoolExecutor(200) as threads:
        loads = [threads.submit(models.get, "1") for _ in range(200)]
        assert store.reading.wait(30)
        store.gate.set()
        models_loaded = {id(each.result(30)) for each in loads}

    assert store.reads == ["1.tar.gz"]
    assert len(models_loaded) == 1


def test_event_loops_load_many_models_at_once_and_a_cancelled_request_cancels_no_other(
    store: MemoryStore,
) -> None:
    models = cache(store)
    store.gate = gate = Event()

    async def ask() -> list[int]:
        impatient = asyncio.ensure_future(asyncio.wrap_future(models.load_async("1")))
        patient = [asyncio.wrap_future(models.load_async(name)) for name in ("1", "2", "3", "1")]
        await asyncio.sleep(0)
        impatient.cancel()
        gate.set()
        return [level(await each) for each in patient]

    assert asyncio.run(ask()) == [1, 2, 3, 1]
    assert sorted(store.reads) == ["1.tar.gz", "2.tar.gz", "3.tar.gz"]


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(each,)) for each in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_many_threads_on_more_models_than_fit_get_the_right_models(store: MemoryStore) -> None:
    one = cache(store)
    one.get("1")
    models = cache(store, capacity_bytes=3 * one.cached_bytes, revalidate_seconds=0.001)
    wrong: list[int] = []

    def ask(thread: int) -> None:
        for turn in range(200):
            name = (thread + turn * 7) % 5 + 1
            if level(models.get(str(name))) != name:
                wrong.append(name)

    in_threads(8, ask)

    assert wrong == []
    assert models.cached_bytes <= 3 * one.cached_bytes


def test_an_archive_that_is_replaced_all_the_time_is_read_as_the_old_or_the_new_one(tmp_path: Path) -> None:
    write_archive(tmp_path, "1", packed_model(1.0))
    models = cache(open_store(str(tmp_path)), revalidate_seconds=0)
    ended, levels = Event(), set()

    def work(thread: int) -> None:
        if thread:
            until = time.monotonic() + 30
            for loads in itertools.count():
                levels.add(level(models.get("1")))
                if (loads > 200 and len(levels) > 1) or time.monotonic() > until:
                    break
            ended.set()
        turn = 0
        while not ended.is_set():
            turn += 1
            write_archive(tmp_path, "1", packed_model(1.0 + turn % 2))

    in_threads(2, work)

    assert levels == {1, 2}


def test_an_archive_that_is_overwritten_in_place_is_read_as_the_old_or_the_new_one(tmp_path: Path) -> None:
    path = write_archive(tmp_path, "1", packed_model(1.0))
    models = cache(open_store(str(tmp_path)), revalidate_seconds=0)
    models.get("1")
    ended, levels = Event(), set()

    def work(thread: int) -> None:
        if thread:
            for _ in range(500):
                levels.add(level(models.get("1")))
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

    assert levels <= {1, 2}
