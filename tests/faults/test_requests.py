"""Faults 8 to 11 and 20: hostile, slow and too many requests to the real servers (--full: full counts)."""

import json
import random
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from testbed.server import serving
from tests.faults.fleet import (
    CUSTOMERS,
    Client,
    ask_many,
    is_right,
    load_all,
    memory,
    p99,
    pool,
    together,
    write_archives,
)

pytestmark = pytest.mark.faults


NAMES = [
    "../0",
    "..",
    "/etc/passwd",
    "a/../../0",
    "./0",
    "x" * 4096,
    "%2e%2e/0",
    "file:///etc/passwd",
    "http://127.0.0.1:9/0",
    "0\u0000",
    "link",
    "linked/0",
    "",
    " ",
    "model-store",
]


def test_8_a_name_leads_only_into_the_store(
    stack: str, base: Path, tmp_path: Path, report: Callable[[str], None]
) -> None:
    outside = tmp_path / "outside"
    write_archives(outside, 1)
    write_archives(tmp_path / "store", 1)
    (tmp_path / "store" / "link.tar.gz").symlink_to(outside / "0.tar.gz")
    (tmp_path / "store" / "linked").symlink_to(outside)
    with serving(base, SERVING_STACK=stack, MODEL_STORE=str(tmp_path / "store")) as server:
        bodies = [json.dumps({"target_model": name}).encode() for name in NAMES]
        answers = [server.request("POST", "/invocations", body) for body in bodies]
        loads = [server.load(f"n{i}", name).status for i, name in enumerate(NAMES)]
        good = server.request("POST", "/invocations", b'{"target_model": "0"}').status

    report(f"fault 8, {stack}: {len(answers) + len(loads)} names, all refused")
    assert [(n, a.status) for n, a in zip(NAMES, answers, strict=True) if not 400 <= a.status < 500] == []
    assert [(n, s) for n, s in zip(NAMES, loads, strict=True) if not 400 <= s < 500] == []
    assert good == 200


BOMBS = [b'{"period": %s}' % value for value in (b"-1", b"0", b"1000000", b"9223372036854775808", b"1e400")]
BOMBS += [b'{"period": %s}' % value for value in (b"NaN", b"true", b'"1"', b"1" * 100_000, b"[" * 100_000)]
BOMBS += [b"[" * 100_000, b'{"a":' * 100_000, b'{"quantiles": [' + b"0.5," * 100_000 + b"0.5]}"]


def test_9_a_request_bomb_is_refused_at_once_and_leaves_nothing(
    stack: str, base: Path, full: bool, report: Callable[[str], None]
) -> None:
    with serving(base, SERVING_STACK=stack) as server:
        load_all(server, base / "models", [0])
        client = Client(server)
        for body in BOMBS:
            client.ask(0, body)
        before, seconds, statuses = memory(server), [], Counter[int]()
        for body in BOMBS * (100 if full else 10):
            begun = time.perf_counter()
            statuses[client.ask(0, body)[0]] += 1
            seconds.append(time.perf_counter() - begun)
        grown = memory(server) - before

    report(f"fault 9, {stack}: {dict(statuses)}, p99 {p99(seconds) * 1e3:.1f} ms, {grown / 1e6:+.1f} MB")
    assert set(statuses) == {400}
    assert grown < 64e6
    assert p99(seconds) < 0.5


def test_10_no_request_is_answered_500(
    stack: str, base: Path, full: bool, report: Callable[[str], None]
) -> None:
    paths = [
        "/models",
        "/models/0",
        "/models/0/invoke",
        "/models/no/invoke",
        "/ping",
        "/invocations",
        "/",
        "/x",
    ]
    types = ["application/json", "text/csv", "application/jsonlines", "image/png", "multipart/form-data", ""]
    bodies = [
        b'{"period": 3}',
        b"{}",
        b"",
        b"[]",
        b"null",
        b"\xff\x00",
        b'{"requests": [{}, {"a": 1}]}',
        b"period\n3\n",
    ]

    def work(seed: int) -> Counter[str]:
        chance, client, counts = random.Random(seed), Client(server), Counter[str]()
        for _ in range(25_000 if full else 500):
            path, body = chance.choice(paths), chance.choice(bodies)
            if chance.random() < 0.3:
                body = bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
            method = chance.choice(["GET", "POST", "POST", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
            if path == "/models/0" and method in {"DELETE", "PUT"}:
                continue
            if path == "/models" and method == "POST":  # Multi Model Server's own parser, and its own 500
                body = json.dumps(
                    {"url": chance.choice(["/", "/etc", "x", str(base)]), "model_name": "f"}
                ).encode()
            kind = "application/json" if path == "/models" else chance.choice(types)
            headers = {"Content-Type": kind, "Accept": chance.choice(["*/*", "text/csv", "x", "a/b;q=z"])}
            status, _ = client.request(method, path, body, headers)
            counts[f"{status // 100}xx"] += 1
        return counts

    with serving(base, SERVING_STACK=stack) as server:
        load_all(server, base / "models", [0])
        processes = pool(server)
        counts = together(4, work)
        alive = [each.is_running() for each in processes]
        again = Client(server).ask(0)

    report(f"fault 10, {stack}: {counts.total()} requests, {dict(counts)}")
    assert set(counts) <= {"2xx", "4xx"}
    assert all(alive)
    assert is_right(0, again[1])


def test_11_overload_costs_no_throughput_and_ping_answers(
    stack: str, base: Path, full: bool, report: Callable[[str], None]
) -> None:
    seconds = 60 if full else 6

    def rate(clients: int) -> tuple[float, Counter[str]]:
        end = time.monotonic() + seconds
        counts = ask_many(
            server, customers=CUSTOMERS, clients=clients, until=lambda _: time.monotonic() > end
        )
        return counts["200"] / seconds, counts

    with serving(base, SERVING_STACK=stack) as server:
        load_all(server, base / "models", range(CUSTOMERS))
        rate(8)
        peak, _ = rate(8)
        pings, stop = [], threading.Event()

        def ping() -> None:
            while not stop.wait(0.2):
                begun = time.perf_counter()
                assert server.request("GET", "/ping").status == 200
                pings.append(time.perf_counter() - begun)

        pinging = threading.Thread(target=ping)
        pinging.start()
        goodput, counts = rate(80)
        stop.set()
        pinging.join()

    report(
        f"fault 11, {stack}: {goodput / peak:.0%} of the peak, {dict(counts)}, "
        f"slowest ping {max(pings):.2f} s"
    )
    assert set(counts) <= {"200", "503"}
    assert max(pings) < 2
    assert goodput > 0.6 * peak  # the clients are on the same two processors


def test_11_requests_beyond_the_queue_are_refused_at_once_and_the_others_are_computed(
    stack: str, base: Path, full: bool, report: Callable[[str], None]
) -> None:
    seconds = 30 if full else 5

    def rate(clients: int) -> tuple[float, dict[int, list[float]]]:
        end = time.monotonic() + seconds
        took: dict[int, list[float]] = {200: [], 503: []}

        def work(_: int) -> Counter[str]:
            client = Client(server)
            while time.monotonic() < end:
                begun = time.perf_counter()
                status, _answer = client.ask(0, b'{"period": 3000}')
                took[status].append(time.perf_counter() - begun)
                if status == 503:
                    time.sleep(0.02)
            return Counter()

        together(clients, work)
        return len(took[200]) / seconds, took

    with serving(base, SERVING_STACK=stack, SAGEMAKER_MODEL_JOB_QUEUE_SIZE="4") as server:
        load_all(server, base / "models", [0])
        rate(4)
        peak, _ = rate(4)
        goodput, took = rate(40)

    refused, accepted = sorted(took[503]), sorted(took[200])
    report(
        f"fault 11, {stack}: {goodput / peak:.0%} of the peak; {len(refused)} refused, half of them within "
        f"{refused[len(refused) // 2] * 1e3:.0f} ms, 99 % within {p99(refused) * 1e3:.0f} ms; "
        f"accepted: p99 {p99(accepted) * 1e3:.0f} ms"
    )
    assert len(refused) > 100
    assert refused[len(refused) // 2] < 0.25
    assert goodput > 0.5 * peak  # the clients are on the same two processors


SLOW = {
    "nothing": b"",
    "half a head": b"POST /models/0/invoke HTTP/1.1\r\nHost: x\r\nContent-",
    "half a body": b"POST /models/0/invoke HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    "half a chunk": b"POST /models/0/invoke HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
    "a drop at a time": b"",
}


def test_20_slow_clients_delay_nobody_and_are_dropped(
    base: Path, full: bool, report: Callable[[str], None]
) -> None:
    of_each = 100 if full else 30
    with ExitStack() as opened, serving(base, SERVING_STACK="gunicorn") as server:
        load_all(server, base / "models", [0])
        slow = []
        for kind, begun in SLOW.items():
            for _ in range(of_each):
                connection = opened.enter_context(socket.create_connection(server.address))
                connection.sendall(begun)
                slow.append((kind, connection))
        started, pings, asks = time.monotonic(), [], Counter[int]()
        left = [connection for _, connection in slow]
        while left and time.monotonic() < started + 30:
            for connection in (connection for kind, connection in slow if kind == "a drop at a time"):
                with suppress(OSError):
                    connection.sendall(b"P" if connection in left else b"")
            begun = time.monotonic()
            assert server.request("GET", "/ping").status == 200
            pings.append(time.monotonic() - begun)
            asks[server.invoke("0", {"period": 1}).status] += 1
            closed, _, _ = select.select(left, [], [], 0.5)
            left = [connection for connection in left if connection not in closed]
        took = time.monotonic() - started

    report(
        f"fault 20: {len(slow)} slow clients closed in {took:.1f} s, ping {max(pings):.3f} s, {dict(asks)}"
    )
    assert left == []
    assert max(pings) < 2
    assert set(asks) == {200}
