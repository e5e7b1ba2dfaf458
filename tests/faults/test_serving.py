"""Faults 8 to 17, 19 and 20 against the real servers; short by default, --full for the full counts."""

import json
import os
import random
import select
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from container import Paths
from tests.faults.fleet import (
    Client,
    ask_many,
    is_right,
    load_all,
    text,
    together,
    write_archives,
    write_models,
)
from tests.integration.server import Server, serving

pytestmark = pytest.mark.faults
CUSTOMERS = 50


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    write_models(folder / "models", CUSTOMERS)
    write_archives(folder / "archives", CUSTOMERS)
    return folder


@pytest.fixture(params=["mms", "gunicorn"])
def stack(request: pytest.FixtureRequest) -> str:
    """Return the name of the stack that a fault is injected into."""
    return str(request.param)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    def say(figure: str) -> None:
        with capsys.disabled():
            print(f"\n{figure}")

    return say


def memory(server: Server) -> int:
    root = psutil.Process(server.process.pid)
    return sum(each.memory_full_info().pss for each in (root, *root.children(recursive=True)))


def pool(server: Server) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children()
    return [each for each in children if each.name() != "java"]


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.99 * len(seconds))]


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


def test_8_a_name_leads_nowhere_but_into_the_store(
    stack: str, base: Path, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    outside = tmp_path / "outside"
    write_archives(outside, 1)
    write_archives(tmp_path / "store", 1)
    (tmp_path / "store" / "link.tar.gz").symlink_to(outside / "0.tar.gz")
    (tmp_path / "store" / "linked").symlink_to(outside)
    with serving(base, SERVING_STACK=stack, MODEL_STORE=str(tmp_path / "store")) as server:
        asked = [json.dumps({"target_model": name}).encode() for name in NAMES]
        answers = [server.request("POST", "/invocations", body) for body in asked]
        loads = [server.load(f"n{i}", name).status for i, name in enumerate(NAMES)]
        good = server.request("POST", "/invocations", b'{"target_model": "0"}').status

    tell(f"fault 8, {stack}: {len(answers) + len(loads)} names, all refused")
    assert [(n, a.status) for n, a in zip(NAMES, answers, strict=True) if not 400 <= a.status < 500] == []
    assert [(n, s) for n, s in zip(NAMES, loads, strict=True) if not 400 <= s < 500] == []
    assert good == 200


BOMBS = [b'{"period": %s}' % value for value in (b"-1", b"0", b"1000000", b"9223372036854775808", b"1e400")]
BOMBS += [b'{"period": %s}' % value for value in (b"NaN", b"true", b'"1"', b"1" * 100_000, b"[" * 100_000)]
BOMBS += [b"[" * 100_000, b'{"a":' * 100_000, b'{"quantiles": [' + b"0.5," * 100_000 + b"0.5]}"]


def test_9_a_request_bomb_is_refused_at_once_and_leaves_nothing(
    stack: str, base: Path, full: bool, tell: Callable[[str], None]
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

    tell(f"fault 9, {stack}: {dict(statuses)}, p99 {p99(seconds) * 1e3:.1f} ms, {grown / 1e6:+.1f} MB")
    assert set(statuses) == {400}
    assert grown < 64e6
    assert p99(seconds) < 0.5


def test_10_no_request_is_answered_500(
    stack: str, base: Path, full: bool, tell: Callable[[str], None]
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
        chance, client, seen = random.Random(seed), Client(server), Counter[str]()
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
            seen[f"{status // 100}xx"] += 1
        return seen

    with serving(base, SERVING_STACK=stack) as server:
        load_all(server, base / "models", [0])
        processes = pool(server)
        seen = together(4, work)
        alive = [each.is_running() for each in processes]
        again = Client(server).ask(0)

    tell(f"fault 10, {stack}: {seen.total()} requests, {dict(seen)}")
    assert set(seen) <= {"2xx", "4xx"}
    assert all(alive)
    assert is_right(0, again[1])


def test_11_overload_costs_no_throughput_and_ping_answers(
    stack: str, base: Path, full: bool, tell: Callable[[str], None]
) -> None:
    seconds = 60 if full else 6

    def rate(clients: int) -> tuple[float, Counter[str]]:
        end = time.monotonic() + seconds
        seen = ask_many(server, customers=CUSTOMERS, clients=clients, until=lambda _: time.monotonic() > end)
        return seen["200"] / seconds, seen

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
        goodput, seen = rate(80)
        stop.set()
        pinging.join()

    tell(
        f"fault 11, {stack}: {goodput / peak:.0%} of the peak, {dict(seen)}, slowest ping {max(pings):.2f} s"
    )
    assert set(seen) <= {"200", "503"}
    assert max(pings) < 2
    assert goodput > 0.6 * peak  # the clients are on the same two processors


def test_11_what_does_not_fit_is_refused_at_once_and_the_rest_is_computed_as_before(
    stack: str, base: Path, full: bool, tell: Callable[[str], None]
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
    tell(
        f"fault 11, {stack}: {goodput / peak:.0%} of the peak; {len(refused)} refused, half of them within "
        f"{refused[len(refused) // 2] * 1e3:.0f} ms, 99 % within {p99(refused) * 1e3:.0f} ms; "
        f"accepted: p99 {p99(accepted) * 1e3:.0f} ms"
    )
    assert len(refused) > 100
    assert refused[len(refused) // 2] < 0.25
    assert goodput > 0.5 * peak  # the clients are on the same two processors


def test_12_a_killed_pool_process_costs_what_was_in_its_hands(
    stack: str, base: Path, full: bool, tell: Callable[[str], None]
) -> None:
    kills, clients = (1_000 if full else 8), 8
    stop, slowest = threading.Event(), 0.0
    with serving(base, SERVING_STACK=stack) as server, ExitStack() as cleanup:
        load_all(server, base / "models", range(CUSTOMERS))
        found: list[Counter[str]] = []
        asking = threading.Thread(
            target=lambda: found.append(
                ask_many(server, customers=CUSTOMERS, clients=clients, until=lambda _: stop.is_set())
            )
        )
        asking.start()
        cleanup.callback(stop.set)
        chance = random.Random(0)
        for _ in range(kills):
            chance.choice(pool(server)).kill()
            begun = time.monotonic()
            client = Client(server)
            for customer in range(CUSTOMERS):
                while client.ask(customer)[0] != 200:
                    assert time.monotonic() - begun < 30
            slowest = max(slowest, time.monotonic() - begun)
        stop.set()
        asking.join()

    seen = found[0]
    failed = seen.total() - seen["200"]
    tell(f"fault 12, {stack}: {kills} kills, {dict(seen)}, all models again after {slowest:.1f} s at most")
    assert seen["wrong"] == 0
    assert failed <= kills * (clients + 1)
    assert slowest < 5


def test_13_nothing_accepted_is_dropped_on_sigterm(
    stack: str, base: Path, full: bool, tell: Callable[[str], None]
) -> None:
    stops, longest, total = (100 if full else 3), 0.0, Counter[str]()
    for _ in range(stops):
        stop = threading.Event()
        with serving(base, SERVING_STACK=stack) as server:
            load_all(server, base / "models", range(8))

            def work(seed: int, server: Server = server, stop: threading.Event = stop) -> Counter[str]:
                client, seen, chance = Client(server), Counter[str](), random.Random(seed)
                while not stop.is_set() and not seen["503"] and not seen["not accepted"]:
                    customer = chance.randrange(8)
                    status, answer = client.ask(customer, b'{"period": 500}')
                    gone = status == 0 and b"ConnectionRefusedError" in answer
                    kind = str(status) if status != 200 or is_right(customer, answer) else "wrong"
                    seen["not accepted" if gone else kind] += 1
                return seen

            found: list[Counter[str]] = []
            asking = threading.Thread(target=lambda work=work, found=found: found.append(together(6, work)))
            asking.start()
            time.sleep(random.Random(stops).uniform(0.3, 1))
            server.process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            code = server.process.wait(30)
            longest = max(longest, time.monotonic() - begun)
            stop.set()
            asking.join()
        assert code == 0
        total += found[0]

    tell(f"fault 13, {stack}: {stops} stops, {dict(total)}, the longest took {longest:.1f} s")
    assert set(total) <= {"200", "503", "not accepted"}
    assert longest < 25


def test_14_many_clients_on_one_cold_model(stack: str, base: Path, tell: Callable[[str], None]) -> None:
    start = threading.Barrier(200)

    def work(_: int) -> Counter[str]:
        client = Client(server, store=True)
        start.wait()
        status, answer = client.ask(7)
        return Counter([str(status) if status != 200 or is_right(7, answer) else "wrong"])

    environment = {"MODEL_STORE": str(base / "archives"), "SAGEMAKER_MODEL_JOB_QUEUE_SIZE": "1000"}
    with serving(base, SERVING_STACK=stack, **environment) as server:
        seen = together(200, work)

    tell(f"fault 14, {stack}: {dict(seen)}")
    assert seen == {"200": 200}


def test_15_memory_stays_where_models_come_and_go(
    stack: str, tmp_path: Path, full: bool, tell: Callable[[str], None]
) -> None:
    customers, seconds = (2_000, 3_600) if full else (600, 15)
    write_archives(tmp_path / "archives", customers)
    (tmp_path / "models").mkdir()
    environment = {"MODEL_STORE": str(tmp_path / "archives"), "MODEL_CACHE_IN_MB": "1"}

    def ask_for(duration: float) -> Counter[str]:
        end = time.monotonic() + duration
        return ask_many(
            server, customers=customers, clients=16, until=lambda _: time.monotonic() > end, store=True
        )

    with serving(tmp_path, SERVING_STACK=stack, **environment) as server:
        ask_for(seconds / 3)
        before = sum(each.memory_info().rss for each in pool(server))
        seen = ask_for(seconds)
        grown = sum(each.memory_info().rss for each in pool(server)) - before

    tell(f"fault 15, {stack}: {dict(seen)}, {grown / 1e6:+.1f} MB")
    assert set(seen) == {"200"}
    assert grown < 16e6


def test_16_a_replaced_archive_is_the_old_or_the_new(
    stack: str, tmp_path: Path, full: bool, tell: Callable[[str], None]
) -> None:
    write_archives(tmp_path / "archives", 1)
    (tmp_path / "models").mkdir()
    packed = [(tmp_path / "archives" / "0.tar.gz").read_bytes()]
    write_archives(tmp_path / "other", 2)
    packed.append((tmp_path / "other" / "1.tar.gz").read_bytes())
    stop, turns = threading.Event(), [0]

    def replace() -> None:
        while not stop.wait(0.02):
            turns.append(len(turns) % 2)
            (tmp_path / "archives" / "new").write_bytes(packed[turns[-1]])
            (tmp_path / "archives" / "new").replace(tmp_path / "archives" / "0.tar.gz")

    environment = {"MODEL_STORE": str(tmp_path / "archives"), "MODEL_REVALIDATE_SECONDS": "0"}
    with serving(tmp_path, SERVING_STACK=stack, **environment) as server:
        replacing = threading.Thread(target=replace)
        replacing.start()
        client, seen = Client(server, store=True), Counter[str]()
        end = time.monotonic() + (600 if full else 8)
        while time.monotonic() < end:
            status, answer = client.ask(0)
            kind = [n for n in (0, 1) if status == 200 and is_right(n, answer)]
            seen[f"model {kind[0]}" if kind else str(status)] += 1
        stop.set()
        replacing.join()
        last = [is_right(turns[-1], client.ask(0)[1]) for _ in range(50)]

    tell(f"fault 16, {stack}: {dict(seen)}")
    assert set(seen) == {"model 0", "model 1"}
    assert all(last), "a stale answer"


def test_17_nobody_gets_another_customers_forecast(
    stack: str, tmp_path: Path, full: bool, tell: Callable[[str], None]
) -> None:
    customers, requests = (1_000, 1_000_000) if full else (100, 8_000)
    write_models(tmp_path / "models", customers)
    with serving(tmp_path, SERVING_STACK=stack) as server:
        load_all(server, tmp_path / "models", range(customers))
        seen = ask_many(server, customers=customers, clients=8, until=lambda n: n >= requests // 8)

    tell(f"fault 17, {stack}: {dict(seen)}")
    assert seen == {"200": requests}


def test_19_the_server_starts_again_after_every_end(
    stack: str, base: Path, full: bool, tell: Callable[[str], None]
) -> None:
    starts, chance = (100 if full else 4), random.Random(0)
    for _ in range(starts):
        with serving(base, SERVING_STACK=stack) as server:
            load_all(server, base / "models", [0])
            assert is_right(0, Client(server).ask(0)[1])
            if chance.random() < 0.5:
                children = psutil.Process(server.process.pid).children(recursive=True)
                for each in (server.process, *children):
                    os.kill(each.pid, signal.SIGKILL)
                server.process.wait()

    tell(f"fault 19, {stack}: {starts} of {starts} starts")


SLOW = {
    "nothing": b"",
    "half a head": b"POST /models/0/invoke HTTP/1.1\r\nHost: x\r\nContent-",
    "half a body": b"POST /models/0/invoke HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    "half a chunk": b"POST /models/0/invoke HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
    "a drop at a time": b"",
}


def test_20_slow_clients_keep_nobody_waiting_and_are_let_go(
    base: Path, full: bool, tell: Callable[[str], None]
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

    tell(f"fault 20: {len(slow)} slow clients closed in {took:.1f} s, ping {max(pings):.3f} s, {dict(asks)}")
    assert left == []
    assert max(pings) < 2
    assert set(asks) == {200}


def test_the_fleets_models_forecast_their_numbers(base: Path) -> None:
    paths = Paths(base)

    assert (paths.models / "3" / "model" / "model.json").read_text() == text(3)
