"""The media types of request bodies and responses, and the choice among them by RFC 9110.

Parameters such as `charset` are accepted and ignored; only `q` counts, in an Accept header.
"""

from functools import lru_cache
from typing import Final

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from serving.errors import NotAcceptableError, UnsupportedMediaTypeError

ANY: Final = "*/*"
JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonlines"
CSV: Final = "text/csv"
MEDIA_TYPES: Final = (JSON, JSON_LINES, CSV)
_ALIASES: Final = {"application/x-jsonlines": JSON_LINES, "application/x-ndjson": JSON_LINES}

MAX_ACCEPT_CHARACTERS: Final = 2_000
"""Longest Accept header; browsers send some 150 characters."""


def media_type_of_body(content_type: str | None) -> str:
    """Return the media type of a body, JSON without Content-Type; raise `UnsupportedMediaTypeError`."""
    media_type = _without_parameters(content_type or JSON)
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaTypeError(
            f"Content-Type must be one of {', '.join(MEDIA_TYPES)}, not {(content_type or '')[:100]!r}"
        )
    return media_type


def media_type_of_response(accept: str, *, default: str) -> str:
    """Return the media type that the client prefers, or `default` if it prefers none.

    Raises `NotAcceptableError` if the client accepts none of ours.
    """
    if len(accept) > MAX_ACCEPT_CHARACTERS:
        raise NotAcceptableError(
            f"Accept has {len(accept)} characters; the limit is {MAX_ACCEPT_CHARACTERS}: "
            f"name one of {', '.join(MEDIA_TYPES)}"
        )
    media_type = _preferred(accept, default)
    if media_type is None:
        raise NotAcceptableError(f"Accept must name one of {', '.join(MEDIA_TYPES)}, not {accept[:100]!r}")
    return media_type


@lru_cache(maxsize=256)
def _preferred(accept: str, default: str) -> str | None:
    """Return the media type of highest quality, or None if the client accepts none of ours."""
    alternatives = parse_accept_header(accept, MIMEAccept)
    if not alternatives and not accept.strip(" ,"):
        return default
    qualities = MIMEAccept([(_without_parameters(name), quality) for name, quality in alternatives])
    preferred = max((default, *MEDIA_TYPES), key=qualities.quality)
    return preferred if qualities.quality(preferred) > 0 else None


def _without_parameters(media_type: str) -> str:
    name = media_type.partition(";")[0].strip().lower()
    return _ALIASES.get(name, name)
