"""One lookup per request: a model or an error for each name, in steps that need not block."""

from threading import Event

from serving.errors import ModelNotFoundError
from serving.models import Forecaster, look_up_each, look_up_in_cache
from serving.steps import run_steps
from tests.unit.serving.models.memory_store import cache, five_models, level


def test_a_missing_model_is_an_error_for_its_own_name_only() -> None:
    models = cache(five_models())

    for look_up in (look_up_each(models.get), look_up_in_cache(models)):
        models = run_steps(look_up(["1", "nobody", "../1", "2"]))

        assert [level(models[name]) for name in ("1", "2")] == [1, 2]
        assert isinstance(models["nobody"], ModelNotFoundError)
        assert "must be the name of an archive" in str(models["../1"])


def test_errors_refer_to_no_traceback() -> None:
    models = run_steps(look_up_in_cache(cache(five_models()))([str(number) for number in range(10)]))

    errors = [error for error in models.values() if not isinstance(error, Forecaster)]
    assert len(errors) == 5
    assert all(error.__traceback__ is None and error.__context__ is None for error in errors)


def test_all_cold_models_are_loaded_at_once_and_awaited_in_one_step() -> None:
    store = five_models()
    models = cache(store)
    models.get("1")
    store.gate = Event()
    steps = look_up_in_cache(models)(["1", "2", "3"])

    awaited = next(steps)

    assert awaited is not None
    assert len(awaited) == 2
    store.gate.set()
    models = run_steps(steps)
    assert {name: level(model) for name, model in models.items()} == {"1": 1, "2": 2, "3": 3}
    assert sorted(store.reads) == ["1.tar.gz", "2.tar.gz", "3.tar.gz"]


def test_models_in_memory_need_no_wait() -> None:
    models = cache(five_models())
    models.get("1")

    assert list(look_up_in_cache(models)(["1"])) == []
