"""POST /invocations where there is a model store: each request names its model, loaded when needed."""

from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import TypeAlias

from serving.errors import UnavailableError
from serving.mms.protocol import Request
from serving.mms.schedule import Awaited
from serving.models.archive_key import archive_name
from serving.models.cache import ModelCache
from serving.models.load import Forecaster
from serving.models.store import open_store
from serving.request.respond import Answer, answer_in_steps
from serving.request.target_header import target_of
from serving.settings import ServingSettings

STORE_NAME = "model-store"
"""The model that stands for the store among Multi Model Server's."""

Answering: TypeAlias = Generator[Awaited, None, Answer]
"""Work in steps; yields what it has to wait for, if anything, and returns the answer."""
_Loading: TypeAlias = Future[Forecaster]


class StoreService:
    """Answers requests from the store's models."""

    def __init__(self, settings: ServingSettings) -> None:
        self._default_accept = settings.default_accept
        self._most_bytes = settings.max_request_bytes
        self._cache = ModelCache(
            open_store(settings.model_store),
            capacity_bytes=settings.model_cache_bytes,
            revalidate_seconds=settings.model_revalidate_seconds,
        )

    def answer(self, request: Request, *, wait: Callable[[], None]) -> Answering:
        """Answer from the models in memory; where some have to be loaded first, wait and answer then.

        `wait` is called where a step only waits for other requests.
        """
        loading: dict[str, _Loading] = {}
        missing: list[_Loading] = []

        def find(target_model: str) -> Forecaster:
            key = archive_name(target_model)
            if (future := loading.get(key)) is not None and future.done():
                return future.result()
            model = self._cache.peek(key)
            if model is None:
                loading[key] = self._cache.fetch(key)
                missing.append(loading[key])
                raise UnavailableError("the model is being loaded")
            return model

        while True:
            missing.clear()
            answered = yield from answer_in_steps(
                request.body,
                content_type=request.headers.get("content-type"),
                content_encoding=request.headers.get("content-encoding"),
                accept=request.headers.get("accept"),
                default_model=target_of(request.headers),
                find=find,
                default_accept=self._default_accept,
                most_bytes=self._most_bytes,
                wait=wait,
            )
            if not missing:
                return answered
            yield tuple(missing)
