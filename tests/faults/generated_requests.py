"""Requests within and around every documented bound, one for each seed."""

import csv
import io
import json
import random
from pathlib import Path
from typing import Any, Final

from fleetcast.archive import GLOBAL_NAME
from tests.faults.exchanges import CSV, JSON, JSON_LINES, Exchange, Expected, Sending
from tests.faults.framing import cut, framed, framed_oddly

CUSTOMERS: Final = 20
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
    (
        "history",
        (
            {"ds": ["2025-03-01", "2025-03-02"], "y": [1, None]},
            {"ds": ["2025-03-01"] * 10_001, "y": [0] * 10_001},
            {"ds": ["0001-01-01", "9999-12-31"], "y": [-1e30, 1e30]},
            {"ds": ["2025-03-01"], "y": [1, 2]},
            {"ds": ["x"], "y": ["1"]},
            {"ds": [], "y": []},
            {"y": [1]},
            [],
            "x",
            None,
        ),
    ),
    ("unknown", (1, {"a": [{}] * 50})),
    ("target_model", (*NAMES, 7, 7.5, True, [], {})),
)


def sending(seed: int, folder: Path, *, pipelined: bool = True) -> Sending:
    """Return the requests of a seed; `folder` has a fleet's models, archives and what is not to be loaded.

    `pipelined` says whether some of them are sent together, before the first is answered.
    """
    chance = random.Random(seed)
    if chance.random() < 0.06:
        exchange = _of_a_model(chance, folder)
        return Sending((framed(exchange),), (exchange,))
    count = chance.choice([2, 3, 5]) if chance.random() < 0.08 and pipelined else 1
    exchanges = [_invocation(chance) for _ in range(count)]
    if count > 1:
        return Sending(cut(chance, b"".join(map(framed, exchanges))), tuple(exchanges))
    return framed_oddly(chance, exchanges[0])


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


def _customer(chance: random.Random) -> str:
    return GLOBAL_NAME if chance.random() < 0.08 else str(chance.randrange(CUSTOMERS))


def _history(chance: random.Random) -> dict[str, Any]:
    """Return readings of hours, in no order: of a moment or of days, and some or all of them missing."""
    count = chance.choice([1, 30, 100, 100, 240, 240])
    hours = chance.sample(range(chance.choice([1, 1, 3]) * count), count)
    ds = [f"2025-01-{1 + hour // 24:02}T{hour % 24:02}:00" for hour in hours]
    missing, level = chance.choice([0, 0, 0.1, 0.1, 1]), chance.choice([0.0, 1.0, 1e-30, 1e12, -1e30])
    return {"ds": ds, "y": [None if chance.random() < missing else level * chance.random() for _ in ds]}


def _invocation(chance: random.Random) -> Exchange:
    named_by = chance.choice(["route", "header", "field", "field", "attributes"])
    customer = _customer(chance)
    kind = chance.choice([JSON, "many", "many", JSON_LINES, JSON_LINES, CSV, CSV])
    count = 1 if kind == JSON else int(10 ** chance.uniform(0, 2 if chance.random() < 0.97 else 4))
    records, expected = [], []
    for _ in range(count):
        record, expectation = _record(chance, customer, named_by, plain=kind == CSV)
        records.append(record)
        expected.append(expectation)
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
    return Exchange(f"{kind}, named by {named_by}", "POST", path, tuple(headers), body, tuple(expected))


def _record(
    chance: random.Random, customer: str, named_by: str, *, plain: bool
) -> tuple[dict[str, Any], Expected]:
    """Return a record and what it asks for."""
    record: dict[str, Any] = {}
    if named_by == "field":
        customer = _customer(chance)
        record["target_model"] = customer
    rows: int | None = 7
    if chance.random() < 0.8:
        rows = record["period"] = chance.randint(1, 20)
    if customer == GLOBAL_NAME:
        rows = None  # it needs a history, and not any
        if not plain:
            record["history"] = _history(chance)
    if chance.random() < 0.25:
        rows = None
        fields = ODD_FIELDS[:2] if plain else ODD_FIELDS
        name, values = chance.choice(fields)
        record[name] = chance.choice(values)
    name = record.get("target_model") if named_by == "field" else customer
    if named_by != "route" and "target_model" in record:
        name = record["target_model"]
    return record, Expected(name if isinstance(name, str) and name.strip() else None, rows)


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
