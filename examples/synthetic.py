"""Synthetic energy readings: daily, weekly and yearly season, a level and a trend per customer, noise."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

START = np.datetime64("2025-01-01T00:00:00")
SECONDS_PER_DAY = 86_400
DAYS = 365
HIGHEST = 1_000.0


def readings(
    *, customers: int, rows: int, seed: int = 0
) -> Iterator[tuple[str, NDArray[np.datetime64], NDArray[np.float64]]]:
    """Yield (customer_id, timestamps, consumption) of customers 0, 1, …: `rows` random times in a year."""
    for customer in range(customers):
        generator = np.random.default_rng([seed, customer])
        seconds = np.sort(generator.integers(0, DAYS * SECONDS_PER_DAY, rows))
        yield str(customer), START + seconds, consumption(seconds / SECONDS_PER_DAY, generator)


def write(path: Path, *, customers: int, rows: int, seed: int = 0) -> None:
    """Write `readings` to a gzip'd CSV file `customer_id,timestamp,consumption`."""
    with gzip.open(path, "wt", compresslevel=1, encoding="utf-8", newline="") as file:
        file.write("customer_id,timestamp,consumption\n")
        for customer, times, values in readings(customers=customers, rows=rows, seed=seed):
            pairs = zip(np.datetime_as_string(times), values.tolist(), strict=True)
            file.writelines(f"{customer},{time},{value:.3f}\n" for time, value in pairs)


def consumption(days: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Return the consumption at `days` since the start, between 0 and `HIGHEST`."""
    level, trend = generator.uniform(250, 650), generator.uniform(-80, 80)
    swings = generator.uniform(40, 120), generator.uniform(10, 60), generator.uniform(20, 120)
    shifts = generator.uniform(0, 1, 3)
    season = sum(
        swing * np.sin(2 * np.pi * (days / period + shift))
        for swing, period, shift in zip(swings, (1.0, 7.0, 365.25), shifts, strict=True)
    )
    noise = generator.normal(0, generator.uniform(10, 40), len(days))
    return np.clip(level + trend * days / DAYS + season + noise, 0, HIGHEST)
