"""How a container serves: SageMaker's documented environment variables in, one typed object out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from container import Paths, SettingError, flag, whole_number

HIGHEST_PORT = 32_766
"""Multi Model Server refuses ports from 32,767 on."""
REVALIDATE_SECONDS = {"directory": 1, "s3": 60}
"""A look at a file costs microseconds, one at an object in S3 costs money."""


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
    model_store: str | None
    """A directory, a bundle or `s3://bucket/prefix`, for `POST /invocations`; None without one."""
    model_cache_bytes: int
    """In each process that forecasts."""
    revalidate_seconds: int

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the variables; `SettingError` names the one that cannot be used."""
        if not flag(env, "SAGEMAKER_MULTI_MODEL"):
            raise SettingError(
                "SAGEMAKER_MULTI_MODEL must be true: this version serves multi-model endpoints only"
            )
        megabytes = whole_number(env, "SAGEMAKER_MAX_PAYLOAD_IN_MB", default=6, maximum=100)
        model_store = env.get("MODEL_STORE") or None
        looks = REVALIDATE_SECONDS["s3" if (model_store or "").startswith("s3://") else "directory"]
        return cls(
            paths=Paths.from_env(env),
            port=whole_number(env, "SAGEMAKER_BIND_TO_PORT", default=8080, maximum=HIGHEST_PORT),
            workers_per_model=whole_number(env, "SAGEMAKER_NUM_MODEL_WORKERS", default=1),
            job_queue_size=whole_number(env, "SAGEMAKER_MODEL_JOB_QUEUE_SIZE", default=100),
            timeout_seconds=whole_number(env, "SAGEMAKER_MODEL_SERVER_TIMEOUT", default=60),
            max_request_bytes=megabytes * 1024 * 1024,
            heap_megabytes=whole_number(env, "SAGEMAKER_MAX_HEAP_SIZE", default=128, minimum=32),
            vmargs=tuple((env.get("SAGEMAKER_MODEL_SERVER_VMARGS") or "").split()),
            model_store=model_store,
            model_cache_bytes=whole_number(env, "MODEL_CACHE_MB", default=64) * 1024 * 1024,
            revalidate_seconds=whole_number(env, "MODEL_REVALIDATE_SECONDS", default=looks, minimum=0),
        )
