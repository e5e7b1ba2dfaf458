"""Linear algebra runs on one thread inside the core, whatever the environment says."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetcast.forecasting import ForecastOptions, Model, forecast, forecast_many
from fleetcast.forecasting.one_thread import ONE_THREAD, OneThread
from testbed.customers import customer
from testbed.preparation import fit_with

ROOT = Path(__file__).parents[4]


def threads() -> int:
    assert ONE_THREAD._threads is not None  # noqa: SLF001 - NumPy of the tests is linked with OpenBLAS
    return ONE_THREAD._threads.get()  # noqa: SLF001


@pytest.fixture
def two_threads() -> Iterator[None]:
    assert ONE_THREAD._threads is not None  # noqa: SLF001
    before = threads()
    ONE_THREAD._threads.set(2)  # noqa: SLF001
    yield
    ONE_THREAD._threads.set(before)  # noqa: SLF001


def test_the_bytes_of_models_and_forecasts_do_not_depend_on_the_variables() -> None:
    found = set()
    for variables in ({}, {"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "2"}, {"OPENBLAS_NUM_THREADS": "2"}):
        plain = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        program = [sys.executable, "-m", "testbed.forecasts_hash"]
        done = subprocess.run(program, cwd=ROOT, env=plain | variables, capture_output=True, check=True)
        found.add(done.stdout)

    assert len(found) == 1


@pytest.mark.usefixtures("two_threads")
def test_a_fit_and_a_forecast_restore_the_number_that_their_caller_has_set() -> None:
    model = fit_with(**customer("365 daily").arguments("linear"))
    assert isinstance(model, Model)
    forecast(model, ForecastOptions(400))
    forecast_many([model], ForecastOptions(400))

    assert threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_an_error_inside_restores_the_number_of_threads() -> None:
    with pytest.raises(KeyError), ONE_THREAD:
        raise KeyError

    assert threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_the_number_stays_1_until_the_last_of_several_calls_ends() -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with ONE_THREAD:
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=other)
    with ONE_THREAD:
        thread.start()
        assert inside.wait(30)
    in_the_other = threads()
    leave.set()
    thread.join()

    assert (in_the_other, threads()) == (1, 2)


@pytest.mark.usefixtures("two_threads")
def test_a_child_process_that_is_forked_inside_can_compute() -> None:
    with ONE_THREAD:
        child = os.fork()
        if not child:
            with ONE_THREAD:
                os._exit(threads())
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 1
    assert threads() == 2


def test_with_an_unsupported_library_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetcast.forecasting.one_thread._FUNCTIONS", (("no_such_function", "nor_this"),))
    before = threads()

    with OneThread():
        assert threads() == before
