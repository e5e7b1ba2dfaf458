"""Starts a program with the environment variables that suit this machine's processor."""

import logging
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Final

from container.doctor import doctor
from container.paths import Paths
from container.profile import Profile, this_profile
from container.program import configure_logging
from fleetcast.command import EXIT_INTERRUPTED, EXIT_USAGE, usage
from fleetcast.errors import MissingExtraError, SettingError
from fleetcast.extras import require

logger = logging.getLogger(__name__)

MODULES: Final = {
    "ingest": "processing.ingest.program",
    "process": "processing.program",
    "train": "train.program",
    "refresh": "train.refresh.program",
    "tune": "train.tuning.program",
    "evaluate": "pipeline.evaluate.program",
    "gate": "pipeline.gate.program",
    "register": "pipeline.register.program",
    "approve": "pipeline.register.approve",
    "delete": "pipeline.delete.program",
    "pipeline": "pipeline.program",
    "serve": "serving.program",
}
NEEDED: Final = {
    "ingest": ("boto3", "duckdb", "tqdm"),
    "process": ("duckdb", "tqdm"),
    "train": ("duckdb", "jinja2", "tqdm"),
    "refresh": ("duckdb", "tqdm"),
    "tune": ("duckdb", "jinja2", "tqdm"),
    "evaluate": ("duckdb", "tqdm"),
    "gate": ("boto3",),
    "register": ("boto3",),
    "approve": ("boto3",),
    "delete": ("boto3",),
    "pipeline": ("boto3",),
    "serve": ("flask",),
}
"""Packages of each program's extra; without them the program does not start."""
EXTRAS: Final = {
    "refresh": "train",
    "tune": "train",
    **dict.fromkeys(("ingest", "evaluate", "gate", "register", "approve", "delete", "pipeline"), "workflow"),
}
"""Extras by program, where it has not the program's name."""
_COMPUTE_NOTHING: Final = frozenset({"gate", "register", "approve", "delete", "pipeline"})
"""Programs for which the profile of the processor does not matter."""
_HELP: Final = frozenset({"-h", "--help"})
STARTED: Final = "FLEETCAST_PROFILE"
"""Set to the profile's name once this process was started again with the profile's variables."""


def start(arguments: list[str]) -> int:
    """Run the program that the first argument names, and return its exit code.

    Without an argument (as SageMaker's local mode starts an image) that is `train` if there is a training
    configuration, and otherwise the usage text.
    """
    if not arguments and (Paths.from_env(os.environ).config / "hyperparameters.json").is_file():
        arguments = ["train"]
    if not arguments:
        print(usage(), file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    name, *rest = arguments
    profile = this_profile(os.environ)
    if name == "doctor":
        return _doctor(rest, profile)
    try:
        for package in NEEDED[name]:
            require(package, extra=EXTRAS.get(name, name))
    except MissingExtraError as error:
        print(f"fleetcast {name}: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    if STARTED not in os.environ and _HELP.isdisjoint(rest) and name not in _COMPUTE_NOTHING:
        _start_again(arguments, profile)
    sys.argv = [f"fleetcast {name}", *rest]
    code: int = import_module(MODULES[name]).main()
    return code


def _start_again(arguments: list[str], profile: Profile) -> None:
    """Replace this process by itself with the profile's variables; some are read only at the start."""
    with suppress(SettingError):  # the program itself says that its log level cannot be used
        configure_logging(os.environ)
        logger.info("%s", profile)
    os.environ.update(profile.variables)
    os.environ[STARTED] = profile.name
    options = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv[1:])]
    os.execv(sys.executable, [sys.executable, *options, *arguments])  # noqa: S606 -- this very program


def _doctor(arguments: list[str], profile: Profile) -> int:
    os.environ.update(profile.variables)  # before the self-check loads NumPy, which reads some of them
    try:
        return doctor(arguments, profile)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED
