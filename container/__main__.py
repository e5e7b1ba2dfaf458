"""The image's entry point: `docker run IMAGE process|train|serve|doctor` becomes that program."""

import logging
import os
import sys
from contextlib import suppress

from container._doctor import doctor
from container._errors import SettingError
from container._paths import Paths
from container._profile import Profile, this_profile
from container._program import EXIT_INTERRUPTED, configure_logging

logger = logging.getLogger(__name__)

PROGRAMS = {
    "process": "raw readings in /opt/ml/processing/input -> one folder per customer in .../output",
    "train": "one folder per customer in /opt/ml/input/data/<channel> -> archives in /opt/ml/checkpoints",
    "serve": "forecasts over HTTP on port 8080 (SAGEMAKER_MULTI_MODEL=true: behind Multi Model Server)",
    "doctor": "what this machine is, what is set for it, and whether the numbers are right; writes nothing",
}


def usage() -> str:
    """Return what to type."""
    lines = [f"  {name:8} {what}" for name, what in PROGRAMS.items()]
    first = "usage: docker run IMAGE process|train|serve|doctor [--help]"
    last = "Mount your folder with -v $PWD/ml:/opt/ml; `docker run IMAGE train --help` says more."
    return "\n".join([first, "", *lines, "", last])


def main() -> int:
    """Replace this process by the program that the first argument names.

    Without an argument (as SageMaker's local mode starts an image) that is `train` if there is a training
    configuration, and otherwise the usage text.
    """
    arguments = sys.argv[1:]
    if not arguments and (Paths.from_env(os.environ).config / "hyperparameters.json").is_file():
        arguments = ["train"]
    if arguments and arguments[0] in PROGRAMS:
        chosen = this_profile(os.environ)
        os.environ.update(chosen.variables)  # before anything loads NumPy, which reads some of them then
        if arguments[0] == "doctor":
            return _doctor(arguments[1:], chosen)
        _tell(chosen)
        os.execvp(arguments[0], arguments)  # noqa: S606 -- one of three fixed names
    asked_for_help = arguments[:1] in (["-h"], ["--help"], ["help"])
    if arguments and not asked_for_help:
        print(f"{arguments[0]!r} is not a program of this image.\n", file=sys.stderr)  # noqa: T201
    print(usage(), file=sys.stdout if asked_for_help else sys.stderr)
    return 0 if asked_for_help else 2


def _doctor(arguments: list[str], chosen: Profile) -> int:
    try:
        return doctor(arguments, chosen)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED


def _tell(chosen: Profile) -> None:
    with suppress(SettingError):  # the program itself says that its log level cannot be used
        configure_logging(os.environ)
        logger.info("%s", chosen)


if __name__ == "__main__":
    sys.exit(main())
