"""The program `pipeline`: prints, checks, creates or runs the fleet's pipeline."""

import json
import logging
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from container import run
from pipeline.check import check
from pipeline.command_line import definition_of, parser

logger = logging.getLogger(__name__)


def main() -> int:
    """Run the program and return its exit code."""
    options = parser().parse_args()

    def program(_: Mapping[str, str]) -> int:
        definition = definition_of(options, options.check or "")
        problems = _problems(definition)
        if options.check is not None:
            return _say(definition, problems, options)
        if problems:
            return 1
        sys.stdout.write(json.dumps(definition, indent=1) + "\n")
        return 0

    return run(program)


def _problems(definition: Mapping[str, Any]) -> int:
    """Log what is wrong with a definition, and return how many problems it has."""
    problems = check(definition)
    for problem in problems:
        logger.error("%s", problem)
    return len(problems)


def _say(definition: Mapping[str, Any], problems: int, options: Namespace) -> int:
    source = options.check or "the definition"
    if problems:
        logger.error("%s has %d problems; SageMaker would refuse it or fail while it runs", source, problems)
        return 1
    logger.info("%s: %d steps, nothing is wrong", source, len(definition["Steps"]))
    return 0
