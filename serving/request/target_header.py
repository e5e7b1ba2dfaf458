"""Which model a request's headers name."""

from typing import Final, Protocol

from fleetcast.archive import SUFFIX
from serving.models.archive_key import MOST_BYTES

TARGET_MODEL: Final = "x-amzn-sagemaker-target-model"
CUSTOM_ATTRIBUTES: Final = "x-amzn-sagemaker-custom-attributes"
_FIELD: Final = "target_model"


class Headers(Protocol):
    """Of a request, whoever took it."""

    def get(self, name: str, /) -> str | None:
        """Return a header's text, None where there is none."""


def target_of(headers: Headers) -> str | None:
    """Return the TargetModel header, or `target_model=...` among the custom attributes; None for neither.

    Custom attributes are the caller's own text; here they are `name=value` pairs between `;`, and what is
    none is skipped.
    """
    if name := headers.get(TARGET_MODEL):
        return name
    for attribute in (headers.get(CUSTOM_ATTRIBUTES) or "").split(";"):
        field, _, value = attribute.partition("=")
        if field.strip().lower() == _FIELD and value.strip():
            return value.strip()
    return None


def customer_of(headers: Headers) -> str | None:
    """Return whose model the TargetModel header says it is, for a route that names the model by a key.

    On SageMaker's multi-model endpoints the name in the route is a hash, and this header the archive's name.
    """
    name = (headers.get(TARGET_MODEL) or "").removesuffix(SUFFIX)
    return name[:MOST_BYTES] or None
