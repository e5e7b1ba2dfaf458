"""The program `pipeline`: prints, checks, creates or runs the fleet's pipeline."""

import json
import logging
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from container import run
from fleetcast.archive import write_atomically
from fleetcast.errors import SettingError
from pipeline.aws import Aws
from pipeline.check import check
from pipeline.command_line import definition_of, pair, parser
from pipeline.create import create_or_update, start
from pipeline.picture import svg
from pipeline.run_local import run_local

logger = logging.getLogger(__name__)


def main() -> int:
    """Run the program and return its exit code."""
    options = parser().parse_args()

    def program(env: Mapping[str, str]) -> int:
        definition = definition_of(options, options.check or options.definition)
        problems = _problems(definition)
        if options.check is not None:
            return _say(definition, problems, options)
        if problems:
            return 1
        if options.start and not options.create:
            raise SettingError("--start belongs to --create")
        return _do(definition, options, env)

    return run(program)


def _do(definition: dict[str, Any], options: Namespace, env: Mapping[str, str]) -> int:
    """Do with a definition without problems what the options say, and return the exit code."""
    parameters = dict(pair("--parameter", text) for text in options.parameter)
    if options.create:
        aws = Aws()
        tags = dict(pair("--tag", text) for text in options.tag)
        create_or_update(aws, definition, name=options.name, role=options.role, tags=tags)
        if options.start:
            start(aws, definition, name=options.name, parameters=parameters)
        return 0
    if options.picture:
        write_atomically(Path(options.picture), svg(definition, title=options.name).encode())
        return 0
    if options.run_local:
        return run_local(
            definition,
            Path(options.run_local),
            env,
            name=options.name,
            parameters=parameters,
            given={uri: Path(folder) for uri, folder in (pair("--map", text) for text in options.map)},
            docker=options.docker,
        )
    sys.stdout.write(json.dumps(definition, indent=1) + "\n")
    return 0


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
