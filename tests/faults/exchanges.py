"""One HTTP request of the generated ones, and what its answer must show."""

from dataclasses import dataclass

JSON, JSON_LINES, CSV = "application/json", "application/jsonlines", "text/csv"


@dataclass(frozen=True)
class Expected:
    """What a record asks for, as far as the answer must show it."""

    customer: str | None
    """The name that the record has; None where it names nobody, or nobody that can be read."""
    rows: int | None
    """The rows of its forecast; None where it may as well be refused."""


@dataclass(frozen=True)
class Exchange:
    """One HTTP request and what it asks for."""

    kind: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    records: tuple[Expected, ...] = ()
    whole: bool = True
    """Whether the request reaches the server whole: if not, it must not be answered 200."""
    regular: bool = True
    """Whether its framing is one that a server must understand; else it may close the connection."""


@dataclass(frozen=True)
class Sending:
    """Bytes for one connection, in pieces, and the exchanges they hold, in order."""

    pieces: tuple[bytes, ...]
    exchanges: tuple[Exchange, ...]
