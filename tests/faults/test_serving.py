"""Faults 12 to 17 and 19: kills, stops and changing models under the real servers (--full: full counts)."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from container import Paths
from testbed.server import Server, serving
from tests.faults.fleet import (
    CUSTOMERS,
    Client,
    ask_many,
    is_right,
    load_all,
    pool,
    text,
    together,
    write_archives,
    write_models,
)

pytestmark = pytest.mark.faults


def test_12_a_killed_process_fails_only_the_requests_in_progress(
    stack: str, base: Path, full: bool, report: Callable[[str], None]
) -> None:
    kills, clients = (1_000 if full else 8), 8
    stop, slowest = threading.Event(), 0.0
    with serving(base, SERVING_STACK=stack) as server, ExitStack() as cleanup:
        load_all(server, base / "models", range(CUSTOMERS))
        results: list[Counter[str]] = []
        thread = threading.Thread(
            target=lambda: results.append(
                ask_many(server, customers=CUSTOMERS, clients=clients, until=lambda _: stop.is_set())
            )
        )
        thread.start()
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
        thread.join()

    counts = results[0]
    failed = counts.total() - counts["200"]
    report(
        f"fault 12, {stack}: {kills} kills, {dict(counts)}, all models again after {slowest:.1f} s at most"
    )
    assert counts["wrong"] == 0
    assert failed <= kills * (clients + 1)
    assert slowest < 5


def test_13_no_accepted_request_is_dropped_on_sigterm(
    stack: str, base: Path, full: bool, report: Callable[[str], None]
) -> None:
    stops, longest, total = (100 if full else 3), 0.0, Counter[str]()
    for _ in range(stops):
        stop = threading.Event()
        with serving(base, SERVING_STACK=stack) as server:
            load_all(server, base / "models", range(8))

            def work(seed: int, server: Server = server, stop: threading.Event = stop) -> Counter[str]:
                client, counts, chance = Client(server), Counter[str](), random.Random(seed)
                while not stop.is_set() and not counts["503"] and not counts["not accepted"]:
                    customer = chance.randrange(8)
                    status, answer = client.ask(customer, b'{"period": 500}')
                    gone = status == 0 and b"ConnectionRefusedError" in answer
                    kind = str(status) if status != 200 or is_right(customer, answer) else "wrong"
                    counts["not accepted" if gone else kind] += 1
                return counts

            results: list[Counter[str]] = []
            thread = threading.Thread(
                target=lambda work=work, results=results: results.append(together(6, work))
            )
            thread.start()
            time.sleep(random.Random(stops).uniform(0.3, 1))
            server.process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            code = server.process.wait(30)
            longest = max(longest, time.monotonic() - begun)
            stop.set()
            thread.join()
        assert code == 0
        total += results[0]

    report(f"fault 13, {stack}: {stops} stops, {dict(total)}, the longest took {longest:.1f} s")
    assert set(total) <= {"200", "503", "not accepted"}
    assert longest < 25


def test_14_many_clients_of_one_cold_model_are_all_answered(
    stack: str, base: Path, report: Callable[[str], None]
) -> None:
    start = threading.Barrier(200)

    def work(_: int) -> Counter[str]:
        client = Client(server, store=True)
        start.wait()
        status, answer = client.ask(7)
        return Counter([str(status) if status != 200 or is_right(7, answer) else "wrong"])

    environment = {"MODEL_STORE": str(base / "archives"), "SAGEMAKER_MODEL_JOB_QUEUE_SIZE": "1000"}
    with serving(base, SERVING_STACK=stack, **environment) as server:
        counts = together(200, work)

    report(f"fault 14, {stack}: {dict(counts)}")
    assert counts == {"200": 200}


def test_15_memory_does_not_grow_as_models_come_and_go(
    stack: str, tmp_path: Path, full: bool, report: Callable[[str], None]
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
        counts = ask_for(seconds)
        grown = sum(each.memory_info().rss for each in pool(server)) - before

    report(f"fault 15, {stack}: {dict(counts)}, {grown / 1e6:+.1f} MB")
    assert set(counts) == {"200"}
    assert grown < 16e6


def test_16_a_replaced_archive_is_served_as_the_old_or_the_new_version(
    stack: str, tmp_path: Path, full: bool, report: Callable[[str], None]
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
        client, counts = Client(server, store=True), Counter[str]()
        end = time.monotonic() + (600 if full else 8)
        while time.monotonic() < end:
            status, answer = client.ask(0)
            kind = [n for n in (0, 1) if status == 200 and is_right(n, answer)]
            counts[f"model {kind[0]}" if kind else str(status)] += 1
        stop.set()
        replacing.join()
        last = [is_right(turns[-1], client.ask(0)[1]) for _ in range(50)]

    report(f"fault 16, {stack}: {dict(counts)}")
    assert set(counts) == {"model 0", "model 1"}
    assert all(last), "a stale answer"


def test_17_no_response_has_another_customers_forecast(
    stack: str, tmp_path: Path, full: bool, report: Callable[[str], None]
) -> None:
    customers, requests = (1_000, 1_000_000) if full else (100, 8_000)
    write_models(tmp_path / "models", customers)
    with serving(tmp_path, SERVING_STACK=stack) as server:
        load_all(server, tmp_path / "models", range(customers))
        counts = ask_many(server, customers=customers, clients=8, until=lambda n: n >= requests // 8)

    report(f"fault 17, {stack}: {dict(counts)}")
    assert counts == {"200": requests}


def test_19_the_server_starts_again_after_every_end(
    stack: str, base: Path, full: bool, report: Callable[[str], None]
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

    report(f"fault 19, {stack}: {starts} of {starts} starts")


def test_the_fleets_models_forecast_their_numbers(base: Path) -> None:
    paths = Paths(base)

    assert (paths.models / "3" / "model" / "model.json").read_text() == text(3)
