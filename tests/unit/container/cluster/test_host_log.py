import os
import subprocess
import sys
from pathlib import Path

from container.cluster.host_log import VARIABLE

WRITE = (
    "import sys; from container.cluster import log_on_this_host; log_on_this_host(); sys.stderr.write('here')"
)


def stderr_of(path: str) -> str:
    """Return what a process that logs to `path` has written to its own stderr nevertheless."""
    done = subprocess.run(
        [sys.executable, "-c", WRITE], env=os.environ | {VARIABLE: path}, capture_output=True, check=True
    )
    return done.stderr.decode()


def test_a_process_of_ray_writes_to_the_end_of_the_log_of_its_host(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("earlier\n")

    assert stderr_of(str(log)) == ""
    assert log.read_text() == "earlier\nhere"


def test_without_a_log_of_the_host_a_process_keeps_its_own(tmp_path: Path) -> None:
    assert stderr_of("") == "here"
    assert stderr_of(str(tmp_path / "absent" / "log")) == "here"
