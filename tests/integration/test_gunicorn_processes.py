"""gunicorn's processes: metrics over all workers, death and replacement, a full disk, memory, the end."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from container import Paths
from serving.http.metrics import METRICS
from testbed.server import Server, installed, serving, serving_plain
from tests.integration.gunicorn_endpoint import LEVELS, ask, children, level, metrics, write_fleet
from tests.unit.models import model_text


def test_metrics_are_summed_over_the_workers_and_customers_are_capped(plain: Server) -> None:
    before = metrics(plain)
    for number in range(40):
        ask(plain, {"requests": [{"target_model": str(number % 8 + 1)}, {"target_model": "nobody"}]})
    after = metrics(plain)

    route = 'fleetcast_requests_total{route="/invocations",status="200"}'
    assert after[route] - before.get(route, 0) == 40
    assert after["fleetcast_forecasts_total"] - before["fleetcast_forecasts_total"] == 40
    assert after["fleetcast_record_errors_total"] - before["fleetcast_record_errors_total"] == 40
    workers = len(children(plain))
    series = [name for name in after if name.startswith("fleetcast_customer_forecasts_total")]
    assert 2 <= len(series) <= 3 * workers + 1


def test_each_metric_is_exposed_with_its_declared_type_and_help(plain: Server) -> None:
    ask(plain, {"requests": [{"target_model": "1"}, {"target_model": "nobody"}]})

    lines = plain.request("GET", "/metrics").content.decode().splitlines()

    assert {line for line in lines if line.startswith("# ")} == {
        *(f"# HELP {metric.sample_name} {metric.help}" for metric in METRICS),
        *(f"# TYPE {metric.sample_name} {metric.type.value}" for metric in METRICS),
    }


def test_a_killed_worker_is_replaced_and_its_counts_remain(plain: Server) -> None:
    ask(plain, {"target_model": "1"})
    before, workers, folder = metrics(plain), len(children(plain)), shared_folder(plain)

    for _ in range(3):
        for worker in children(plain):
            worker.kill()
            wait_for(lambda: level_or_none(plain, 2) == 2)
    wait_for(lambda: len(children(plain)) == workers)

    assert metrics(plain)["fleetcast_forecasts_total"] > before["fleetcast_forecasts_total"]
    assert len(list(folder.glob("counter_*.db"))) <= workers


def shared_folder(server: Server) -> Path:
    (opened,) = {
        Path(file.path).parent
        for worker in children(server)
        for file in worker.open_files()
        if file.path.endswith(".db")
    }
    return opened


def level_or_none(server: Server, customer: int) -> int | None:
    try:
        return level(ask(server, {"target_model": str(customer)}).json)
    except OSError:
        return None


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("signalled", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_with_0_and_leaves_nothing_behind(tmp_path: Path, signalled: signal.Signals) -> None:
    paths, scratch = Paths(tmp_path / "ml"), tmp_path / "scratch"
    write_fleet(paths.model)
    scratch.mkdir()

    with serving_plain(paths.base, TMPDIR=str(scratch)) as server:
        ask(server, {"target_model": "1"})
        server.process.send_signal(signalled)
        server.process.wait(30)

    assert server.process.returncode == 0
    assert list(scratch.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of its own of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting takes root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    path = folder / "fill"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4_096))
    return path


def test_with_a_full_disk_models_in_memory_are_served_and_the_log_names_the_disk(
    tmp_path: Path, small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = Paths(tmp_path / "ml")
    for number in LEVELS:
        folder = paths.models / str(number) / "model"
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(model_text(float(number)))

    with serving(paths.base, SERVING_STACK="gunicorn", TMPDIR=str(small_disk)) as server:
        server.load("1", paths.models / "1" / "model")
        workers = {worker.pid for worker in children(server)}  # the last of them may be on its way
        filled = fill(small_disk)
        answers = [server.invoke("1", {"period": period}).status for period in range(1, 40)]
        routes = [server.request("GET", path).status for path in ("/models", "/metrics", "/nothing")]
        loads = {server.load(str(number), paths.models / str(number) / "model").status for number in LEVELS}
        filled.unlink()
        again = server.load("3", paths.models / "3" / "model").status
        same = workers <= {worker.pid for worker in children(server)}
    err = capfd.readouterr().err

    assert set(answers) == {200}
    assert routes == [200, 200, 404]
    assert loads <= {200, 409, 503}
    assert 503 in loads
    assert again in {200, 409}
    assert same
    assert f"the list of models in {small_disk}" in err


def test_a_disk_without_room_for_metrics_ends_serve_with_the_reason(tmp_path: Path, small_disk: Path) -> None:
    write_fleet(Paths(tmp_path).model)
    fill(small_disk)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(tmp_path), "TMPDIR": str(small_disk)}

    ended = subprocess.run(
        installed("serve"), env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 1
    assert "no room" in ended.stderr


def worker_megabytes(server: Server) -> float:
    peaks = [
        next(line for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines() if "VmHWM" in line)
        for worker in children(server)
    ]
    return max(int(peak.split()[1]) for peak in peaks) / 1024


def test_many_large_requests_at_once_take_the_memory_of_one(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    write_fleet(paths.model)
    body = {"requests": [{"target_model": "1", "period": 10_000}] * 99}

    with (
        serving_plain(tmp_path, SAGEMAKER_MODEL_SERVER_WORKERS="1") as server,
        ThreadPoolExecutor(8) as threads,
    ):
        ask(server, {"target_model": "1"})
        before = worker_megabytes(server)
        requests = [threads.submit(ask, server, body) for _ in range(6)]
        small = [ask(server, {"target_model": "1"}).status for _ in range(20)]
        statuses = [each.result().status for each in requests]
        grown = worker_megabytes(server) - before

    assert set(small) == {200}
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert grown < 500
