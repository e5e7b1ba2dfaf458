"""POST /invocations where there is a model store: each request names its model, loaded when needed."""

from concurrent.futures import Future
from typing import TypeAlias

from serving._answer import Answer, Find, answer
from serving._cache import ModelCache
from serving._errors import UnavailableError
from serving._load import Forecaster
from serving._names import archive_name
from serving._protocol import Predict, Request
from serving._settings import ServingSettings
from serving._store import open_store
from serving._target import target_of

STORE_NAME = "model-store"
"""The model that stands for the store among Multi Model Server's."""

Brought: TypeAlias = dict[str, Future[Forecaster]]
"""Models that a request waits for, by name."""
Answers: TypeAlias = list[tuple[bytes, Answer]]
"""With the id of the request each."""


class StoreService:
    """Answers requests from the store's models."""

    def __init__(self, settings: ServingSettings) -> None:
        self._default_accept = settings.default_accept
        self._cache = ModelCache(
            open_store(settings.model_store),
            capacity_bytes=settings.model_cache_bytes,
            revalidate_seconds=settings.model_revalidate_seconds,
        )

    def answer(self, requests: Predict, brought: Brought) -> Answers | None:
        """Answer without ever waiting, or return None where models have to be brought first.

        They are added to `brought`, and on their way; the same call answers once they have landed.
        """
        missing = []

        def find(target_model: str) -> Forecaster:
            key = archive_name(target_model)
            if (flight := brought.get(key)) is not None and flight.done():
                return flight.result()
            model = self._cache.peek(key)
            if model is None:
                missing.append(key)
                brought[key] = self._cache.fetch(key)
                raise UnavailableError("the model is on its way")
            return model

        answers = [(request.request_id, self._answer(request, find)) for request in requests]
        return None if missing else answers

    def _answer(self, request: Request, find: Find) -> Answer:
        return answer(
            request.body,
            content_type=request.headers.get("content-type"),
            accept=request.headers.get("accept"),
            default_model=target_of(request.headers),
            find=find,
            default_accept=self._default_accept,
        )
