"""Which model a record of a request means, and whose forecast that is.

Either the route names the model, as on SageMaker's multi-model endpoints, or each record does.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from container import quoted
from fleetcast.archive import SUFFIX
from serving.errors import RequestError
from serving.models import Forecaster
from serving.request.schema import Request

_UNNAMED: Final = "target_model must name the model: as a field, or in a TargetModel header"


@dataclass(frozen=True, slots=True)
class RouteModel:
    """The route names the model of all records; a record that names another one is refused."""

    model: str
    """The name in the route, on SageMaker a hash."""
    customer: str | None = None
    """The customer by the TargetModel header, for response, log and metrics; it never selects a model."""

    def model_for(self, _request: Request) -> str:
        """Return the name of the model that a record needs."""
        return self.model

    def customer_for(self, _request: Request, forecaster: Forecaster) -> str:
        """Return the customer of a record's forecast."""
        return (self.customer or forecaster.customer or self.model).removesuffix(SUFFIX)

    def check_name(self, request: Request, customer: str) -> None:
        """Raise `RequestError` if a record names another model than the route."""
        name = request.name
        if name and name.removesuffix(SUFFIX) not in (customer, self.model.removesuffix(SUFFIX)):
            raise RequestError(
                f"target_model names another model than the route, which is {quoted(customer)}: leave it out"
            )

    def customer_of_failure(self, _name: str | None) -> str:
        """Return the customer of a record that gets an error."""
        return (self.customer or self.model).removesuffix(SUFFIX)


@dataclass(frozen=True, slots=True)
class RecordModel:
    """Each record names its model; those that name none get the default."""

    default: str | None = None
    """From a header, or the only model of an endpoint."""

    def model_for(self, request: Request) -> str:
        """Return the name of the model that a record needs; raise `RequestError` if there is none."""
        model = request.name or self.default
        if not model:
            raise RequestError(_UNNAMED)
        return model

    def customer_for(self, request: Request, _forecaster: Forecaster) -> str:
        """Return the customer of a record's forecast: its model's name."""
        return self.model_for(request).removesuffix(SUFFIX)

    def check_name(self, _request: Request, _customer: str) -> None:
        """Accept any name: the route has none."""

    def customer_of_failure(self, name: str | None) -> str | None:
        """Return the customer of a record that gets an error, by the name in the record if it has one."""
        customer = name or self.default
        return None if customer is None else customer.removesuffix(SUFFIX)


Target: TypeAlias = RouteModel | RecordModel
