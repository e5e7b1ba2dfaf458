"""Sends generated requests, and says what is wrong with a reply."""

import csv
import http.client
import io
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.exchanges import CSV, JSON_LINES, Exchange, Expected, Sending

PATIENCE: Final = 2.0
"""How long the response to an incomplete request is awaited, in seconds; none is as good as an error."""


@dataclass
class Reply:
    """The response to one request."""

    status: int
    """0 if the connection ended without a response."""
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)


def send(address: tuple[str, int], what: Sending, seconds: float = 60) -> list[Reply]:
    """Send the pieces on a new connection, close our side if a request is incomplete, read the replies."""
    replies = []
    with socket.create_connection(address, timeout=seconds) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):  # the server may refuse before it has read all
            for piece in what.pieces:
                connection.sendall(piece)
            if not all(exchange.whole for exchange in what.exchanges):
                connection.shutdown(socket.SHUT_WR)
        if not all(exchange.whole and exchange.regular for exchange in what.exchanges):
            connection.settimeout(PATIENCE)
        file = connection.makefile("rb")
        for exchange in what.exchanges:
            replies.append(_reply(connection, file, exchange.method))
            if replies[-1].status == 0:
                break
    return replies


class _OneFile:
    """A socket whose responses are all read from one file, one after the other."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def makefile(self, _: str) -> Any:
        return _Unclosed(self._file)


class _Unclosed(io.BufferedIOBase):
    def __init__(self, file: Any) -> None:
        self._file = file
        self.read, self.readline, self.readinto = file.read, file.readline, file.readinto  # type: ignore[method-assign]

    def close(self) -> None:
        """Leave the file open for the next response."""


def _reply(connection: socket.socket, file: Any, method: str) -> Reply:
    answer = http.client.HTTPResponse(_OneFile(file), method=method)  # type: ignore[arg-type] # all it needs
    try:
        answer.begin()
        return Reply(answer.status, answer.headers.get("Content-Type") or "", answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        connection.close()
        return Reply(0, "", repr(error).encode())


def problem(exchange: Exchange, reply: Reply, *, allowed: Callable[[Exchange, Reply], bool]) -> str | None:
    """Return what is wrong with a response, or None."""
    if reply.status == 0:
        return f"no answer: {reply.body.decode()[:80]}" if exchange.whole and exchange.regular else None
    if reply.status >= 500:
        return (
            None
            if allowed(exchange, reply)
            else f"{reply.status}: {reply.body[:120].decode(errors='replace')}"
        )
    if reply.status != 200 or exchange.method != "POST" or exchange.path == "/models":
        return None
    if not exchange.whole:
        return "200 for a part of a body"
    return _what_is_missing(exchange, reply) if exchange.records else None


def _what_is_missing(exchange: Exchange, reply: Reply) -> str | None:
    """Return how a response differs from what its records must get, or None."""
    kind = reply.content_type.partition(";")[0]
    try:
        results = _results_of_csv(reply.body) if kind == CSV else _results_of_json(kind, reply.body)
    except (ValueError, KeyError) as error:
        return f"not {kind}: {error!r}"
    if kind == CSV:
        return _compare_lines(exchange.records, results)
    if len(results) != len(exchange.records):
        return f"{len(results)} results for {len(exchange.records)} records"
    return next(filter(None, map(_compare, exchange.records, results)), None)


Result = tuple[str | None, list[float] | None]
"""The customer that a result names, and the forecast values; None for an error."""


def _results_of_json(kind: str, body: bytes) -> list[Result]:
    if kind == JSON_LINES:
        contents = [json.loads(line) for line in body.splitlines()]
    else:
        content = json.loads(body)
        contents = content.get("responses", [content])
    return [
        (c.get("target_model"), [r["yhat"] for r in c["predictions"]] if "predictions" in c else None)
        for c in contents
    ]


def _results_of_csv(body: bytes) -> list[Result]:
    """Return one result per line."""
    rows = csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True)
    return [(r["target_model"] or None, [float(r["yhat"])] if r.get("yhat") else None) for r in rows]


def _compare_lines(records: tuple[Expected, ...], lines: list[Result]) -> str | None:
    """Compare the lines of CSV with the records: one line per row of a forecast, or one with an error."""
    place = 0
    for number, record in enumerate(records):
        if place == len(lines):
            return f"no line for record {number}"
        count = 1
        if lines[place][1] is not None and record.rows is None:
            while place + count < len(lines) and lines[place + count][0] == lines[place][0]:
                count += 1
            if number + 1 < len(records):
                return None  # where the rows are not known, the next record's begin is not either
        elif record.rows is not None:
            count = record.rows
        part = lines[place : place + count]
        values = [value for _, made in part if made for value in made]
        difference = _compare(record, (part[0][0], values or None))
        if difference:
            return difference
        place += count
    return f"{len(lines) - place} lines too many" if place < len(lines) else None


def _compare(record: Expected, result: Result) -> str | None:
    name, values = result
    names = (record.customer, (record.customer or "").removesuffix(".tar.gz"))
    is_cut = values is None and len(record.customer or "") > 100
    if record.customer is not None and name not in names and not is_cut:
        return f"{'an error' if values is None else 'a forecast'} for {record.customer[:40]!r} names {name!r}"
    if values is None:
        return "an error for a record without fault" if record.rows is not None else None
    if record.rows is not None and len(values) != record.rows:
        return f"{len(values)} rows instead of {record.rows}"
    if record.customer is not None and record.customer.isdigit():
        level = 1_000 + int(record.customer)
        if any(abs(value - level) > 0.5 for value in values):
            return f"the numbers of another customer for {record.customer}"
    return None
