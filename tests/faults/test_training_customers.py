"""Faults 4 to 6: customers that are bad, slow or large, two hosts, and workers that die."""

import json
import subprocess
from contextlib import suppress

import psutil
import pytest

from container import Paths
from tests.faults.training_job import CUSTOMERS, archives, complete, hyperparameters, training

pytestmark = pytest.mark.faults
BAD = {
    "empty": b"",
    "header": b"timestamp,consumption\n",
    "nan": b"timestamp,consumption\n" + b"".join(b"2025-01-%02d,nan\n" % day for day in range(1, 29)),
    "inf": b"timestamp,consumption\n2025-01-01,1\n2025-01-02,inf\n",
    "text": b"timestamp,consumption\n2025-01-01,1\n2025-01-02,a lot\n",
    "binary": bytes(range(256)) * 100,
    "columns": b"timestamp," + b",".join(b"c%d" % n for n in range(5_000)) + b"\n" + b"1," * 5_000 + b"1\n",
    "odd": b'timestamp,consumption\n"2025-01-01,1\n',
}
ROWS = "".join(
    f"2025-03-{day:02} {hour:02}:30:00,{(day * hour) % 17}\n" for day in range(1, 31) for hour in range(24)
)
GOOD_IF_ODD = {
    "one row": b"timestamp,consumption\n2025-01-01,1\n",
    "duplicates": f"timestamp,consumption\n{ROWS}{ROWS}".encode(),
    "gap": f"timestamp,consumption\n{ROWS}".replace("2025-03-30 02:30:00", "2025-03-30 03:30:00").encode(),
    "bom": f"\ufefftimestamp,consumption\n{ROWS}".encode(),
}


def test_4_bad_customers_harm_nobody_else_and_are_explained(paths: Paths) -> None:
    for name, content in (BAD | GOOD_IF_ODD).items():
        folder = paths.channels / "train" / name
        folder.mkdir()
        (folder / "data.csv").write_bytes(content)
    with (paths.channels / "train" / "large.csv").open("w") as file:
        file.write("timestamp,consumption\n")
        file.seek(300 * 1024 * 1024)
        file.write("\n")

    code = complete(paths)

    rows = [json.loads(line) for line in (paths.output_data / "train.jsonl").read_text().splitlines()]
    ledger = {row["customer"]: row for row in rows}
    assert code == 0
    assert {name for name, row in ledger.items() if row["status"] == "failed"} == {*BAD, "large"}
    assert all(row["reason"] for row in rows if row["status"] in {"failed", "fallback"})
    assert all("internal error" not in row["reason"] for row in rows)
    assert len(archives(paths)) == CUSTOMERS + len(GOOD_IF_ODD)


def test_5_two_hosts_on_one_folder_of_checkpoints_share_the_work(paths: Paths) -> None:
    done = []
    for name in ("algo-1", "algo-2"):
        hyperparameters(paths)
        resources = {"current_host": name, "hosts": ["algo-2", "algo-1"]}
        (paths.config / "resourceconfig.json").write_text(json.dumps(resources))
        channels = {"train": {"S3DistributionType": "FullyReplicated"}}
        (paths.config / "inputdataconfig.json").write_text(json.dumps(channels))
        assert complete(paths) == 0
        lines = (paths.output_data / "train.jsonl").read_text().splitlines()
        done.append({row["customer"] for row in map(json.loads, lines) if row["status"] == "ok"})

    assert done[0] | done[1] == {str(n) for n in range(CUSTOMERS)}
    assert done[0] & done[1] == set()
    assert len(archives(paths)) == CUSTOMERS


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"customer_timeout_seconds": "2"}, "took longer than"),
        ({"customer_memory_mb": "512"}, "not enough memory"),
    ],
)
def test_6_a_customer_that_takes_too_long_or_too_much_fails_alone(
    paths: Paths, settings: dict[str, str], reason: str
) -> None:
    hyperparameters(paths, **settings)
    with (paths.channels / "train" / "0huge.csv").open("w") as file:
        file.write("timestamp,consumption\n")
        for year in range(1, 250):
            file.writelines(
                f"{1000 + year}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02},{n}\n" for n in range(25_000)
            )

    code = complete(paths)

    rows = [json.loads(line) for line in (paths.output_data / "train.jsonl").read_text().splitlines()]
    failed = {row["customer"]: row["reason"] for row in rows if row["status"] == "failed"}
    assert code == 0
    assert failed.keys() == {"0huge"}
    assert reason in failed["0huge"]
    assert len(archives(paths)) == CUSTOMERS


def test_6_a_killed_worker_fails_only_the_customer_that_it_fits(paths: Paths) -> None:
    hyperparameters(paths, max_failed_fraction="0.5")
    with training(paths) as process:
        killed = 0
        while killed < 3 and process.poll() is None:
            workers = _workers(process)
            if workers and len(archives(paths)) > 20 * killed:
                workers[0].kill()
                killed += 1
        code = process.wait(120)

    rows = [json.loads(line) for line in (paths.output_data / "train.jsonl").read_text().splitlines()]
    assert code == 0
    assert len(rows) == CUSTOMERS
    assert sum(row["status"] == "failed" for row in rows) <= killed
    assert all(
        "its worker process was killed (SIGKILL)" in row["reason"]
        for row in rows
        if row["status"] == "failed"
    )


def _workers(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the processes that fit customers: children of the fork server."""
    with suppress(psutil.NoSuchProcess):
        every = psutil.Process(process.pid).children(recursive=True)
        return [child for child in every if child.ppid() != process.pid]
    return []
