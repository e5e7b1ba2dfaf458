"""The ledger: one JSON line per customer with what happened to it."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from archive import write_atomically
from container import Paths
from train._customer import Failed, Fitted


def write_ledger(paths: Paths, outcomes: Sequence[Fitted | Failed]) -> None:
    """Write `/opt/ml/output/data/train.jsonl`, sorted by customer."""
    paths.output_data.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"status": "ok" if isinstance(outcome, Fitted) else "failed"} | asdict(outcome))
        for outcome in sorted(outcomes, key=lambda outcome: outcome.customer)
    ]
    write_atomically(paths.output_data / "train.jsonl", "".join(f"{line}\n" for line in lines).encode())
