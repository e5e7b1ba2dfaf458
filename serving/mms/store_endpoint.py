"""POST /invocations with a model store: each record names its model, which is loaded when it is needed."""

from serving.mms.protocol import Request
from serving.models import ModelCache, look_up_in_cache, open_store
from serving.request import (
    Invocation,
    RecordModel,
    RequestBudget,
    Response,
    respond_in_steps,
    target_model_from_headers,
)
from serving.settings import ServingSettings
from serving.steps import Steps

STORE_NAME = "model-store"
"""The name in Multi Model Server of the model that stands for the whole store."""


class StoreEndpoint:
    """Responds to requests with the models of the store; a step never waits for the store."""

    def __init__(self, settings: ServingSettings, budget: RequestBudget) -> None:
        self._default_accept = settings.default_accept
        self._budget = budget
        self._look_up = look_up_in_cache(
            ModelCache(
                open_store(settings.model_store),
                capacity_bytes=settings.model_cache_bytes,
                revalidate_seconds=settings.model_revalidate_seconds,
            )
        )

    def respond(self, request: Request) -> Steps[Response]:
        """Return the response to a request, in steps."""
        target = RecordModel(target_model_from_headers(request.headers))
        return respond_in_steps(
            Invocation(request.body, request.headers, target),
            self._look_up,
            budget=self._budget,
            default_accept=self._default_accept,
        )
