"""How random tests choose their examples, and what signals the programs of the tests take.

The same examples in every run, so that `make test` says the same of the same code; `make test SEEDS=fresh`
(`pytest --hypothesis-profile=fresh`) takes others each time.  No example has a time limit.

A shell that starts the suite in the background has it ignore SIGINT, and so every program that a test starts;
several tests interrupt such programs.

A program that a test runs in its own process sets the level of the log; the next test finds it as it was.
"""

import logging
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.register_profile("fresh", derandomize=False, database=None, deadline=None, print_blob=True)
settings.load_profile("fixed")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The programs run as they are, without the start again that sets the processor's profile; test_profile has it
os.environ["FLEETCAST_PROFILE"] = "tests"


@pytest.fixture(autouse=True)
def log_level_as_before() -> Iterator[None]:
    """Give the log its level back: a program that runs in a test's own process sets it."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
