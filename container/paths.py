"""SageMaker's file tree, `/opt/ml` or wherever `SAGEMAKER_BASE_DIR` moves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Paths:
    """Where SageMaker puts what goes in and looks for what comes out."""

    base: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read `SAGEMAKER_BASE_DIR`; the default is SageMaker's own `/opt/ml`."""
        return cls(Path(env.get("SAGEMAKER_BASE_DIR") or "/opt/ml").absolute())

    @property
    def processing_input(self) -> Path:
        """Raw readings, one file or many."""
        return self.base / "processing" / "input"

    @property
    def processing_output(self) -> Path:
        """One folder per customer."""
        return self.base / "processing" / "output"

    @property
    def config(self) -> Path:
        """`hyperparameters.json`, `inputdataconfig.json`, `resourceconfig.json`."""
        return self.base / "input" / "config"

    @property
    def channels(self) -> Path:
        """One folder per training channel."""
        return self.base / "input" / "data"

    @property
    def checkpoints(self) -> Path:
        """One archive per customer; SageMaker copies this folder to S3 while the job runs."""
        return self.base / "checkpoints"

    @property
    def model(self) -> Path:
        """What SageMaker packs into `model.tar.gz`."""
        return self.base / "model"

    @property
    def models(self) -> Path:
        """Where a multi-model endpoint lays out the models it asks to have loaded."""
        return self.base / "models"

    @property
    def output_data(self) -> Path:
        """Ledger and reports of a training job."""
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        """The reason of a failed job; SageMaker shows its first 1,024 characters."""
        return self.base / "output" / "failure"
