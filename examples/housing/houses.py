"""A synthetic table of houses of eight columns: an identifier, a time, five features and the price."""

import csv
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

IDENTIFIER: Final = "house_id"
EVENT_TIME: Final = "listed_at"
FEATURES: Final = ("square_feet", "bedrooms", "bathrooms", "lot_acres", "year_built")
TARGET: Final = "price"
COLUMNS: Final = (IDENTIFIER, EVENT_TIME, *FEATURES, TARGET)
TYPES: Final = {
    "house_id": "String",
    "listed_at": "String",
    "square_feet": "Integral",
    "bedrooms": "Integral",
    "bathrooms": "Fractional",
    "lot_acres": "Fractional",
    "year_built": "Integral",
    "price": "Integral",
}
"""The types of the columns as a feature group has them."""
FIRST_DAY: Final = np.datetime64("2026-01-01")
DAYS: Final = 28
ANTIQUE: Final = 80
"""Years."""
NOISE: Final = 0.06
"""Standard deviation of the logarithm of a price around what the features say: no model errs by less."""


def houses(count: int, *, seed: int) -> dict[str, NDArray[Any]]:
    """Return `count` houses as arrays by column; equal for an equal seed."""
    random = np.random.default_rng(seed)
    square_feet = np.clip(random.lognormal(7.5, 0.35, count), 500, 6_000).round().astype(int)
    bedrooms = np.clip((square_feet / 650 + random.normal(0, 0.7, count)).round(), 1, 7).astype(int)
    bathrooms = np.clip((bedrooms * 1.4 + random.normal(0, 0.8, count)).round() / 2, 1, 5)
    lot_acres = np.clip(random.lognormal(-1.2, 0.7, count), 0.03, 5).round(2)
    year_built = random.integers(1920, 2026, count)
    age = 2026 - year_built
    worth = 40_000 + 165 * square_feet + 18_000 * bathrooms + 60_000 * np.sqrt(lot_acres)
    worth *= 0.75 + 0.25 * np.exp(-age / 30) + 0.1 * (age > ANTIQUE)  # the new and the very old cost more
    worth *= np.where(bedrooms > square_feet / 450, 0.92, 1.0)  # too many rooms for the size
    days = FIRST_DAY + random.integers(0, DAYS, count)
    return {
        "house_id": np.array([f"house-{number:06d}" for number in range(count)]),
        "listed_at": np.array([f"{day}T00:00:00Z" for day in days]),
        "square_feet": square_feet,
        "bedrooms": bedrooms,
        "bathrooms": bathrooms,
        "lot_acres": lot_acres,
        "year_built": year_built,
        "price": (worth * random.lognormal(0, NOISE, count)).round(-2).astype(int),
    }


def write(path: Path, count: int, *, seed: int = 0) -> None:
    """Write the table to a CSV file with a header."""
    table = houses(count, seed=seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(zip(*(table[name].tolist() for name in COLUMNS), strict=True))
