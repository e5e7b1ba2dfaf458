"""The metrics of gunicorn's workers, each declared once, and their sums over all workers for Prometheus.

Each worker writes to the files of its slot.  When a worker dies, its successor takes the slot over: there are
never more files than workers, and nothing that was counted is lost.
"""

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue

from fleetcast.errors import SettingError

SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histogram's buckets."""
OTHERS: Final = "(others)"
"""The series of customers that have none of their own."""
FILE_KINDS: Final = ("counter", "histogram", "gauge_sum")
"""The kinds of files that prometheus_client makes for each slot, by its own names."""
FILE_BYTES: Final = 256 * 1024
"""Size of a file; all routes with all statuses take a quarter of it."""
CUSTOMER_BYTES: Final = 2_048
"""What one customer's series adds to that."""
MAX_CUSTOMER_CHARACTERS: Final = 250
"""Longest name that gets a series of its own: each character may take six bytes."""
_slot = 0


class MetricType(Enum):
    """The types of Prometheus that are used here."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """The declaration of one metric; `counter` and the like make the object that a worker counts with."""

    name: str
    type: MetricType
    labels: tuple[str, ...] = ()
    help: str
    """What one sample of it says, for /metrics and the documentation."""

    @property
    def sample_name(self) -> str:
        """The name in /metrics: that of a counter gets an ending."""
        return f"{self.name}_total" if self.type is MetricType.COUNTER else self.name

    def counter(self, registry: CollectorRegistry) -> Counter:
        """Return a counter that starts at 0."""
        return Counter(self.name, self.help, self.labels, registry=registry)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """Return a histogram of SECONDS."""
        return Histogram(self.name, self.help, self.labels, buckets=SECONDS, registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """Return a gauge whose values are added up over the workers."""
        return Gauge(self.name, self.help, self.labels, multiprocess_mode="sum", registry=registry)


REQUESTS: Final = Metric(
    name="fleetcast_requests",
    type=MetricType.COUNTER,
    labels=("route", "status"),
    help="Requests, by route and status.",
)
REQUEST_SECONDS: Final = Metric(
    name="fleetcast_request_seconds",
    type=MetricType.HISTOGRAM,
    labels=("route",),
    help="Seconds from the complete request to its response, by route.",
)
FORECASTS: Final = Metric(
    name="fleetcast_forecasts",
    type=MetricType.COUNTER,
    help="Forecasts that were returned.",
)
RECORD_ERRORS: Final = Metric(
    name="fleetcast_record_errors",
    type=MetricType.COUNTER,
    help="Records that got an error instead of a forecast.",
)
CACHED_MODELS: Final = Metric(
    name="fleetcast_cached_models",
    type=MetricType.GAUGE,
    help="Models in memory.",
)
CACHED_BYTES: Final = Metric(
    name="fleetcast_cached_bytes",
    type=MetricType.GAUGE,
    help="Memory of these models, in bytes.",
)
CUSTOMER_FORECASTS: Final = Metric(
    name="fleetcast_customer_forecasts",
    type=MetricType.COUNTER,
    labels=("target_model",),
    help="Forecasts by customer, for the first METRICS_CUSTOMERS customers of a worker; "
    f"the rest share `{OTHERS}`.",
)
METRICS: Final = (
    REQUESTS,
    REQUEST_SECONDS,
    FORECASTS,
    RECORD_ERRORS,
    CACHED_MODELS,
    CACHED_BYTES,
    CUSTOMER_FORECASTS,
)
"""All of them, in the order of the documentation."""


def table() -> str:
    """Return the metrics as a table in Markdown, for the reference page."""
    rows = [
        f"| `{metric.sample_name}` | {metric.type.value} "
        f"| {', '.join(f'`{label}`' for label in metric.labels) or 'none'} | {metric.help} |"
        for metric in METRICS
    ]
    return "\n".join(["| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def share_counts(folder: Path) -> None:
    """Keep all metrics that are made from now on in files of a folder that the workers share."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # prometheus_client has no argument for it
    values.ValueClass = MultiProcessValue(lambda: _slot)  # type: ignore[no-untyped-call]


def reserve_space(folder: Path, *, slots: int, max_customers: int) -> None:
    """Give each slot's files their space on the disk; raise `SettingError` where there is none.

    They are mapped into memory, where a write that finds the disk full would end the process.
    """
    size = FILE_BYTES + max_customers * CUSTOMER_BYTES
    try:
        for name in (f"{kind}_{slot}.db" for slot in range(slots) for kind in FILE_KINDS):
            with (folder / name).open("xb") as file:
                file.write(bytes(size))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SettingError(f"{folder} has no room for {size} bytes of metrics a worker: {reason}") from error


def take_slot(slot: int) -> None:
    """Count in the files of this slot; to be called in a new worker."""
    global _slot  # noqa: PLW0603 -- prometheus_client asks for it without an argument
    _slot = slot


class Metrics:
    """The metrics of one worker."""

    def __init__(self, folder: Path, *, max_customers: int) -> None:
        """`max_customers` get a series of their own; the forecasts of the others are counted together."""
        self._folder = folder
        self._customers: set[str] = set()
        self._max_customers = max_customers
        registry = CollectorRegistry()
        self._requests = REQUESTS.counter(registry)
        self._seconds = REQUEST_SECONDS.histogram(registry)
        self._forecasts = FORECASTS.counter(registry)
        self._record_errors = RECORD_ERRORS.counter(registry)
        self._cached_models = CACHED_MODELS.gauge(registry)
        self._cached_bytes = CACHED_BYTES.gauge(registry)
        self._customer_forecasts = CUSTOMER_FORECASTS.counter(registry)

    def observe(self, *, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def observe_forecasts(self, customers: tuple[str, ...], *, errors: int) -> None:
        """Count forecasts by their customers, and the records that got an error."""
        self._forecasts.inc(len(customers))
        if errors:
            self._record_errors.inc(errors)
        if self._max_customers:
            for customer in customers:
                self._customer_forecasts.labels(self._series(customer)).inc()

    def observe_cache(self, *, models: int, size_bytes: int) -> None:
        """Record which models this worker has in memory now, and their size."""
        self._cached_models.set(models)
        self._cached_bytes.set(size_bytes)

    def text(self) -> bytes:
        """Return the sums over all workers as Prometheus reads them."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _series(self, customer: str) -> str:
        """Return the label under which a customer is counted."""
        if customer in self._customers:
            return customer
        if len(self._customers) >= self._max_customers or len(customer) > MAX_CUSTOMER_CHARACTERS:
            return OTHERS
        self._customers.add(customer)
        return customer
