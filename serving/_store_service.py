"""POST /invocations where there is a model store: each request names its model, loaded when needed."""

from typing import TypeAlias

from serving._answer import Answer, answer, refusal
from serving._cache import ModelCache
from serving._errors import RequestError
from serving._load import Forecaster
from serving._protocol import Predict, Request
from serving._settings import ServingSettings
from serving._store import open_store

STORE_NAME = "model-store"
"""The model that stands for the store among Multi Model Server's."""
TARGET_MODEL = "x-amzn-sagemaker-target-model"

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

    def answer_at_once(self, requests: Predict) -> Answers | None:
        """Answer if that takes no time: if headers name models that are in memory."""
        for request in requests:
            target = request.headers.get(TARGET_MODEL)
            try:
                if target is None or self._cache.peek(target) is None:
                    return None
            except RequestError as error:
                return [(each.request_id, refusal(error)) for each in requests]
        return self.answer(requests)

    def answer(self, requests: Predict) -> Answers:
        """Answer, however long the store takes."""
        return [(request.request_id, self._answer(request)) for request in requests]

    def _answer(self, request: Request) -> Answer:
        return answer(
            request.body,
            content_type=request.headers.get("content-type"),
            accept=request.headers.get("accept"),
            target_model=request.headers.get(TARGET_MODEL),
            find=self._find,
            default_accept=self._default_accept,
        )

    def _find(self, target_model: str) -> Forecaster:
        return self._cache.get(target_model)
