"""What a connection's model can be; a connection stands for one model from its load message on."""

from dataclasses import dataclass
from typing import TypeAlias

from serving.errors import RequestError
from serving.mms.protocol import Load
from serving.mms.store_endpoint import StoreEndpoint
from serving.models import Forecaster


@dataclass(frozen=True, slots=True)
class Unloaded:
    """No load message has come."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The model could not be loaded; each request gets this error."""

    load: Load
    error: RequestError


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is in memory."""

    load: Load
    forecaster: Forecaster


@dataclass(frozen=True, slots=True)
class StoreBacked:
    """The connection is one of the model store's: each request names its model itself."""

    load: Load
    endpoint: StoreEndpoint


ModelState: TypeAlias = Unloaded | Rejected | Ready | StoreBacked
