"""How a container serves: SageMaker's documented environment variables in, one typed object out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from container import Paths, SettingError, flag, whole_number

HIGHEST_PORT = 32_766
"""Multi Model Server refuses ports from 32,767 on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSettings:
    """How this container serves; see "Settings" in the README."""

    paths: Paths
    port: int
    workers_per_model: int
    job_queue_size: int
    timeout_seconds: int
    max_request_bytes: int
    heap_megabytes: int
    vmargs: tuple[str, ...]

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the variables; `SettingError` names the one that cannot be used."""
        if not flag(env, "SAGEMAKER_MULTI_MODEL"):
            raise SettingError(
                "SAGEMAKER_MULTI_MODEL must be true: this version serves multi-model endpoints only"
            )
        megabytes = whole_number(env, "SAGEMAKER_MAX_PAYLOAD_IN_MB", default=6, maximum=100)
        return cls(
            paths=Paths.from_env(env),
            port=whole_number(env, "SAGEMAKER_BIND_TO_PORT", default=8080, maximum=HIGHEST_PORT),
            workers_per_model=whole_number(env, "SAGEMAKER_NUM_MODEL_WORKERS", default=1),
            job_queue_size=whole_number(env, "SAGEMAKER_MODEL_JOB_QUEUE_SIZE", default=100),
            timeout_seconds=whole_number(env, "SAGEMAKER_MODEL_SERVER_TIMEOUT", default=60),
            max_request_bytes=megabytes * 1024 * 1024,
            heap_megabytes=whole_number(env, "SAGEMAKER_MAX_HEAP_SIZE", default=128, minimum=32),
            vmargs=tuple((env.get("SAGEMAKER_MODEL_SERVER_VMARGS") or "").split()),
        )
