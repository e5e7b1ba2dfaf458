"""Load from wrk, a single thread of C: how long requests take, and how many there are."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Final

SECONDS: Final = 4
_DONE: Final = """
done = function(summary, latency, requests)
  io.write(string.format("%d %f %f %f %d\\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    summary.errors.status + summary.errors.timeout))
end
"""


def need_wrk() -> None:
    """End the program where there is no wrk."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk")


def wrk(
    url: str, *, clients: int, script: str = "", environment: Mapping[str, str] | None = None
) -> tuple[float, float, float]:
    """Return seconds per request, and its median and 99th percentile as a client sees them.

    `script` is Lua that makes the requests; without it `url` is asked for.  A failed request is an error.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script + _DONE)
        file.flush()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{SECONDS}", "--timeout", "30", "-s", file.name, url]
        done = subprocess.run(
            command, env=os.environ | dict(environment or {}), capture_output=True, text=True, check=True
        )
    requests, seconds, p50, p99, errors = map(float, done.stdout.splitlines()[-1].split())
    assert errors == 0, f"{errors} errors"  # noqa: S101 -- a benchmark of failures would be none
    return seconds / requests, p50, p99
