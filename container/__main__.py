"""The image's entry point: `docker run IMAGE process|train|serve` becomes that program."""

import os
import sys

from container._paths import Paths

PROGRAMS = {
    "process": "raw readings in /opt/ml/processing/input -> one folder per customer in .../output",
    "train": "one folder per customer in /opt/ml/input/data/<channel> -> archives in /opt/ml/checkpoints",
    "serve": "forecasts over HTTP on port 8080 (SAGEMAKER_MULTI_MODEL=true: behind Multi Model Server)",
}


def usage() -> str:
    """Return what to type."""
    lines = [f"  {name:8} {what}" for name, what in PROGRAMS.items()]
    first = "usage: docker run IMAGE process|train|serve [--help]"
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
        os.execvp(arguments[0], arguments)  # noqa: S606 -- one of three fixed names
    asked_for_help = arguments[:1] in (["-h"], ["--help"], ["help"])
    if arguments and not asked_for_help:
        print(f"{arguments[0]!r} is not a program of this image.\n", file=sys.stderr)  # noqa: T201
    print(usage(), file=sys.stdout if asked_for_help else sys.stderr)
    return 0 if asked_for_help else 2


if __name__ == "__main__":
    sys.exit(main())
