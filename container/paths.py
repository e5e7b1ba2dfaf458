"""SageMaker's folders below `/opt/ml`, or below the folder that `SAGEMAKER_BASE_DIR` names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from container.environment import BASE_DIR


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders in which SageMaker puts the input of a program and looks for its output."""

    base: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Return the folders below `SAGEMAKER_BASE_DIR`; the default is SageMaker's own `/opt/ml`."""
        return cls(Path(BASE_DIR.read(env)).absolute())

    @property
    def processing_input(self) -> Path:
        """Raw readings in one file or many, of any depth; `process` reads them."""
        return self.base / "processing" / "input"

    @property
    def processing_output(self) -> Path:
        """One folder of readings per customer; `process` writes it."""
        return self.base / "processing" / "output"

    @property
    def config(self) -> Path:
        """SageMaker's `hyperparameters.json`, `inputdataconfig.json` and `resourceconfig.json`."""
        return self.base / "input" / "config"

    @property
    def channels(self) -> Path:
        """One folder per channel of a training job."""
        return self.base / "input" / "data"

    @property
    def checkpoints(self) -> Path:
        """One archive per customer; SageMaker copies this folder to S3 while the job runs."""
        return self.base / "checkpoints"

    @property
    def model(self) -> Path:
        """The folder that SageMaker packs into `model.tar.gz`, and serves from."""
        return self.base / "model"

    @property
    def models(self) -> Path:
        """The folder below which a multi-model endpoint extracts the models that it loads."""
        return self.base / "models"

    @property
    def output_data(self) -> Path:
        """Ledger and report of a training job."""
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        """The reason of a failed job; SageMaker shows its first 1,024 characters."""
        return self.base / "output" / "failure"
