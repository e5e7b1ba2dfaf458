"""A fleet whose models forecast the number of their customer, and clients that request forecasts."""

import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil

from fleetcast.archive import Archive, pack
from fleetcast.forecasting import dumps
from testbed.preparation import fit_with
from testbed.server import Server

CUSTOMERS = 50
DS = np.datetime64("2025-01-01") + np.arange(30)


def text(customer: int) -> str:
    """Return a model that forecasts 1,000 + customer, to within a thousandth."""
    y = 1_000.0 + customer + 1e-3 * np.sin(np.arange(30))
    return dumps(fit_with(DS, y, growth="flat", weekly_seasonality=False))


def write_models(folder: Path, customers: int) -> None:
    for customer in range(customers):
        path = folder / str(customer) / "model" / "model.json"
        path.parent.mkdir(parents=True)
        path.write_text(text(customer))


def write_archives(folder: Path, customers: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for customer in range(customers):
        (folder / f"{customer}.tar.gz").write_bytes(pack(Archive(text(customer), {})))


class Client:
    """A client with one connection, which it opens again after an error."""

    def __init__(self, server: Server, *, store: bool = False) -> None:
        self._server = server
        self._store = store
        self._connection: http.client.HTTPConnection | None = None

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def ask(self, customer: int, body: bytes = b'{"period": 2}') -> tuple[int, bytes]:
        """Return status and body, or 0 and the error where there was no response."""
        headers = {"Content-Type": "application/json"}
        path = "/invocations" if self._store else f"/models/{customer}/invoke"
        if self._store:
            headers["X-Amzn-SageMaker-Target-Model"] = f"{customer}.tar.gz"
        return self.request("POST", path, body, headers)

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self._server.address, timeout=30)
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._connection = None
            return 0, repr(error).encode()


def is_right(customer: int, answer: bytes) -> bool:
    return all(abs(row["yhat"] - 1_000 - customer) < 0.1 for row in json.loads(answer)["predictions"])


def ask_many(
    server: Server,
    *,
    customers: int,
    clients: int,
    until: Callable[[int], bool],
    store: bool = False,
) -> Counter[str]:
    """Request forecasts of random customers until `until(number of requests)`; count statuses and `wrong`."""

    def work(seed: int) -> Counter[str]:
        chance, client, counts = random.Random(seed), Client(server, store=store), Counter[str]()
        while not until(counts.total()):
            customer = chance.randrange(customers)
            status, answer = client.ask(customer)
            right = status != 200 or is_right(customer, answer)
            counts[str(status) if right else "wrong"] += 1
        return counts

    return together(clients, work)


def together(clients: int, work: Callable[[int], Counter[str]]) -> Counter[str]:
    """Run `work` in several threads and return the sum of their counts."""
    with ThreadPoolExecutor(clients) as threads:
        return sum(threads.map(work, range(clients)), Counter[str]())


def load_all(server: Server, folder: Path, customers: Iterable[int | str]) -> None:
    for customer in customers:
        assert server.load(str(customer), folder / str(customer) / "model").status == 200


def memory(server: Server) -> int:
    root = psutil.Process(server.process.pid)
    return sum(each.memory_full_info().pss for each in (root, *root.children(recursive=True)))


def pool(server: Server) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children()
    return [each for each in children if each.name() != "java"]


def started_pool(server: Server) -> list[psutil.Process]:
    """Return the pool when it no longer grows: gunicorn starts its workers a moment apart."""
    processes, until = pool(server), time.monotonic() + 10
    while time.monotonic() < until:
        time.sleep(0.5)
        before, processes = processes, pool(server)
        if {each.pid for each in before} == {each.pid for each in processes}:
            break
    return processes


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.99 * len(seconds))]
