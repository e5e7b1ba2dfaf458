"""A generated HTTP request, and what its response must hold."""

from dataclasses import dataclass

JSON, JSON_LINES, CSV = "application/json", "application/jsonlines", "text/csv"


@dataclass(frozen=True)
class Expected:
    """What the response must hold for one record."""

    customer: str | None
    """The customer in the record; None if the record names none, or none that can be read."""
    rows: int | None
    """The rows of its forecast; None if the record may also get an error."""


@dataclass(frozen=True)
class Exchange:
    """One HTTP request, and what its response must hold."""

    kind: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    records: tuple[Expected, ...] = ()
    whole: bool = True
    """Whether the request that is sent is complete; an incomplete one must not be answered 200."""
    regular: bool = True
    """Whether every server must understand its framing; otherwise the server may close the connection."""


@dataclass(frozen=True)
class Sending:
    """The bytes to send on one connection, in pieces, and the requests in them, in order."""

    pieces: tuple[bytes, ...]
    exchanges: tuple[Exchange, ...]
