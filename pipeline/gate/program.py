"""The command line of `gate`."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from container import COMMON, Paths, help_text, quoted, read_json_object, run
from fleetcast.archive import write_atomically
from fleetcast.errors import InputError
from pipeline.exit_message import write_exit_message
from pipeline.gate.thresholds import NONE, THRESHOLDS, limit
from pipeline.gate.verdict import EXIT_CODES, NOT_PASSED, PASSED, Verdict, judge

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 1024 * 1024
"""Of evaluation.json, which has some 2 KB."""
DESCRIPTION: Final = """\
Decide whether an evaluated fleet is good enough to be registered.

Reads <base>/processing/input/evaluation/evaluation.json, which `fleetcast evaluate` wrote, compares its
figures with the thresholds, and writes <base>/processing/output/gate/gate.json:
{"gate": {"passed": {"value": 1}}, "reason": "one sentence"}, 0 where it is not passed.  A figure that has a
threshold and is missing is not passed either.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.

The reason is also the last log line, and SageMaker shows it as the ExitMessage of the processing job."""
EPILOGUE: Final = """\
exit codes:
{exit_codes}

examples:
  fleetcast gate --max-mase 1.0 --min-share-beating-naive 0.9
  fleetcast gate --exit-zero        in a pipeline, whose condition reads gate.passed.value in gate.json

environment variables:
{variables}"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    codes = "\n".join(f"  {code:<5}{meaning}" for code, meaning in EXIT_CODES.items()).replace("`", "")
    made = argparse.ArgumentParser(
        prog="fleetcast gate",
        description=DESCRIPTION,
        epilog=EPILOGUE.format(exit_codes=codes, variables=help_text(COMMON)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = made.add_argument_group(f"thresholds, each a number or {NONE}").add_argument
    for each in THRESHOLDS:
        option(
            each.option,
            type=limit,
            default=each.default,
            metavar="NUMBER",
            help=f"{each.meaning}; default: {NONE if each.default is None else f'{each.default:g}'}",
        )
    option = made.add_argument_group("files and exit code").add_argument
    option(
        "--evaluation",
        metavar="FILE",
        help="default: <base>/processing/input/evaluation/evaluation.json",
    )
    option(
        "--exit-zero",
        action="store_true",
        help="end with exit code 0 also where the gate is not passed, so that a pipeline's condition decides",
    )
    return made


def limits(options: argparse.Namespace) -> dict[str, float | None]:
    """Return the limits by the name of their option."""
    return {each.option: getattr(options, each.option[2:].replace("-", "_")) for each in THRESHOLDS}


def read_evaluation(path: Path) -> dict[str, Any]:
    """Return the content of evaluation.json; raise `InputError` where it cannot be read."""
    if not path.is_file():
        raise InputError(f"there is no {quoted(path)}: run `fleetcast evaluate` first, or set --evaluation")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{quoted(path)} has more than {MOST_BYTES} bytes; it is no evaluation.json")
    return read_json_object(path)


def gate(paths: Paths, options: argparse.Namespace) -> Verdict:
    """Judge the evaluation, write gate.json, and return the verdict.

    Raises `InputError`, and `FilesystemError` where gate.json cannot be written.
    """
    default = paths.processing_input / "evaluation" / "evaluation.json"
    evaluation = read_evaluation(Path(options.evaluation) if options.evaluation else default)
    verdict = judge(evaluation, limits(options))
    folder = paths.processing_output / "gate"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "gate.json", verdict.to_json())
    return verdict


def main() -> int:
    """Run the program and return its exit code."""
    options = parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        verdict = gate(Paths.from_env(env), options)
        write_exit_message(env, verdict.reason)
        if verdict.passed:
            logger.info("%s", verdict.reason)
            return PASSED
        logger.error("not passed: %s", verdict.reason)
        return PASSED if options.exit_zero else NOT_PASSED

    return run(program, failed=write_exit_message)
