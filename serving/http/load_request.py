"""The body of `POST /models`: the name of a model, and the folder to load it from."""

from typing import Annotated

import msgspec
from msgspec import Meta

from serving.errors import RequestError
from serving.models import MAX_KEY_BYTES
from serving.request import decode


class LoadRequest(msgspec.Struct, frozen=True, gc=False):
    """A request to load a model; SageMaker sends more fields, which are ignored."""

    # the bounds of the name are documented here and checked with a sentence of their own where it is used
    model_name: Annotated[
        str,
        Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_KEY_BYTES}, description="the model's key"),
    ]
    url: Annotated[str, Meta(description="the folder to which SageMaker extracted the archive")]


def as_load_request(body: bytes) -> LoadRequest:
    """Return the request in a JSON text; raise `RequestError` where a field is missing or is no text."""
    try:
        return msgspec.convert(decode(body), LoadRequest)
    except msgspec.ValidationError:
        raise RequestError('{"model_name": "7", "url": "/opt/ml/models/7/model"} is expected') from None
