"""The settings of `serve`: environment variables go in, one typed object comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from container import Paths, markdown_table
from fleetcast.errors import SettingError
from serving import variables
from serving.variables import GUNICORN, MEGABYTE, MMS

HEAP_WITHOUT_MODELS: Final = 32 * MEGABYTE
"""Java heap that Multi Model Server needs before any model is loaded, in bytes."""
HEAP_PER_MODEL: Final = 64 * 1024
"""Bytes of Java heap per model; measured: 42 KB for its threads, queues and connection, and a request's."""
RESPONSES_IN_HEAP: Final = 8
"""Largest responses that Multi Model Server's heap has room for at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSettings:
    """The settings of one `serve`; their meaning, defaults and bounds are in `serving.variables`."""

    paths: Paths
    stack: str
    """`mms` or `gunicorn`."""
    multi_model: bool
    port: int
    processes: int
    threads: int
    job_queue_size: int
    timeout_seconds: int
    max_request_bytes: int
    heap_megabytes: int
    vmargs: tuple[str, ...]
    default_accept: str
    allow_archive_code: bool
    own_code_variables: frozenset[str]
    memory_reserve_bytes: int
    model_store: str
    """A directory, a bundle or `s3://bucket/prefix`; empty for none."""
    model_cache_bytes: int
    model_revalidate_seconds: int
    metrics_customers: int

    @property
    def max_models(self) -> int:
        """The number of models that Multi Model Server's heap has room for, at least 1."""
        return max(1, (self.heap_megabytes * MEGABYTE - HEAP_WITHOUT_MODELS) // HEAP_PER_MODEL)

    @property
    def max_response_bytes(self) -> int:
        """The largest response behind Multi Model Server, in bytes: several wait in its heap at a time."""
        return self.heap_megabytes * MEGABYTE // RESPONSES_IN_HEAP

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the variables; raise `SettingError`, which names the variable and the accepted values."""
        multi_model = variables.MULTI_MODEL.read(env)
        stack = replace(variables.STACK, default=MMS if multi_model else GUNICORN).read(env)
        if stack == MMS and not multi_model:
            raise SettingError("SERVING_STACK=mms needs SAGEMAKER_MULTI_MODEL=true")
        port = variables.PORT
        if stack == MMS:
            port = replace(port, maximum=variables.HIGHEST_PORT_OF_MMS)
        return cls(
            paths=Paths.from_env(env),
            stack=stack,
            multi_model=multi_model,
            port=port.read(env),
            processes=variables.PROCESSES.read(env),
            threads=variables.THREADS.read(env),
            job_queue_size=variables.JOB_QUEUE_SIZE.read(env),
            timeout_seconds=variables.TIMEOUT.read(env),
            max_request_bytes=variables.MAX_PAYLOAD.read(env) * MEGABYTE,
            heap_megabytes=variables.MAX_HEAP.read(env),
            vmargs=tuple(variables.VMARGS.read(env).split()),
            default_accept=variables.DEFAULT_ACCEPT.read(env),
            allow_archive_code=variables.ALLOW_ARCHIVE_CODE.read(env),
            own_code_variables=frozenset(variables.OWN_CODE_VARIABLES.read(env).replace(",", " ").split()),
            memory_reserve_bytes=variables.MEMORY_RESERVE.read(env) * MEGABYTE,
            model_store=variables.MODEL_STORE.read(env),
            model_cache_bytes=variables.MODEL_CACHE.read(env) * MEGABYTE,
            model_revalidate_seconds=variables.REVALIDATE.read(env),
            metrics_customers=variables.METRICS_CUSTOMERS.read(env),
        )


def table() -> str:
    """Return the variables of `serve` as a table in Markdown, for the reference page."""
    return markdown_table(variables.VARIABLES)
