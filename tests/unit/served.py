"""The parts of an answer one by one, for tests of serving."""

from fleetcast.forecasting import Model
from serving.models.load import Forecaster
from serving.request.media_types import JSON
from serving.request.records import Records, read_records
from serving.request.results import Results, write_results
from serving.request.steps import finished


def read(body: bytes, kind: str) -> tuple[Records, bool]:
    """Return the records of a body, and whether it could hold many."""
    return finished(read_records(body, kind))


def written(results: Results, kind: str = JSON, *, many: bool = True) -> bytes:
    """Return the bytes of an answer."""
    return finished(write_results(results, kind, many=many))


def model_of(forecaster: Forecaster) -> Model:
    """Return the model, which is none that was sampled."""
    assert isinstance(forecaster.model, Model)
    return forecaster.model
