"""What a gunicorn worker counts, and the text in which Prometheus reads the sum over all workers.

Each worker writes to files of its own slot, which its successor takes over when it dies: so there are never
more files than workers, and what was counted stays counted.
"""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue

from fleetcast.errors import SettingError

SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
OTHERS: Final = "(others)"
KINDS: Final = ("counter", "histogram", "gauge_sum")
BYTES_OF_A_FILE: Final = 256 * 1024
"""All routes with all statuses take a quarter of that."""
BYTES_OF_A_CUSTOMER: Final = 2_048
MOST_CHARACTERS_OF_A_CUSTOMER: Final = 250
"""Of a name that gets a series: each character may take six bytes."""
_slot = 0


def share_counts(folder: Path) -> None:
    """Have all metrics that are made from now on live in files of a folder that the workers share."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # where its files go; it has no argument for that
    values.ValueClass = MultiProcessValue(lambda: _slot)  # type: ignore[no-untyped-call]


def reserve_space(folder: Path, *, slots: int, most_customers: int) -> None:
    """Give each slot's files their space on the disk; raise `SettingError` where there is none.

    They are mapped into memory, where a write that finds the disk full would end the process.
    """
    size = BYTES_OF_A_FILE + most_customers * BYTES_OF_A_CUSTOMER
    try:
        for name in (f"{kind}_{slot}.db" for slot in range(slots) for kind in KINDS):
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
    """The counters of one worker."""

    def __init__(self, folder: Path, *, most_customers: int) -> None:
        """`most_customers` get a series of their own; what the others ask for is counted together."""
        self._folder = folder
        self._customers: set[str] = set()
        self._most_customers = most_customers
        registry = CollectorRegistry()
        self.requests = Counter(
            "fleetcast_requests", "Requests, by route and status.", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "fleetcast_request_seconds",
            "Seconds from the whole request to its answer, by route.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.forecasts = Counter("fleetcast_forecasts", "Forecasts made.", registry=registry)
        self.errors = Counter("fleetcast_record_errors", "Records without a forecast.", registry=registry)
        self.cached_models = Gauge(
            "fleetcast_cached_models",
            "Models in memory, over all workers.",
            multiprocess_mode="sum",
            registry=registry,
        )
        self.cached_bytes = Gauge(
            "fleetcast_cached_bytes", "What they take.", multiprocess_mode="sum", registry=registry
        )
        self._customer_forecasts = Counter(
            "fleetcast_customer_forecasts",
            "Forecasts made, by customer, for the first METRICS_CUSTOMERS of a worker.",
            ["target_model"],
            registry=registry,
        )

    def observe(self, *, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def observe_forecasts(self, models: tuple[str, ...], *, errors: int) -> None:
        """Count forecasts by their models, and the records that got none."""
        self.forecasts.inc(len(models))
        if errors:
            self.errors.inc(errors)
        if self._most_customers:
            for model in models:
                self._customer_forecasts.labels(self._series(model)).inc()

    def observe_cache(self, *, models: int, size_bytes: int) -> None:
        """Tell what this worker has in memory."""
        self.cached_models.set(models)
        self.cached_bytes.set(size_bytes)

    def text(self) -> bytes:
        """Return the sums over all workers as Prometheus reads them."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _series(self, model: str) -> str:
        if model in self._customers:
            return model
        if len(self._customers) >= self._most_customers or len(model) > MOST_CHARACTERS_OF_A_CUSTOMER:
            return OTHERS
        self._customers.add(model)
        return model
