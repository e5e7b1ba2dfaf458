"""The command line of `gate`."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from container import COMMON, Paths, help_text, run
from fleetcast.archive import write_atomically
from pipeline.aws import Aws
from pipeline.evaluation import read_evaluation
from pipeline.exit_message import write_exit_message
from pipeline.gate.registered import OPTION, worse_than_registered
from pipeline.gate.thresholds import NONE, THRESHOLDS, limit
from pipeline.gate.verdict import EXIT_CODES, NOT_PASSED, PASSED, Verdict, judge

logger = logging.getLogger(__name__)

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
  fleetcast gate --model-package-group meters
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
    option = made.add_argument_group("against the registered version").add_argument
    option(
        "--model-package-group",
        metavar="NAME",
        help="compare with the latest approved version of this group; one without any has nothing to compare",
    )
    option(
        OPTION,
        type=limit,
        default=0.02,
        metavar="SHARE",
        help="how much larger the mean MASE may be than that version's, as a share; default: %(default)s",
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


def gate(paths: Paths, options: argparse.Namespace, aws: Aws) -> Verdict:
    """Judge the evaluation, write gate.json, and return the verdict.

    Raises `InputError`, `AwsError`, and `FilesystemError` where gate.json cannot be written.
    """
    folder = paths.processing_output / "gate"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gate.json").unlink(missing_ok=True)  # without a decision a condition must not read an old one
    default = paths.processing_input / "evaluation" / "evaluation.json"
    evaluation = read_evaluation(Path(options.evaluation) if options.evaluation else default)
    against = ""
    share = options.max_worse_than_registered
    if options.model_package_group and share is not None:
        against = worse_than_registered(aws, options.model_package_group, evaluation, share)
    verdict = judge(evaluation, limits(options), against)
    write_atomically(folder / "gate.json", verdict.to_json())
    return verdict


def main() -> int:
    """Run the program and return its exit code."""
    options = parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        verdict = gate(Paths.from_env(env), options, Aws())
        write_exit_message(env, verdict.reason)
        if verdict.passed:
            logger.info("%s", verdict.reason)
            return PASSED
        logger.error("not passed: %s", verdict.reason)
        return PASSED if options.exit_zero else NOT_PASSED

    return run(program, failed=write_exit_message)
