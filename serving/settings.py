"""How a container serves: SageMaker's documented environment variables in, one typed object out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from container import Paths, choice, flag, total_bytes, usable_cpus, whole_number
from fleetcast.errors import SettingError

MMS, GUNICORN = "mms", "gunicorn"
HIGHEST_PORT = 65_535
HIGHEST_PORT_OF_MMS = 32_766
MEGABYTE = 1024 * 1024
DEFAULT_THREADS = 4
LEAST_HEAP, MOST_HEAP = 96, 2048
HEAP_WITHOUT_MODELS = 32 * MEGABYTE
HEAP_PER_MODEL = 64 * 1024
"""Measured: 42 KB for a model's threads, queues and connection, and what a request needs."""
ANY = "*/*"
KINDS = ("application/json", "application/jsonlines", "text/csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSettings:
    """How this container serves; see "Settings" in the README."""

    paths: Paths
    stack: str
    """`mms` or `gunicorn`."""
    multi_model: bool
    port: int
    processes: int
    threads: int
    """Of a gunicorn worker, for invocations."""
    job_queue_size: int
    timeout_seconds: int
    max_request_bytes: int
    heap_megabytes: int
    vmargs: tuple[str, ...]
    default_accept: str
    allow_archive_code: bool
    own_code_variables: frozenset[str]
    """More environment variables that the code of archives gets."""
    memory_reserve_bytes: int
    """A model is refused with 507 when less than this is free."""
    model_store: str
    """A directory, a bundle or `s3://bucket/prefix`; empty for none."""
    model_cache_bytes: int
    """Of the store's models in one process."""
    model_revalidate_seconds: int
    metrics_customers: int
    """How many customers get a series of their own."""

    @property
    def most_models(self) -> int:
        """How many models Multi Model Server's heap has room for."""
        return max(1, (self.heap_megabytes * MEGABYTE - HEAP_WITHOUT_MODELS) // HEAP_PER_MODEL)

    @property
    def most_answer_bytes(self) -> int:
        """How large an answer may be behind Multi Model Server, which has several in its heap at a time."""
        return self.heap_megabytes * MEGABYTE // 8

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the variables; `SettingError` names the one that cannot be used."""
        multi_model = flag(env, "SAGEMAKER_MULTI_MODEL")
        stack = choice(env, "SERVING_STACK", among=(MMS, GUNICORN), default=MMS if multi_model else GUNICORN)
        if stack == MMS and not multi_model:
            raise SettingError("SERVING_STACK=mms needs SAGEMAKER_MULTI_MODEL=true")
        highest_port = HIGHEST_PORT_OF_MMS if stack == MMS else HIGHEST_PORT
        megabytes = whole_number(env, "SAGEMAKER_MAX_PAYLOAD_IN_MB", default=6, maximum=100)
        return cls(
            paths=Paths.from_env(env),
            stack=stack,
            multi_model=multi_model,
            port=whole_number(env, "SAGEMAKER_BIND_TO_PORT", default=8080, maximum=highest_port),
            processes=whole_number(env, "SAGEMAKER_MODEL_SERVER_WORKERS", default=usable_cpus(), maximum=256),
            threads=whole_number(env, "MODEL_SERVER_THREADS", default=DEFAULT_THREADS, maximum=64),
            job_queue_size=whole_number(env, "SAGEMAKER_MODEL_JOB_QUEUE_SIZE", default=100),
            timeout_seconds=whole_number(env, "SAGEMAKER_MODEL_SERVER_TIMEOUT", default=60),
            max_request_bytes=megabytes * MEGABYTE,
            heap_megabytes=whole_number(
                env, "SAGEMAKER_MAX_HEAP_SIZE", default=_heap_megabytes(), minimum=32
            ),
            vmargs=tuple((env.get("SAGEMAKER_MODEL_SERVER_VMARGS") or "").split()),
            default_accept=choice(
                env, "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", among=(ANY, *KINDS), default=ANY
            ),
            allow_archive_code=flag(env, "ALLOW_ARCHIVE_CODE"),
            own_code_variables=frozenset((env.get("OWN_CODE_VARIABLES") or "").replace(",", " ").split()),
            memory_reserve_bytes=whole_number(env, "MODEL_MEMORY_RESERVE_IN_MB", default=64) * MEGABYTE,
            model_store=env.get("MODEL_STORE") or "",
            model_cache_bytes=whole_number(env, "MODEL_CACHE_IN_MB", default=256) * MEGABYTE,
            model_revalidate_seconds=whole_number(env, "MODEL_REVALIDATE_SECONDS", default=10, minimum=0),
            metrics_customers=whole_number(env, "METRICS_CUSTOMERS", default=0, minimum=0, maximum=10_000),
        )


def _heap_megabytes() -> int:
    """Return a sixth of the memory, within reason: it is taken only as models are loaded."""
    return min(max(total_bytes() // 6 // MEGABYTE, LEAST_HEAP), MOST_HEAP)
