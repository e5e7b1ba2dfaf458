"""Generated requests against the real servers: 2,000 of them, or with --full 100,000 for each stack."""

import io
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from fleetcast.archive import GLOBAL_NAME
from testbed.global_models import packed_global_model
from testbed.server import Server, serving
from tests.faults.exchanges import Exchange
from tests.faults.fleet import load_all, pool, started_pool, write_archives, write_models
from tests.faults.generated_requests import CUSTOMERS, sending
from tests.faults.replies import Reply, problem, send

pytestmark = pytest.mark.faults

CLIENTS = 4
MOST_MEMORY = 600 * 2**20
"""Bytes that a worker may take, whatever it is asked."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with models, archives, and what is not to be loaded."""
    write_models(tmp_path / "models", CUSTOMERS)
    write_archives(tmp_path / "archives", CUSTOMERS)
    write_archives(tmp_path / "models", 1)
    packed = packed_global_model()
    (tmp_path / "archives" / f"{GLOBAL_NAME}.tar.gz").write_bytes(packed)
    global_model = tmp_path / "models" / GLOBAL_NAME / "model"
    global_model.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(global_model, filter="data")
    with zipfile.ZipFile(tmp_path / "models" / "bad.zip", "w") as bad:
        bad.writestr(f"../../{outside(tmp_path)}", "x")
    return tmp_path


def outside(folder: Path) -> str:
    """Return the name of the file that is written two folders above where bad.zip is unpacked."""
    return f"written-outside-{folder.name}"


def is_the_servers_own(exchange: Exchange, reply: Reply) -> bool:
    """Return whether HTTP or the contract allows this answer of 500 or more.

    507 where there is no memory for another model, 501 to a Transfer-Encoding that the server does not know,
    503 where the queue of large requests is full.
    """
    if exchange.kind.startswith("Transfer-Encoding"):
        return reply.status == 501
    if exchange.kind == "load":
        return reply.status == 507
    return reply.status == 503 and b"large requests are already queued" in reply.body


def ask(server: Server, folder: Path, seed: int, *, pipelined: bool = True) -> tuple[Counter[str], list[str]]:
    """Send the requests of a seed; count the statuses and tell what was wrong with the answers."""
    what = sending(seed, folder, pipelined=pipelined)
    replies = send(server.address, what)
    counts = Counter(str(reply.status) for reply in replies)
    wrong, refused = [], False
    for exchange, reply in zip(what.exchanges, replies, strict=False):
        fault = problem(exchange, reply, allowed=is_the_servers_own)
        if fault and not (refused and reply.status == 0):  # a refusal may end the connection
            wrong.append(f"seed {seed}, {exchange.kind}: {fault}")
        refused = refused or reply.status >= 400
    return counts, wrong


def most_memory(process: psutil.Process) -> int:
    """Return the bytes that a process had at most."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def test_generated_requests_are_answered_whole_or_refused(
    stack: str, folder: Path, full: bool, report: Callable[[str], None]
) -> None:
    count = 100_000 if full else 2_000
    in_order = stack != "mms"  # Multi Model Server answers pipelined requests as they are ready
    environment = {"SERVING_STACK": stack, "MODEL_STORE": str(folder / "archives")}
    with serving(folder, **environment) as server:
        load_all(server, folder / "models", [*range(CUSTOMERS), GLOBAL_NAME])
        before = started_pool(server)
        counts, wrong = Counter[str](), []

        def one(seed: int) -> tuple[Counter[str], list[str]]:
            return ask(server, folder, seed, pipelined=in_order)

        with ThreadPoolExecutor(CLIENTS) as threads:
            for statuses, faults in threads.map(one, range(count)):
                counts += statuses
                wrong += faults
        replaced = {each.pid for each in before} ^ {each.pid for each in pool(server)}
        most = max(map(most_memory, pool(server)))

    report(
        f"generated requests, {stack}: {counts.total()} answers, {dict(counts.most_common())}, {len(wrong)} "
        f"wrong, {len(replaced)} processes replaced, a worker had {most / 2**20:.0f} MiB at most"
    )
    assert wrong[:50] == []
    assert replaced == set()
    assert most < MOST_MEMORY
    for above in (Path(tempfile.gettempdir()), folder, folder.parent):
        assert not (above / outside(folder)).exists()
