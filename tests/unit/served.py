"""The stages of a response one by one, for tests of serving."""

from fleetcast.forecasting import Model
from serving.models import Forecaster
from serving.request import JSON
from serving.request.records import Records, read_records
from serving.request.results import Results, write_results
from serving.steps import run_steps


def read(body: bytes, kind: str) -> tuple[Records, bool]:
    """Return the records of a body, and whether it is a list."""
    return run_steps(read_records(body, kind))


def written(results: Results, kind: str = JSON, *, is_list: bool = True) -> bytes:
    """Return the bytes of a response."""
    return run_steps(write_results(results, kind, is_list=is_list))


def model_of(forecaster: Forecaster) -> Model:
    """Return the model, which must not be a sampled one."""
    assert isinstance(forecaster.model, Model)
    return forecaster.model
