"""Content types: what a body is, and what its answer shall be."""

from functools import lru_cache
from typing import Final

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from serving.errors import NotAcceptableError, UnsupportedMediaTypeError

ANY: Final = "*/*"
JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonlines"
CSV: Final = "text/csv"
KINDS: Final = (JSON, JSON_LINES, CSV)
_ALIASES: Final = {"application/x-jsonlines": JSON_LINES, "application/x-ndjson": JSON_LINES}

MOST_ACCEPT_CHARACTERS: Final = 2_000
"""Of an Accept header; browsers send some 150."""


def kind_of(content_type: str | None) -> str:
    """Return the kind of a body, JSON where it has no Content-Type; raise `UnsupportedMediaTypeError`."""
    kind = _kind(content_type or JSON)
    if kind not in KINDS:
        raise UnsupportedMediaTypeError(
            f"Content-Type must be one of {', '.join(KINDS)}, not {(content_type or '')[:100]!r}"
        )
    return kind


def accepted(accept: str, *, usual: str) -> str:
    """Return the kind to answer with, `usual` where all are welcome; raise `NotAcceptableError`."""
    if len(accept) > MOST_ACCEPT_CHARACTERS:
        raise NotAcceptableError(f"Accept may have {MOST_ACCEPT_CHARACTERS} characters")
    kind = _best(accept, usual)
    if kind is None:
        raise NotAcceptableError(f"Accept must name one of {', '.join(KINDS)}, not {accept[:100]!r}")
    return kind


@lru_cache(maxsize=256)
def _best(accept: str, usual: str) -> str | None:
    """Return the kind of highest quality by RFC 9110, or None; parameters but q choose nothing here."""
    alternatives = parse_accept_header(accept, MIMEAccept)
    stripped = MIMEAccept([(_kind(kind), quality) for kind, quality in alternatives])
    if not alternatives:
        stripped = MIMEAccept([(ANY, 1)] if not accept.strip(" ,") else [])
    best = max((usual, *KINDS), key=stripped.quality)
    return best if stripped.quality(best) > 0 else None


def _kind(content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    return _ALIASES.get(kind, kind)
