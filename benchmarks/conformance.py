"""The conformance suite on Fleetcast and on the stock stack: `make bench-conformance`.

Writes benchmarks/results/conformance.md.
"""

import json
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks._report import RESULTS
from benchmarks.stock.server import stock_serving
from testbed import conformance_models
from testbed.server import Server, serving

SUITE = "tests/conformance"
HEADER = "| claim | Fleetcast | stock Multi Model Server 1.1.11 |\n| --- | --- | --- |\n"


def main() -> None:
    """Run the suite on both and write the table."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        base = Path(name)
        conformance_models.write(base / "models")
        ours = _judge(serving(base), base)
        stock = _judge(stock_serving(), base)
    lines = [f"| {title} | {ours[title]} | {stock.get(title, '-')} |" for title in ours]
    counts = [f"{list(side.values()).count('yes')} of {len(side)}" for side in (ours, stock)]
    table = f"{HEADER}{chr(10).join(lines)}\n| **claims that hold** | **{counts[0]}** | **{counts[1]}** |\n"
    (RESULTS / "conformance.md").write_text(table)
    sys.stdout.write(table)


def _judge(starting: AbstractContextManager[Server], base: Path) -> dict[str, str]:
    path = base / "results.json"
    with starting as server:
        command = [sys.executable, "-m", "pytest", "-q", SUITE, "--endpoint", server.url]
        command += ["--model-dir", str(base / "models"), "--results", str(path)]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=900)
    outcomes = json.loads(path.read_text())
    return {each["title"]: "yes" if each["outcome"] == "passed" else "no" for each in outcomes}


if __name__ == "__main__":
    main()
