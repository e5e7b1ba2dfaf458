"""The model that a request's headers name, for routes that name none."""

from typing import Final, Protocol

from fleetcast.archive import SUFFIX
from serving.models import MAX_KEY_BYTES

TARGET_MODEL: Final = "x-amzn-sagemaker-target-model"
CUSTOM_ATTRIBUTES: Final = "x-amzn-sagemaker-custom-attributes"
_FIELD: Final = "target_model"


class Headers(Protocol):
    """The headers of a request on any stack; names are looked up in lower case."""

    def get(self, name: str, /) -> str | None:
        """Return the text of a header, or None if the request does not have it."""


def target_model_from_headers(headers: Headers) -> str | None:
    """Return the TargetModel header, else `target_model=...` among the custom attributes, else None.

    Custom attributes are a text of the caller's choice, read here as `name=value` pairs separated by `;`;
    other parts are skipped.
    """
    if name := headers.get(TARGET_MODEL):
        return name
    for attribute in (headers.get(CUSTOM_ATTRIBUTES) or "").split(";"):
        field, _, value = attribute.partition("=")
        if field.strip().lower() == _FIELD and value.strip():
            return value.strip()
    return None


def customer_from_headers(headers: Headers) -> str | None:
    """Return the customer in the TargetModel header, for a route that names the model by a key.

    On SageMaker's multi-model endpoints the name in the route is a hash, and this header is the archive's
    name.
    """
    name = (headers.get(TARGET_MODEL) or "").removesuffix(SUFFIX)
    return name[:MAX_KEY_BYTES] or None
