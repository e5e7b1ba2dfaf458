"""The environment variables of `serve`, each declared once, SageMaker's documented names first.

`serving.settings` reads them, `fleetcast serve --help` and the reference page list them.
"""

from typing import Final

from container import (
    COMMON,
    JAVA_HOME,
    TUNED,
    Choice,
    Computed,
    Flag,
    Text,
    Variable,
    WholeNumber,
    total_bytes,
    usable_cpus,
)
from serving.request import CSV, JSON, JSON_LINES

MMS, GUNICORN = "mms", "gunicorn"
HIGHEST_PORT: Final = 65_535
HIGHEST_PORT_OF_MMS: Final = 32_766
"""Multi Model Server refuses higher ports."""
MEGABYTE: Final = 1024 * 1024
MIN_DEFAULT_HEAP, MAX_DEFAULT_HEAP = 96, 2048
"""Bounds of the default Java heap, in megabytes."""


def _heap_megabytes() -> int:
    """Return a sixth of the memory, within bounds: Java takes it only as models are loaded."""
    return min(max(total_bytes() // 6 // MEGABYTE, MIN_DEFAULT_HEAP), MAX_DEFAULT_HEAP)


_PROCESSORS: Final = Computed(usable_cpus, "the usable processors")
_HEAP: Final = Computed(
    _heap_megabytes, f"a sixth of the memory, {MIN_DEFAULT_HEAP} to {MAX_DEFAULT_HEAP} MB"
)

MULTI_MODEL: Final = Flag(
    name="SAGEMAKER_MULTI_MODEL",
    meaning="Serves the routes of a multi-model endpoint.",
)
STACK: Final = Choice(
    name="SERVING_STACK",
    among=(MMS, GUNICORN),
    default=GUNICORN,
    default_words="`mms` on a multi-model endpoint, otherwise `gunicorn`",
    meaning="The HTTP server: Multi Model Server, for multi-model endpoints only, or gunicorn without Java.",
)
PORT: Final = WholeNumber(
    name="SAGEMAKER_BIND_TO_PORT",
    default=8080,
    maximum=HIGHEST_PORT,
    meaning=f"The port; Multi Model Server accepts {HIGHEST_PORT_OF_MMS} at most.",
)
PROCESSES: Final = WholeNumber(
    name="SAGEMAKER_MODEL_SERVER_WORKERS",
    default=_PROCESSORS,
    maximum=256,
    meaning="Processes that forecast: gunicorn's workers, or the pool behind Multi Model Server.",
)
THREADS: Final = WholeNumber(
    name="MODEL_SERVER_THREADS",
    default=4,
    maximum=64,
    meaning="Threads of each gunicorn worker; more help where models come from S3.",
)
JOB_QUEUE_SIZE: Final = WholeNumber(
    name="SAGEMAKER_MODEL_JOB_QUEUE_SIZE",
    default=100,
    unit="requests",
    meaning="Requests that may wait per gunicorn worker, or per model behind Multi Model Server; "
    "more are answered 503.",
)
TIMEOUT: Final = WholeNumber(
    name="SAGEMAKER_MODEL_SERVER_TIMEOUT",
    default=60,
    unit="seconds",
    meaning="The longest time that a request may take behind Multi Model Server.",
)
MAX_PAYLOAD: Final = WholeNumber(
    name="SAGEMAKER_MAX_PAYLOAD_IN_MB",
    default=6,
    maximum=100,
    unit="MB",
    meaning="The largest request body.",
)
MAX_HEAP: Final = WholeNumber(
    name="SAGEMAKER_MAX_HEAP_SIZE",
    default=_HEAP,
    minimum=32,
    unit="MB",
    meaning="The Java heap of Multi Model Server, which holds 64 KB for each loaded model.",
)
DEFAULT_ACCEPT: Final = Choice(
    name="SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
    among=("*/*", JSON, JSON_LINES, CSV),
    default="*/*",
    meaning="The media type of a response where the request has no Accept header; "
    "`*/*` is the type of the request.",
)
MEMORY_RESERVE: Final = WholeNumber(
    name="MODEL_MEMORY_RESERVE_IN_MB",
    default=64,
    unit="MB",
    meaning="A load is answered 507 when less memory than this is free, of the container's limit or of "
    "the machine.",
)
ALLOW_ARCHIVE_CODE: Final = Flag(
    name="ALLOW_ARCHIVE_CODE",
    meaning="Runs the code that archives bring (Multi Model Server only); otherwise they are refused.",
)
OWN_CODE_VARIABLES: Final = Text(
    name="OWN_CODE_VARIABLES",
    accepted="names separated by commas",
    meaning="More environment variables that the code of archives gets.",
)
VMARGS: Final = Text(
    name="SAGEMAKER_MODEL_SERVER_VMARGS",
    accepted="options separated by blanks",
    meaning="More options for Java.",
)
MODEL_STORE: Final = Text(
    name="MODEL_STORE",
    accepted="a directory, a bundle (`fleet-*.sqlite`) or `s3://bucket/prefix`",
    default_words="`<base>/model`, except on a multi-model endpoint",
    meaning="The archives for `POST /invocations`; S3 uses boto3's usual credentials, `AWS_DEFAULT_REGION` "
    "and `AWS_ENDPOINT_URL`.",
)
MODEL_CACHE: Final = WholeNumber(
    name="MODEL_CACHE_IN_MB",
    default=256,
    unit="MB",
    meaning="Memory for cached models in each process; the least recently used model leaves first. "
    "A model takes 4 to 8 KB.",
)
REVALIDATE: Final = WholeNumber(
    name="MODEL_REVALIDATE_SECONDS",
    default=10,
    minimum=0,
    unit="seconds",
    meaning='How long a cached model, or a "not found", is trusted before the store is asked again; '
    "stale models are served for up to 300 seconds while the store is down.",
)
METRICS_CUSTOMERS: Final = WholeNumber(
    name="METRICS_CUSTOMERS",
    default=0,
    minimum=0,
    maximum=10_000,
    unit="customers",
    meaning="Customers with a metric series of their own, per worker; the others share `(others)`.",
)

VARIABLES: Final[tuple[Variable, ...]] = (
    *COMMON,
    MULTI_MODEL,
    STACK,
    PORT,
    PROCESSES,
    THREADS,
    JOB_QUEUE_SIZE,
    TIMEOUT,
    MAX_PAYLOAD,
    MAX_HEAP,
    DEFAULT_ACCEPT,
    MEMORY_RESERVE,
    MODEL_STORE,
    MODEL_CACHE,
    REVALIDATE,
    METRICS_CUSTOMERS,
    ALLOW_ARCHIVE_CODE,
    OWN_CODE_VARIABLES,
    VMARGS,
    JAVA_HOME,
    *TUNED,
)
"""All of them, in the order of the documentation."""
