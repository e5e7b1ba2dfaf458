"""The script `fleetcast`: one name for the programs that the image and a checkout of the project hold.

A plain `pip install` has the library alone; the script then says where the programs are.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Final

PROGRAMS: Final = {
    "ingest": "put raw readings in /opt/ml/processing/input into a SageMaker feature group",
    "process": "split raw readings in /opt/ml/processing/input into one folder per customer",
    "train": "fit one model per customer in /opt/ml/input/data/<channel>; archives go to /opt/ml/checkpoints",
    "refresh": "make forecasts of trained customers from new readings, without a training",
    "tune": "search the hyperparameters with which the customers' forecasts err least; train takes them",
    "evaluate": "compare a fleet's forecasts with readings that its training has not seen",
    "gate": "decide whether an evaluated fleet is good enough: exit code, and a reason in one sentence",
    "register": "register an evaluated fleet as a version in SageMaker's model registry",
    "approve": "approve, or reject, a registered version",
    "delete": "delete a model package group, pipeline or feature group that the workflow made",
    "pipeline": "define, check, create or run the workflow from readings to a registered fleet",
    "serve": "answer forecasts over HTTP on port 8080 (SAGEMAKER_MULTI_MODEL=true: Multi Model Server)",
    "doctor": "show this machine, its settings and whether the numbers are right; write nothing",
}
ROOT: Final = Path(__file__).resolve().parents[1]
"""Where the programs' folders lie, beside this package, if they are there."""
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
"""The exit code after Ctrl-C: 128 plus the number of SIGINT, as in shells."""


def usage() -> str:
    """Return the text of `fleetcast --help`."""
    lines = [f"  {name:8} {purpose}" for name, purpose in PROGRAMS.items()]
    return "\n".join(
        [
            f"usage: fleetcast {'|'.join(PROGRAMS)} [--help]",
            "       docker run IMAGE PROGRAM [--help]",
            "",
            *lines,
            "",
            "  --version, --help",
            "",
            "Mount your folder with -v $PWD/ml:/opt/ml, or set SAGEMAKER_BASE_DIR.",
            "`fleetcast train --help` says more.",
        ]
    )


def main() -> int:
    """Run the program that the first argument names, and return its exit code."""
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else ""
    if first in ("-h", "--help", "help"):
        print(usage())  # noqa: T201 -- the answer to a person
        return 0
    if first in ("-V", "--version"):
        print(f"fleetcast {version('fleetcast')}")  # noqa: T201 -- the same
        return 0
    if first and first not in PROGRAMS:
        print(f"fleetcast: {first!r} is not one of {', '.join(PROGRAMS)}\n\n{usage()}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    if not (ROOT / "container").is_dir():
        name = first or "train"
        print(  # noqa: T201
            f"fleetcast: this installation has the library only; {name} is in the container image and in a "
            f"checkout: docker run IMAGE {name}, or pip install -e '.[process,train,serve,workflow]' in the "
            "checkout",
            file=sys.stderr,
        )
        return EXIT_USAGE
    sys.path.insert(0, str(ROOT))  # before other packages that are called `train` or `serving`
    try:
        code: int = import_module("container.start").start(arguments)
    except KeyboardInterrupt:  # while modules are imported, before the program handles it
        print("interrupted", file=sys.stderr)  # noqa: T201
        return EXIT_INTERRUPTED
    return code
