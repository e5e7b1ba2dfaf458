"""Runs processing and training jobs on this machine, in a folder laid out as SageMaker lays out /opt/ml."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fleetcast.archive import NewFile, sync_folder
from fleetcast.errors import InputError
from pipeline.definition import objects
from pipeline.run_local.command import Runner
from pipeline.run_local.workspace import Workspace, link

OPT_ML: Final = "/opt/ml"
HOST: Final = "algo-1"
MODEL: Final = "model.tar.gz"


@dataclass(slots=True)
class Layout:
    """What a job finds in its folder: files and folders of others by their place below /opt/ml."""

    inputs: dict[str, Path] = field(default_factory=dict)
    shared: dict[str, Path] = field(default_factory=dict)
    """Folders that the job writes to and that stay after it, such as checkpoints."""
    outputs: dict[str, Path] = field(default_factory=dict)
    """Where each output is to be found after the job."""
    config: dict[str, Any] = field(default_factory=dict)
    """Content of configuration files."""
    command: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Jobs:
    """How jobs are run: as local commands, or in containers of an image."""

    workspace: Workspace
    runner: Runner
    docker: bool

    def processing(self, arguments: Mapping[str, Any]) -> Layout:
        """Return the layout of a processing job."""
        application = arguments["AppSpecification"]
        if "ContainerEntrypoint" not in application:
            raise InputError(
                "a processing step needs ContainerEntrypoint to run here: its image is not asked"
            )
        layout = Layout(
            command=(*application["ContainerEntrypoint"], *application.get("ContainerArguments", ())),
            variables=dict(arguments.get("Environment", {})),
        )
        for each in objects(arguments.get("ProcessingInputs")):
            source = _of_s3(each, "S3Input", each["InputName"])
            layout.inputs[source["LocalPath"]] = self.workspace.local(source["S3Uri"])
        outputs = arguments.get("ProcessingOutputConfig", {}).get("Outputs")
        for each in objects(outputs):
            target = _of_s3(each, "S3Output", each["OutputName"])
            layout.outputs[target["LocalPath"]] = self.workspace.local(target["S3Uri"])
        layout.config["config/processingjobconfig.json"] = dict(arguments)
        layout.config["config/resourceconfig.json"] = _hosts()
        return layout

    def training(self, arguments: Mapping[str, Any], name: str) -> Layout:
        """Return the layout of a training job called `name`."""
        algorithm = arguments["AlgorithmSpecification"]
        entrypoint = algorithm.get("ContainerEntrypoint", ("fleetcast", "train"))
        layout = Layout(
            command=(*entrypoint, *algorithm.get("ContainerArguments", ())),
            variables={**arguments.get("Environment", {}), "TRAINING_JOB_NAME": name},
        )
        channels = {}
        for each in objects(arguments.get("InputDataConfig")):
            source = _of_s3(each["DataSource"], "S3DataSource", each["ChannelName"])
            layout.inputs[f"{OPT_ML}/input/data/{each['ChannelName']}"] = self.workspace.local(
                source["S3Uri"]
            )
            channels[each["ChannelName"]] = {
                "TrainingInputMode": "File",
                # The one host of a local run has all files, however the definition divides them
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            }
        checkpoints = arguments.get("CheckpointConfig")
        if checkpoints:
            layout.shared[f"{OPT_ML}/checkpoints"] = self.workspace.local(checkpoints["S3Uri"])
        layout.config["input/config/hyperparameters.json"] = dict(arguments.get("HyperParameters", {}))
        layout.config["input/config/inputdataconfig.json"] = channels
        layout.config["input/config/resourceconfig.json"] = _hosts()
        return layout

    def run(self, step: str, layout: Layout, *, folder: Path, image: str) -> None:
        """Run a job in a step's folder, and link its outputs to their places."""
        base = folder / "ml"
        self._prepare(step, layout, base)
        command, variables = layout.command, dict(layout.variables)
        if self.docker:
            self._remove_container(f"{self.workspace.execution_id}-{step}")
            command = tuple(_docker(layout, base, image, name=f"{self.workspace.execution_id}-{step}"))
        else:
            command = (_installed(command[0]), *command[1:])
            variables["SAGEMAKER_BASE_DIR"] = str(base)
        self.runner.run(step, command, folder / "log.txt", variables)
        for place, target in layout.outputs.items():
            link(target, _below(base, place))

    def _remove_container(self, name: str) -> None:
        """Remove what a run that was killed has left of a step: it would write to the same folder."""
        command = ("docker", "rm", "--force", name)
        try:
            subprocess.run(command, env=dict(self.runner.environment), capture_output=True, check=False)  # noqa: S603
        except OSError as error:
            raise InputError(f"--docker needs the program docker: {error.strerror}") from error

    def _prepare(self, step: str, layout: Layout, base: Path) -> None:
        for place, source in layout.inputs.items():
            if not source.exists():
                raise InputError(f"step {step}: its input {source} does not exist")
            if not self.docker or source.is_file():
                _put(_below(base, place), source)
        for place, folder in layout.shared.items():
            folder.mkdir(parents=True, exist_ok=True)
            if not self.docker:
                link(_below(base, place), folder)
        for place in layout.outputs:
            _below(base, place).mkdir(parents=True, exist_ok=True)
        for name, content in layout.config.items():
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content, indent=1))


def pack_model(base: Path, place: Path) -> None:
    """Pack the folder `model` of a training job into model.tar.gz, as SageMaker does after the job."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with NewFile(place) as new:
        with tarfile.open(new.temporary, "w:gz", compresslevel=1) as archive:
            for path in sorted((base / "model").iterdir()):
                archive.add(path, path.name)
        new.finish()
    sync_folder(place.parent)


def _of_s3(content: Mapping[str, Any], field: str, name: str) -> dict[str, Any]:
    """Return where an input or output lies in S3; raise InputError where it lies elsewhere."""
    if not isinstance(content.get(field), dict):
        raise InputError(f"{name} is not in S3 ({field}), and only such data has a place in a local run")
    found: dict[str, Any] = content[field]
    return found


def _hosts() -> dict[str, Any]:
    return {"current_host": HOST, "hosts": [HOST], "network_interface_name": "lo"}


def _below(base: Path, place: str) -> Path:
    """Return a place below /opt/ml as one below a job's folder."""
    inside = Path(place)
    if not inside.is_relative_to(OPT_ML) or ".." in inside.parts or place == OPT_ML:
        raise InputError(f"{place} must lie below {OPT_ML}")
    return base / inside.relative_to(OPT_ML)


def _put(place: Path, source: Path) -> None:
    """Make a folder appear at `place`; a single file appears inside of it, as SageMaker copies it."""
    if source.is_dir():
        link(place, source.resolve())
        return
    place.mkdir(parents=True, exist_ok=True)
    copy = place / source.name
    copy.unlink(missing_ok=True)
    try:
        os.link(source, copy)
    except OSError:  # another file system
        shutil.copyfile(source, copy)


def _installed(program: str) -> str:
    """Return where a program is: `fleetcast` beside the Python that runs this."""
    return str(Path(sys.executable).with_name("fleetcast")) if program == "fleetcast" else program


def _docker(layout: Layout, base: Path, image: str, *, name: str) -> Iterator[str]:
    yield from ("docker", "run", "--rm", "--name", name, "--user", f"{os.getuid()}:{os.getgid()}")
    mounts: Sequence[tuple[Path, str]] = (
        (base, OPT_ML),
        *((source.resolve(), f"{place}:ro") for place, source in layout.inputs.items() if source.is_dir()),
        *((folder, place) for place, folder in layout.shared.items()),
    )
    for source, place in mounts:
        yield from ("-v", f"{source}:{place}")
    for variable, value in layout.variables.items():
        yield from ("-e", f"{variable}={value}")
    yield from ("--entrypoint", layout.command[0], image, *layout.command[1:])
