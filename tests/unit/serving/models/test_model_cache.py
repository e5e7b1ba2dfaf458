"""What the model cache loads, trusts, drops and remembers."""

import logging
from threading import Event

import pytest

from fleetcast.forecasting import ForecastOptions, forecast
from serving.errors import DefectError, ModelNotFoundError, RequestError, UnavailableError
from serving.models import BringsOwnCodeError, load_packed
from serving.models import cache as cache_module
from tests.unit.fleetcast.archive.test_hostile_archives import file, packed
from tests.unit.models import packed_model
from tests.unit.serving.models.memory_store import NEVER, MemoryStore, cache, five_models, level


@pytest.fixture
def store() -> MemoryStore:
    return five_models()


def test_a_model_is_loaded_on_first_use_and_then_served_from_memory(store: MemoryStore) -> None:
    models = cache(store)

    assert store.reads == []
    assert [level(models.get(name)) for name in ("1", "2.tar.gz", "1.tar.gz", "2")] == [1, 2, 1, 2]
    assert store.reads == ["1.tar.gz", "2.tar.gz"]


def test_the_least_recently_used_model_is_dropped_first(store: MemoryStore) -> None:
    one = cache(store)
    one.get("1")
    models = cache(store, capacity_bytes=3 * one.cached_bytes + 100)
    for name in ("1", "2", "3", "1", "4"):
        models.get(name)
    store.reads.clear()

    for name in ("1", "3", "4", "2"):
        models.get(name)

    assert store.reads == ["2.tar.gz"]
    assert len(models) == 3
    assert models.cached_bytes <= 3 * one.cached_bytes + 100


def test_a_model_larger_than_the_cache_is_served_but_not_cached(store: MemoryStore) -> None:
    models = cache(store, capacity_bytes=100)

    assert level(models.get("1")) == 1
    assert (len(models), models.cached_bytes) == (0, 0)


def test_what_a_model_computes_after_it_was_loaded_counts_at_the_next_check(store: MemoryStore) -> None:
    models = cache(store, revalidate_seconds=0)
    model = models.get("1")
    before = models.cached_bytes

    forecast(model.model, ForecastOptions(100))
    models.get("1")

    assert models.cached_bytes > before + 100 * 8


def test_the_next_check_notices_a_replaced_archive_and_a_deleted_one(store: MemoryStore) -> None:
    models = cache(store, revalidate_seconds=0)
    assert level(models.get("1")) == 1

    store.archives["1.tar.gz"] = packed_model(9.0)
    assert level(models.get("1")) == 9
    del store.archives["1.tar.gz"]
    with pytest.raises(ModelNotFoundError):
        models.get("1")
    assert len(models) == 0


def test_an_unchanged_archive_is_not_loaded_again(store: MemoryStore) -> None:
    models = cache(store, revalidate_seconds=0)

    assert models.get("1") is models.get("1")
    assert len(store.reads) == 2


@pytest.mark.parametrize(
    ("archive", "kind"),
    [
        (None, ModelNotFoundError),
        (b"no archive", RequestError),
        (packed(file("code/inference.py")), BringsOwnCodeError),
    ],
)
def test_a_name_without_a_usable_model_is_not_looked_up_again(
    store: MemoryStore, archive: bytes | None, kind: type[RequestError]
) -> None:
    if archive is not None:
        store.archives["x.tar.gz"] = archive
    models = cache(store)

    for look_up in (models.get, models.get, models.get_if_cached):
        with pytest.raises(kind):
            look_up("x")
    assert store.reads == ["x.tar.gz"]


def test_a_new_model_is_found_once_the_cached_miss_has_expired(store: MemoryStore) -> None:
    models = cache(store, revalidate_seconds=0)
    with pytest.raises(ModelNotFoundError):
        models.get("new")

    store.archives["new.tar.gz"] = packed_model(1.0)

    assert level(models.get("new")) == 1


def test_the_number_of_cached_misses_is_limited(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "MAX_MISSES", 3)
    models = cache(store)

    for name in ("a", "b", "c", "d", "b", "a"):
        with pytest.raises(ModelNotFoundError):
            models.get(name)

    assert store.reads == [f"{name}.tar.gz" for name in ("a", "b", "c", "d", "a")]


@pytest.mark.parametrize("name", ["../1", "http://127.0.0.1/1", "1\0", "x" * 4_096, ""])
def test_an_invalid_name_never_reaches_the_store(store: MemoryStore, name: str) -> None:
    models = cache(store)

    for look_up in (models.get, models.get_if_cached, models.load_async):
        with pytest.raises(RequestError):
            look_up(name)
    assert store.reads == []


@pytest.mark.parametrize("fails", [UnavailableError("no answer"), RequestError("half written")])
def test_the_model_in_memory_is_served_while_the_store_has_no_usable_one(
    store: MemoryStore, fails: Exception, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "PAUSE_SECONDS", 0.0)
    models = cache(store, revalidate_seconds=0)
    before = models.get("1")

    store.fails = fails
    with caplog.at_level(logging.WARNING):
        assert models.get("1") is before
    assert str(fails) in caplog.text
    monkeypatch.setattr(cache_module, "STALE_SECONDS", 0.0)
    with pytest.raises(type(fails)):
        models.get("1")
    store.fails = None
    assert level(models.get("1")) == 1


def test_an_unreachable_store_is_not_asked_again_for_a_moment(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "PAUSE_SECONDS", NEVER)
    models = cache(store, revalidate_seconds=0)
    models.get("1")
    store.fails = UnavailableError("no answer")
    store.reads.clear()

    with pytest.raises(UnavailableError):
        models.get("2")

    assert level(models.get("1")) == 1
    with pytest.raises(UnavailableError):
        models.get("3")
    assert store.reads == ["2.tar.gz"]


def test_a_store_that_hangs_delays_a_model_in_memory_only_for_a_moment(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "PATIENCE_SECONDS", 0.05)
    models = cache(store, revalidate_seconds=0)
    models.get("1")
    store.gate = Event()
    delayed = models.load_async("1")

    try:
        assert level(models.get("1")) == 1
        assert level(models.get_if_cached("1")) == 1
    finally:
        store.gate.set()
    assert level(delayed.result(30)) == 1


def test_a_store_that_hangs_does_not_delay_trusted_models(store: MemoryStore) -> None:
    models = cache(store)
    models.get("1")
    store.gate = Event()
    cold = models.load_async("2")

    try:
        assert level(models.get("1")) == 1
        assert level(models.get_if_cached("1")) == 1
        assert not cold.done()
    finally:
        store.gate.set()
    assert level(cold.result(30)) == 2


def test_a_request_does_not_wait_forever_for_a_cold_model(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "LOAD_SECONDS", 0.05)
    models = cache(store)
    store.gate = Event()
    load = models.load_async("1")

    with pytest.raises(UnavailableError, match="still being loaded"):
        models.get("1")
    store.gate.set()
    assert level(load.result(30)) == 1


def test_get_if_cached_never_loads_a_cold_model(store: MemoryStore) -> None:
    models = cache(store)

    assert models.get_if_cached("1") is None
    assert store.reads == []
    models.get("1")
    assert level(models.get_if_cached("1")) == 1


def test_get_if_cached_starts_a_check_before_the_model_is_too_old(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "EARLY_CHECK_SHARE", 0.0)
    models = cache(store)
    models.get("1")
    store.archives["1.tar.gz"] = packed_model(9.0)
    store.reading.clear()

    assert level(models.get_if_cached("1")) == 1
    assert store.reading.wait(30)
    assert level(models.load_async("1").result(30)) == 9


def test_a_defect_fails_its_own_request_only(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    models = cache(store)
    store.fails = RuntimeError("secret")

    with pytest.raises(DefectError) as refused:
        models.get("1")
    assert "secret" not in str(refused.value)
    assert "secret" in caplog.text
    store.fails = None
    assert level(models.get("1")) == 1


def test_the_counted_bytes_include_all_models(store: MemoryStore) -> None:
    models = cache(store)
    for name in ("1", "2"):
        models.get(name)

    assert models.cached_bytes >= sum(load_packed(packed_model(each)).memory_bytes for each in (1.0, 2.0))


def test_a_closed_cache_starts_no_loads(store: MemoryStore) -> None:
    models = cache(store)
    models.load_async("1").result(30)

    models.close()

    with pytest.raises(RuntimeError, match="after shutdown"):
        models.load_async("2")
