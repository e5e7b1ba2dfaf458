"""What can be chosen about the fleet's pipeline; every limit is checked here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fleetcast.errors import SettingError
from pipeline.gate import THRESHOLDS

_NAME: Final = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9])*")
"""Names of pipelines and model package groups, as SageMaker takes them."""
MOST_NAME_CHARACTERS: Final = 63
DEFAULT_LIMITS: Final = {each.option: each.default for each in THRESHOLDS}
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOptions:
    """Names, places, machines and steps of the fleet's pipeline.

    Image, role, bucket, readings and cutoff are defaults of parameters that each execution may set; without
    a default each execution must.
    """

    name: str = "fleetcast"
    image: str = ""
    role: str = ""
    bucket: str = ""
    readings: str = ""
    """The raw readings' folder in S3; empty for s3://BUCKET/readings where the bucket is set."""
    feature_group: str = ""
    """Where readings are stored first, in a step Ingest, and read from; empty for neither."""
    cutoff: str = ""
    """Readings before this time are for training, later ones for the evaluation."""
    process_options: tuple[str, ...] = ()
    """Options of `fleetcast process`, such as names of columns."""
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    tune: bool = False
    """Whether a tuning job takes the place of the training job."""
    tuning_jobs: int = 20
    tuning_jobs_at_once: int = 2
    instance_type: str = "ml.m5.xlarge"
    instance_count: int = 1
    processing_instance_type: str = "ml.m5.xlarge"
    inference_instance_type: str = "ml.m5.large"
    thresholds: Mapping[str, float | None] = field(default_factory=lambda: dict(DEFAULT_LIMITS))
    """How good a fleet must be to be registered: limits, or None, by options of `fleetcast gate`."""
    model_package_group: str = ""
    """Where models are registered; empty for the pipeline's name."""
    cache_days: int = 30
    """How long SageMaker uses the result of an equal step again; 0 for never."""

    def __post_init__(self) -> None:
        """Check what SageMaker would refuse; raise SettingError."""
        for option, name in (("--name", self.name), ("--model-package-group", self.group)):
            if not _NAME.fullmatch(name) or len(name) > MOST_NAME_CHARACTERS:
                raise SettingError(
                    f"{option} must have letters, digits and single hyphens between them, at most "
                    f"{MOST_NAME_CHARACTERS} characters, not {name!r}"
                )
        if self.bucket and not _BUCKET.fullmatch(self.bucket):
            raise SettingError(f"--bucket must be the name of a bucket, without s3://, not {self.bucket!r}")
        if self.readings and not self.readings.startswith("s3://"):
            raise SettingError(f"--readings must begin with s3://, not {self.readings!r}")
        for option, number in (
            ("--instance-count", self.instance_count),
            ("--tuning-jobs", self.tuning_jobs),
            ("--tuning-jobs-at-once", self.tuning_jobs_at_once),
        ):
            if number < 1:
                raise SettingError(f"{option} must be at least 1, not {number}")
        if self.cache_days < 0:
            raise SettingError(f"--cache-days must be at least 0, not {self.cache_days}")

    @property
    def group(self) -> str:
        """The model package group."""
        return self.model_package_group or self.name

    @property
    def raw_readings(self) -> str:
        """The raw readings' folder in S3, empty where it is not known."""
        return self.readings or (f"s3://{self.bucket}/readings" if self.bucket else "")
