"""A stand-in for SageMaker Feature Store's runtime: a real HTTP server that writes the offline store.

It answers PutRecord, BatchWriteRecord and DeleteRecord of boto3 as the service does, checks each record
against the group's features, and fails in the manner of the service where `Faults` say so.
"""

import csv
import json
import random
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import duckdb

VARIABLE = "AWS_ENDPOINT_URL_SAGEMAKER_FEATURESTORE_RUNTIME"
MOST_ENTRIES = 25
REFUSES_WHOLE_CALLS = False
"""Whether one refused record has the whole call of a batch refused."""
TYPES = {"String": "VARCHAR", "Fractional": "DOUBLE", "Integral": "BIGINT"}
_EVENT_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")

Record = dict[str, str | None]


@dataclass
class Faults:
    """What goes wrong: shares of calls, of entries in a batch, and records that are always refused."""

    throttled: float = 0.0
    """Calls that are answered ThrottlingException, with status 400 or 429."""
    broken: float = 0.0
    """Calls that are answered InternalFailure, with status 500."""
    dropped: float = 0.0
    """Calls whose connection ends without a response; every other one after its records were stored."""
    unprocessed: float = 0.0
    """Entries of a batch that come back as not processed."""
    failing: float = 0.0
    """Entries of a batch that come back with InternalFailure."""
    refuses: Callable[[Record], str | None] = lambda _: None
    """Returns the code of the error with which a record is refused each time, or None."""


@dataclass
class FeatureStore:
    """One feature group and everything that was put into it."""

    group: str = "readings"
    identifier: str = "customer_id"
    event_time: str = "timestamp"
    types: Mapping[str, str] = field(
        default_factory=lambda: {
            "customer_id": "String",
            "timestamp": "String",
            "consumption": "Fractional",
        }
    )
    faults: Faults = field(default_factory=Faults)
    calls: Counter[str] = field(default_factory=Counter)
    """Number of calls by operation."""
    url: str = ""
    stored: list[tuple[Record, bool, datetime]] = field(default_factory=list)
    """Records, whether each is a deletion, and its `api_invocation_time`."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(0)  # noqa: S311 -- moments of faults are no secrets
        self._written = 0
        self._last = datetime.fromtimestamp(0, UTC)

    @property
    def environment(self) -> dict[str, str]:
        """What leads boto3 to this server."""
        return {
            VARIABLE: self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def chance(self, share: float) -> bool:
        with self._lock:
            return self._random.random() < share

    def put(self, record: Record, *, deleted: bool = False) -> None:
        with self._lock:
            now = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
            self._last = now
            self.stored.append((record, deleted, now))

    def error(self, record: Record) -> tuple[str, str] | None:
        """Return code and message if the service does not take the record."""
        if code := self.faults.refuses(record):
            return code, "refused"
        for name in (self.identifier, self.event_time):
            if not record.get(name):
                return "ValidationError", f"{name} is missing"
        for name, value in record.items():
            if name not in self.types:
                return "ValidationError", f"{name} is not a feature of {self.group}"
            if message := _reason(self.types[name], value or "", is_time=name == self.event_time):
                return "ValidationError", f"{name}: {message}"
        return None

    def write(self, root: Path, at: datetime | None = None) -> Path:
        """Write what was put since the last call; return the folder `data`, as the service names it."""
        data = root / f"123456789012/sagemaker/us-east-1/offline-store/{self.group}-1700000000/data"
        data.mkdir(parents=True, exist_ok=True)
        with self._lock:
            rows, self._written = self.stored[self._written :], len(self.stored)
        if rows:
            self._write(rows, data, at or datetime.now(UTC))
        return data

    def _write(self, rows: Sequence[tuple[Record, bool, datetime]], data: Path, at: datetime) -> None:
        names = list(self.types)
        with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="", delete=False) as file:
            writer = csv.writer(file)
            writer.writerows(
                [*(record.get(name) for name in names), deleted, invoked.isoformat()]
                for record, deleted, invoked in rows
            )
        columns = {name: TYPES[self.types[name]] for name in names}
        columns |= {"is_deleted": "BOOLEAN", "api_invocation_time": "TIMESTAMPTZ"}
        moment = f'CAST(CAST("{self.event_time}" AS TIMESTAMPTZ) AS TIMESTAMP)'
        if self.types[self.event_time] == "Fractional":
            moment = f'make_timestamp(CAST("{self.event_time}" * 1000000 AS BIGINT))'
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(
                f"""COPY (
                SELECT *, TIMESTAMPTZ '{at.isoformat()}' AS write_time, year({moment}) AS year,
                    printf('%02d', month({moment})) AS month, printf('%02d', day({moment})) AS day,
                    printf('%02d', hour({moment})) AS hour
                FROM read_csv('{file.name}', header = false, columns = {columns}))
                TO '{data}' (FORMAT parquet, PARTITION_BY (year, month, day, hour), OVERWRITE_OR_IGNORE,
                    WRITE_PARTITION_COLUMNS false, FILENAME_PATTERN '{at:%Y%m%dT%H%M%SZ}_{{uuid}}')"""  # noqa: S608
            )
        Path(file.name).unlink()


def _reason(kind: str, value: str, *, is_time: bool) -> str | None:
    if is_time and kind == "String":
        return None if _EVENT_TIME.fullmatch(value) else f"{value} is no event time"
    try:
        if value and kind != "String":
            (int if kind == "Integral" else float)(value)
    except ValueError:
        return f"{value} is not {kind}"
    return None


@contextmanager
def feature_store(**settings: Any) -> Iterator[FeatureStore]:
    """Run the stand-in until the block ends."""
    store = FeatureStore(**settings)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"store": store}))
    server.daemon_threads = True
    store.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    store: FeatureStore
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_PUT(self) -> None:
        body = self._body()
        self._answer("PutRecord", lambda: self._put(body["Record"]))

    def do_DELETE(self) -> None:
        query = {name: texts[0] for name, texts in parse_qs(urlsplit(self.path).query).items()}
        record: Record = {
            self.store.identifier: query["RecordIdentifierValueAsString"],
            self.store.event_time: query["EventTime"],
        }
        self._answer("DeleteRecord", lambda: self._take(record, deleted=True))

    def do_POST(self) -> None:
        body = self._body()
        self._answer("BatchWriteRecord", lambda: self._batch(body["Entries"]))

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, operation: str, take: Callable[[], tuple[int, str, Any]]) -> None:
        store, faults = self.store, self.store.faults
        store.calls[operation] += 1
        if store.chance(faults.throttled):
            self._send(400 if store.chance(0.5) else 429, "ThrottlingException", {"message": "Rate exceeded"})
        elif store.chance(faults.broken):
            self._send(500, "InternalFailure", {"Message": "try again"})
        elif store.chance(faults.dropped):
            if store.chance(0.5):
                take()
            self.close_connection = True
        else:
            self._send(*take())

    def _take(self, record: Record, *, deleted: bool = False) -> tuple[int, str, Any]:
        if error := self.store.error(record):
            return 400, error[0], {"Message": error[1]}
        self.store.put(record, deleted=deleted)
        return 200, "", {}

    def _put(self, values: list[dict[str, str]]) -> tuple[int, str, Any]:
        if unquote(urlsplit(self.path).path).rpartition("/")[2] != self.store.group:
            return 404, "ResourceNotFound", {"Message": "no such group"}
        return self._take(_record(values))

    def _batch(self, entries: list[dict[str, Any]]) -> tuple[int, str, Any]:
        if len(entries) > MOST_ENTRIES:
            return 400, "ValidationError", {"Message": f"more than {MOST_ENTRIES} entries"}
        first = next(filter(None, (self.store.error(_record(entry["Record"])) for entry in entries)), None)
        if first and REFUSES_WHOLE_CALLS:
            return 400, first[0], {"Message": first[1]}
        errors, unprocessed = [], []
        for entry in entries:
            record = _record(entry["Record"])
            error = self.store.error(record)
            if error is None and self.store.chance(self.store.faults.failing):
                error = "InternalFailure", "try again"
            if error:
                errors.append({"Entry": entry, "ErrorCode": error[0], "ErrorMessage": error[1]})
            elif self.store.chance(self.store.faults.unprocessed):
                unprocessed.append(entry)
            else:
                self.store.put(record)
        return 200, "", {"Errors": errors, "UnprocessedEntries": unprocessed}

    def _send(self, status: int, code: str, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""


def _record(values: Sequence[Mapping[str, str]]) -> Record:
    return {value["FeatureName"]: value["ValueAsString"] for value in values}
