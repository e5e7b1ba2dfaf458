"""Requests within and around every documented bound, one for each seed, and what their answers must hold."""

import csv
import gzip
import http.client
import io
import json
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

CUSTOMERS: Final = 20
JSON, JSON_LINES, CSV = "application/json", "application/jsonlines", "text/csv"
MOST_BODY: Final = 6 * 2**20
"""Bytes of the largest request by default."""
PATIENCE: Final = 2.0
"""Seconds for the answer to a request that never comes whole: none is as good as a refusal."""
NAMES: Final = (
    "",
    " ",
    "nobody",
    "0/../1",
    "../0",
    "..",
    "/etc/passwd",
    "a\nb",
    "\x1b[31m",
    "0\x00",
    "x" * 201,
    "x" * 5_000,
    "Größe",
    "%2e%2e",
    "0.tar.gz.tar.gz",
    "file:///etc/passwd",
    "=1+1",
    '"',
)
ODD_FIELDS: Final[tuple[tuple[str, tuple[Any, ...]], ...]] = (
    ("period", (0, -1, 10_000, 10_001, 1e6, 2**63, 2.0, 2.5, "7", "x", True, None, [])),
    ("freq", ("h", "W", "MS", "15min", "B", "", "x", "-1D", "0D", "999999999999D", "YS", "h" * 21, None, 7)),
    ("interval_width", (0, 0.5, 0.999999, 1, -1, "0.8", None, 1e-300)),
    (
        "quantiles",
        ([0.5], [0.001, 0.999], [i / 100 for i in range(1, 100)], [0.1] * 101, [0], [1], "x", None),
    ),
    ("components", (True, False, 1, "true", None)),
    ("include_history", (True, False, "x")),
    ("non_negative", (True, False, "x")),
    ("cap", (1, [1, 2], "x", 1e300)),
    ("floor", (0, [0] * 1_000)),
    ("regressors", ({"x": 1}, {"x": [1, 2]}, {}, [], {f"x{i}": 1 for i in range(300)})),
    ("conditions", ({"x": True}, {}, 1)),
    ("ds", (["2025-03-01"], [], "2025-03-01", ["x"], ["2025-03-01"] * 10_001, [1740787200])),
    ("unknown", (1, {"a": [{}] * 50})),
    ("target_model", (*NAMES, 7, 7.5, True, [], {})),
)


@dataclass(frozen=True)
class Wanted:
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
    records: tuple[Wanted, ...] = ()
    whole: bool = True
    """Whether the request reaches the server whole: if not, it must not be answered 200."""
    regular: bool = True
    """Whether its framing is one that a server must understand; else it may close the connection."""


@dataclass(frozen=True)
class Sending:
    """Bytes for one connection, in pieces, and the exchanges they hold, in order."""

    pieces: tuple[bytes, ...]
    exchanges: tuple[Exchange, ...]


def sending(seed: int, folder: Path, *, pipelined: bool = True) -> Sending:
    """Return the requests of a seed; `folder` has a fleet's models, archives and what is not to be loaded.

    `pipelined` says whether some of them are sent together, before the first is answered.
    """
    chance = random.Random(seed)
    if chance.random() < 0.06:
        exchange = _of_a_model(chance, folder)
        return Sending((_framed(exchange),), (exchange,))
    count = chance.choice([2, 3, 5]) if chance.random() < 0.08 and pipelined else 1
    exchanges = [_invocation(chance) for _ in range(count)]
    if count > 1:
        return Sending(_cut(chance, b"".join(map(_framed, exchanges))), tuple(exchanges))
    return _odd_framing(chance, exchanges[0])


def _of_a_model(chance: random.Random, folder: Path) -> Exchange:
    """Load or unload a model, of names that nobody asks for."""
    name = chance.choice([f"extra{chance.randrange(5)}", *NAMES])
    kind = (("Content-Type", JSON),)
    if chance.random() < 0.4:
        path = f"/models/extra{chance.randrange(5)}"
        return Exchange("unload", "DELETE", path, (), b"")
    urls = [str(folder / "models" / "0" / "model"), *("bad.zip", "0.tar.gz", "", "/", "http://127.0.0.1:9/m")]
    url = chance.choice(
        [urls[0], *(u if ":" in u or u in {"", "/"} else str(folder / "models" / u) for u in urls)]
    )
    body = json.dumps({"model_name": name, "url": url}).encode()
    return Exchange("load", "POST", "/models", kind, body)


def _invocation(chance: random.Random) -> Exchange:
    named_by = chance.choice(["route", "header", "field", "field", "attributes"])
    customer = str(chance.randrange(CUSTOMERS))
    kind = chance.choice([JSON, "many", "many", JSON_LINES, JSON_LINES, CSV, CSV])
    count = 1 if kind == JSON else int(10 ** chance.uniform(0, 2 if chance.random() < 0.97 else 4))
    records, wanted = [], []
    for _ in range(count):
        record, want = _record(chance, customer, named_by, plain=kind == CSV)
        records.append(record)
        wanted.append(want)
    content, body = _body(chance, kind, records)
    headers = [("Content-Type", content)]
    path = "/invocations"
    if named_by == "route":
        path = f"/models/{customer}/invoke"
    elif named_by == "header":
        headers.append(("X-Amzn-SageMaker-Target-Model", customer + chance.choice(["", ".tar.gz"])))
    elif named_by == "attributes":
        headers.append(("X-Amzn-SageMaker-Custom-Attributes", f"a=b;target_model={customer}"))
    if chance.random() < 0.3:
        accepts = [
            "*/*",
            JSON,
            CSV,
            JSON_LINES,
            "text/csv;q=0.1, application/json;q=0.9",
            "image/png",
            "x",
            "",
        ]
        headers.append(("Accept", chance.choice([*accepts, "text/*", "a/b;q=z", ", ".join(["a/b"] * 500)])))
    return Exchange(f"{kind}, named by {named_by}", "POST", path, tuple(headers), body, tuple(wanted))


def _record(
    chance: random.Random, customer: str, named_by: str, *, plain: bool
) -> tuple[dict[str, Any], Wanted]:
    """Return a record and what it asks for."""
    record: dict[str, Any] = {}
    if named_by == "field":
        customer = str(chance.randrange(CUSTOMERS))
        record["target_model"] = customer
    rows: int | None = 7
    if chance.random() < 0.8:
        rows = record["period"] = chance.randint(1, 20)
    if chance.random() < 0.25:
        rows = None
        fields = ODD_FIELDS[:2] if plain else ODD_FIELDS
        name, values = chance.choice(fields)
        record[name] = chance.choice(values)
    name = record.get("target_model") if named_by == "field" else customer
    if named_by != "route" and "target_model" in record:
        name = record["target_model"]
    return record, Wanted(name if isinstance(name, str) and name.strip() else None, rows)


def _body(chance: random.Random, kind: str, records: list[dict[str, Any]]) -> tuple[str, bytes]:
    """Return a content type and the records in it, in one of the ways that people write them."""
    if kind == JSON:
        return chance.choice([JSON, JSON, "application/json; charset=utf-8"]), json.dumps(records[0]).encode()
    if kind == "many":
        return JSON, json.dumps({"requests": records}).encode()
    end = chance.choice(["\n", "\n", "\r\n"])
    mark = b"\xef\xbb\xbf" if chance.random() < 0.1 else b""
    if kind == JSON_LINES:
        text = end.join(map(json.dumps, records)) + chance.choice([end, ""])
        return chance.choice([JSON_LINES, "application/x-ndjson"]), mark + text.encode()
    names = sorted({name for record in records for name in record}, reverse=True) or ["period"]
    text = io.StringIO()
    table = csv.DictWriter(text, names, lineterminator=end, restval="")
    table.writeheader()
    if names == ["period"]:
        records = [record or {"period": 7} for record in records]  # an empty line is no record
    table.writerows(records)
    return chance.choice([CSV, "text/csv; charset=utf-8"]), mark + text.getvalue().encode()


def _framed(exchange: Exchange, *extra: tuple[str, str], length: int | None = None) -> bytes:
    """Return an HTTP request with a Content-Length, that of its body unless `length` says otherwise."""
    size = len(exchange.body) if length is None else length
    return _head(exchange, *extra, ("Content-Length", str(size))) + exchange.body


def _head(exchange: Exchange, *extra: tuple[str, str]) -> bytes:
    lines = [f"{exchange.method} {exchange.path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in (*exchange.headers, *extra)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def _odd_framing(chance: random.Random, exchange: Exchange) -> Sending:
    make = chance.choice(
        [_plain] * 4 + [_chunked] * 3 + [_gzipped] * 2 + [_truncated, _wrong_length, _broken]
    )
    pieces, changed = make(chance, exchange)
    return Sending(pieces, (changed,))


def _plain(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    if chance.random() < 0.01 and exchange.headers[0][1] == JSON_LINES:
        exchange = replace(exchange, kind="too large", whole=False)
        exchange = replace(exchange, body=exchange.body + b"\n" + b" " * MOST_BODY)
    return _cut(chance, _framed(exchange)), exchange


def _chunks(chance: random.Random, body: bytes) -> list[bytes]:
    chunks, place = [], 0
    while place < len(body):
        size = min(chance.choice([1, 7, 100, 5_000, 100_000]), len(body) - place)
        size = max(size, len(body) // 50)
        part = body[place : place + size]
        extension = chance.choice([b"", b"", b";name=value"])
        chunks.append(f"{len(part):{chance.choice('xX')}}".encode() + extension + b"\r\n" + part + b"\r\n")
        place += size
    return chunks


def _chunked(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    exchange = replace(exchange, kind=exchange.kind + ", chunked")
    chunks = [_head(exchange, ("Transfer-Encoding", "chunked")), *_chunks(chance, exchange.body)]
    way = chance.random()
    if way < 0.8:
        end = chance.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"000\r\n\r\n"])
        return _cut(chance, b"".join([*chunks, end])), exchange
    exchange = replace(exchange, kind=exchange.kind + " and broken", whole=False)
    if way < 0.9:
        return tuple(chunks), exchange
    return (
        *chunks,
        chance.choice([b"zz\r\n\r\n", b"-1\r\n\r\n", b"5\r\nabc\r\n0\r\n\r\n", b"\r\n\r\n"]),
    ), exchange


def _gzipped(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    packed = gzip.compress(exchange.body, 1)
    way, whole = chance.random(), True
    if way < 0.2:
        packed, whole = packed[: chance.randrange(1, len(packed))], False
    elif way < 0.25:
        packed, whole = gzip.compress(b" " * chance.choice([MOST_BODY + 1, 64 * 2**20]), 9), False
    elif way < 0.35:
        place = chance.randrange(len(packed) - 8, len(packed))
        packed = packed[:place] + bytes([packed[place] ^ 1 << chance.randrange(8)]) + packed[place + 1 :]
        whole = False
    elif way < 0.4:
        packed, whole = b"plain" + exchange.body, False
    exchange = replace(exchange, kind=exchange.kind + ", gzip'd" + ("" if whole else " and broken"))
    exchange = replace(exchange, body=packed, whole=whole)
    return _cut(chance, _framed(exchange, ("Content-Encoding", "gzip"))), exchange


def _truncated(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    text = _framed(exchange)
    head = text.index(b"\r\n\r\n") + 4
    at = chance.randrange(head, len(text)) if exchange.body else head - 2
    return _cut(chance, text[:at]), replace(exchange, kind=exchange.kind + ", truncated", whole=False)


def _wrong_length(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    more = len(exchange.body) + chance.choice([1, 100, 10**7])
    text = chance.choice([str(more), "-1", "x", "1e3", "99999999999999999999", "0x10", ""])
    sent = _head(exchange, ("Content-Length", text)) + exchange.body
    return (sent,), replace(
        exchange, kind=f"Content-Length {text[:9]}", whole=text == "", records=(), regular=False
    )


def _broken(chance: random.Random, exchange: Exchange) -> tuple[tuple[bytes, ...], Exchange]:
    extra = chance.choice(
        [
            ("Transfer-Encoding", "gzip, chunked"),
            ("Transfer-Encoding", "x"),
            ("Content-Encoding", "br"),
            ("Content-Encoding", "gzip, gzip"),
            ("X-Long", "x" * 20_000),
            ("Expect", "200-ok"),
            ("Content-Length", "3"),
        ]
    )
    sent = _framed(exchange, extra)
    return (sent,), replace(exchange, kind=f"{extra[0]}: {extra[1][:20]}", records=(), regular=False)


def _cut(chance: random.Random, text: bytes) -> tuple[bytes, ...]:
    """Return the text in one to four pieces, as the network may deliver it."""
    places = sorted(chance.randrange(len(text) + 1) for _ in range(chance.choice([0, 0, 0, 1, 3])))
    return tuple(text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True) if a < b)


@dataclass
class Reply:
    """What came back for one exchange."""

    status: int
    """0 where the connection ended without an answer."""
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)


def send(address: tuple[str, int], what: Sending, seconds: float = 60) -> list[Reply]:
    """Send the pieces on a connection of their own, say that no more comes, and read the answers."""
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


class _Kept:
    """A socket whose answers are read one after the other from one file."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def makefile(self, _: str) -> Any:
        return _Unclosed(self._file)


class _Unclosed(io.BufferedIOBase):
    def __init__(self, file: Any) -> None:
        self._file = file
        self.read, self.readline, self.readinto = file.read, file.readline, file.readinto  # type: ignore[method-assign]

    def close(self) -> None:
        """Leave the file open for the next answer."""


def _reply(connection: socket.socket, file: Any, method: str) -> Reply:
    answer = http.client.HTTPResponse(_Kept(file), method=method)  # type: ignore[arg-type] # all it needs
    try:
        answer.begin()
        return Reply(answer.status, answer.headers.get("Content-Type") or "", answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        connection.close()
        return Reply(0, "", repr(error).encode())


def problem(exchange: Exchange, reply: Reply, *, allowed: Callable[[Exchange, Reply], bool]) -> str | None:
    """Return what is wrong with an answer, or None."""
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
    return _incomplete(exchange, reply) if exchange.records else None


def _incomplete(exchange: Exchange, reply: Reply) -> str | None:
    """Return what an answer lacks of what was asked."""
    kind = reply.content_type.partition(";")[0]
    try:
        results = _results_of_csv(reply.body) if kind == CSV else _results_of_json(kind, reply.body)
    except (ValueError, KeyError) as error:
        return f"not {kind}: {error!r}"
    if kind == CSV:
        return _lacks_in_order(exchange.records, results)
    if len(results) != len(exchange.records):
        return f"{len(results)} results for {len(exchange.records)} records"
    return next(filter(None, map(_wrong, exchange.records, results)), None)


Result = tuple[str | None, list[float] | None]
"""The customer that a result names, and its forecasts, None for an error."""


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
    """Return a result for each line."""
    rows = csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True)
    return [(r["target_model"] or None, [float(r["yhat"])] if r.get("yhat") else None) for r in rows]


def _lacks_in_order(records: tuple[Wanted, ...], lines: list[Result]) -> str | None:
    """Compare the lines of a CSV answer with the records: as many lines as rows, or one with an error."""
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
        found = _wrong(record, (part[0][0], values or None))
        if found:
            return found
        place += count
    return f"{len(lines) - place} lines too many" if place < len(lines) else None


def _wrong(record: Wanted, result: Result) -> str | None:
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
