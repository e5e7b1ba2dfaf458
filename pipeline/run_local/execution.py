"""Runs the steps of a definition on this machine, one after the other, and skips what is done."""

import json
import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final

from fleetcast.archive import write_atomically
from fleetcast.errors import FleetcastError, InputError
from pipeline.definition import all_steps, nested_steps, objects, own_values, steps_used
from pipeline.run_local.command import last_lines
from pipeline.run_local.conditions import holds, in_words
from pipeline.run_local.jobs import MODEL, Jobs, Layout, pack_model
from pipeline.run_local.records import STARTED, Record, digest_of
from pipeline.run_local.registry import register
from pipeline.run_local.tuning import best, draws, objective, training_arguments
from pipeline.run_local.values import Values

logger = logging.getLogger(__name__)

TYPES: Final = ("Processing", "Training", "Tuning", "Condition", "RegisterModel", "Fail")
Step = Mapping[str, Any]


class FailStepError(FleetcastError):
    """A Fail step ended the execution; the text is its message."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a pipeline on this machine."""

    values: Values
    jobs: Jobs

    def run(self) -> None:
        """Run all steps; raise FailStepError for a Fail step, StepError and InputError for other ends."""
        steps = self.values.definition["Steps"]
        for each, _ in all_steps(steps):
            if each["Type"] not in TYPES:
                raise InputError(
                    f"step {each['Name']} is of the type {each['Type']}, which a local run does not have; "
                    f"accepted: {', '.join(TYPES)}"
                )
        ordered = list(_in_order(steps))
        for number, step in enumerate(ordered, start=1):
            self._step(step, f"{number} of {len(ordered)}")

    def _step(self, step: Step, number: str) -> None:
        match step["Type"]:
            case "Condition":
                self._condition(step, number)
            case "Fail":
                raise FailStepError(self._with_places(self.values.resolve(step["Arguments"]["ErrorMessage"])))
            case _:
                self._once(step, number)

    def _condition(self, step: Step, number: str) -> None:
        declared = step["Arguments"]["Conditions"]
        conditions = self.values.resolve(declared)
        passed = all(map(holds, conditions))
        words = " and ".join(map(in_words, conditions, declared))
        logger.info("step %s, %s: %s is %s", number, step["Name"], words, str(passed).lower())
        self.values.properties[step["Name"]] = {"Outcome": passed}
        branch = step["Arguments"]["IfSteps" if passed else "ElseSteps"]
        for each in _in_order(branch):
            self._step(each, number)

    def _with_places(self, message: str) -> str:
        """Return a message with the local places of the addresses in S3 that it has."""
        words = message.split(" ")
        return " ".join(
            str(self.values.workspace.local(each)) if each.startswith("s3://") else each for each in words
        )

    def _once(self, step: Step, number: str) -> None:
        """Run a step unless its record says that it was done with the same arguments and inputs."""
        name, kind = step["Name"], step["Type"]
        folder = self.values.workspace.step(name)
        arguments = self.values.resolve(step["Arguments"])
        layout = self._layout(kind, arguments, name)
        digest = digest_of({"type": kind, "docker": self.jobs.docker, **arguments}, layout.inputs)
        record = Record.read(folder)
        if record is not None and record.digest == digest and _is_there(layout):
            logger.info("step %s, %s: already done, in %.1f s", number, name, record.seconds)
            self.values.properties[name] = record.properties
            return
        if kind != "RegisterModel":
            logger.info("step %s, %s: its log is %s", number, name, folder / "log.txt")
        _begin(folder, digest)
        started = time.monotonic()
        properties = arguments | self._run(kind, arguments, layout, name, digest)
        seconds = time.monotonic() - started
        Record(digest, round(seconds, 3), properties).write(folder)
        self.values.properties[name] = properties
        result = properties.get("ModelPackageArn") or (last_lines(folder / "log.txt") or ["done"])[-1]
        logger.info("step %s, %s: done in %.1f s: %s", number, name, seconds, result)

    def _layout(self, kind: str, arguments: Mapping[str, Any], name: str) -> Layout:
        match kind:
            case "Processing":
                return self.jobs.processing(arguments)
            case "Training":
                return self.jobs.training(arguments, name)
            case "Tuning":
                return self.jobs.training(training_arguments(arguments, {}), name)
        layout = Layout()
        for index, each in enumerate(objects(arguments.get("InferenceSpecification", {}).get("Containers"))):
            if "ModelDataUrl" in each:
                layout.inputs[str(index)] = self.values.workspace.local(each["ModelDataUrl"])
        return layout

    def _run(
        self, kind: str, arguments: dict[str, Any], layout: Layout, name: str, digest: str
    ) -> dict[str, Any]:
        """Run a step and return the properties that it has beside its arguments."""
        folder = self.values.workspace.step(name)
        match kind:
            case "Processing":
                self.jobs.run(name, layout, folder=folder, image=arguments["AppSpecification"]["ImageUri"])
                return {"ProcessingJobName": self._job_name(name), "ProcessingJobStatus": "Completed"}
            case "Training":
                return self._train(name, arguments, layout, folder=folder, job=self._job_name(name))
            case "Tuning":
                return self._tune(name, arguments, digest)
        return register(self.values.workspace.folder, arguments, digest, self.jobs.runner.environment)

    def _job_name(self, step: str) -> str:
        return f"{self.values.workspace.execution_id}-{step}"

    def _train(
        self, step: str, arguments: Mapping[str, Any], layout: Layout, *, folder: Path, job: str
    ) -> dict[str, Any]:
        image = arguments["AlgorithmSpecification"].get("TrainingImage", "")
        self.jobs.run(step, layout, folder=folder, image=image)
        uri = f"{arguments['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job}/output/{MODEL}"
        pack_model(folder / "ml", self.values.workspace.local(uri))
        return {
            "TrainingJobName": job,
            "TrainingJobStatus": "Completed",
            "ModelArtifacts": {"S3ModelArtifacts": uri},
        }

    def _tune(self, step: str, arguments: Mapping[str, Any], digest: str) -> dict[str, Any]:
        folder = self.values.workspace.step(step)
        found: dict[str, float | None] = {}
        summaries: dict[str, dict[str, Any]] = {}
        all_draws = draws(arguments["HyperParameterTuningJobConfig"], seed=digest)
        for number, drawn in enumerate(all_draws, start=1):
            name, own = self._job_name(f"{step}-{number}"), folder / f"job-{number}"
            job = training_arguments(arguments, drawn)
            record = Record.read(own)
            if record is None:
                layout = self.jobs.training(job, name)
                started = time.monotonic()
                properties = self._train(f"{step}-{number}", job, layout, folder=own, job=name)
                value = objective(arguments, own / "log.txt")
                record = Record(digest, round(time.monotonic() - started, 3), {**properties, "value": value})
                record.write(own)
            found[name] = record.properties["value"]
            summaries[name] = {
                "TrainingJobName": name,
                "TrainingJobStatus": "Completed",
                "TunedHyperParameters": drawn,
            }
            logger.info("%s: job %d of %d: %s with %s", step, number, len(all_draws), found[name], drawn)
        first = best(arguments, found)
        ordered = sorted(summaries, key=lambda name: name != first)
        return {
            "TrainingJobSummaries": [summaries[name] for name in ordered],
            "BestTrainingJob": summaries[first],
        }


def _in_order(steps: list[dict[str, Any]]) -> Iterator[Step]:
    """Yield steps after those that they wait for, otherwise in the definition's order."""
    names = [step["Name"] for step in steps]
    inside = {each["Name"]: step["Name"] for step in steps for each, _ in all_steps([step])}
    waits: dict[str, set[str]] = {}
    for step in steps:
        parts = [step, *(each for each, _ in all_steps(nested_steps(step)))]
        used = set().union(*(steps_used(own_values(each)) | set(each.get("DependsOn", ())) for each in parts))
        waits[step["Name"]] = {inside[each] for each in used if each in inside} - {step["Name"]}
    sorter = TopologicalSorter(waits)
    sorter.prepare()
    ready: list[str] = []
    while sorter.is_active():
        ready += sorter.get_ready()
        ready.sort(key=names.index)
        name = ready.pop(0)
        yield steps[names.index(name)]
        sorter.done(name)


def _begin(folder: Path, digest: str) -> None:
    """Make a step's folder ready: a step that was killed goes on in it, another one finds it empty."""
    started = folder / STARTED
    if not started.is_file() or json.loads(started.read_text())["digest"] != digest:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_atomically(started, json.dumps({"digest": digest}).encode() + b"\n")


def _is_there(layout: Layout) -> bool:
    return all(place.exists() for place in layout.outputs.values())
