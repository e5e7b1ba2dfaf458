"""Runs a command and waits for all processes that it leaves behind, so that their processor time counts.

Worker processes are children of a fork server, which outlives the job by a moment.
"""

import ctypes
import os
import subprocess
import sys
from contextlib import suppress
from typing import Final

_SET_CHILD_SUBREAPER: Final = 36
"""See prctl(2)."""


def main() -> int:
    """Run the command in the arguments and return its exit code."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("the processor time of worker processes cannot be counted here; run this on Linux")
    code = subprocess.run(sys.argv[1:], check=False).returncode
    with suppress(ChildProcessError):  # there are none left
        while True:
            os.waitpid(-1, 0)
    return code


if __name__ == "__main__":
    sys.exit(main())
