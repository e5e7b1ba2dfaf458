"""Made-up customers: readings with a bent trend, weekly and daily rhythm, and noise."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Customer:
    """Readings of one customer, and a capacity above all of them."""

    ds: NDArray[np.datetime64]
    y: NDArray[np.float64]
    cap: NDArray[np.float64]

    def arguments(self, growth: str) -> dict[str, Any]:
        """Return what `forecasting.fit` takes."""
        return {
            "ds": self.ds,
            "y": self.y,
            "cap": self.cap if growth == "logistic" else None,
            "growth": growth,
        }

    def frame(self) -> pd.DataFrame:
        """Return what stock Prophet takes."""
        return pd.DataFrame({"ds": self.ds, "y": self.y, "cap": self.cap})


def customer(kind: str, *, seed: int = 0) -> Customer:
    """Return a customer of the kind "365 daily", "1,000 daily", "1,000 irregular" or "8,760 hourly"."""
    draw = np.random.default_rng(seed)
    rows, rhythm = kind.split()
    count = int(rows.replace(",", ""))
    hours = np.arange(count) * (1.0 if rhythm == "hourly" else 24.0)
    if rhythm == "irregular":
        hours = np.sort(draw.choice(np.arange(24.0 * count), count, replace=False))
    t = hours / hours[-1]
    bends = draw.uniform(0.1, 0.8, 4)
    trend = 40 + 20 * t + np.maximum(t - bends[:, None], 0).T @ draw.normal(0, 30, 4)
    week, day = 2 * np.pi * hours / 168, 2 * np.pi * hours / 24
    y = trend * (1 + 0.1 * np.sin(week + draw.uniform(0, 6)) + 0.1 * np.cos(day)) + draw.normal(0, 2, count)
    ds = np.datetime64("2023-01-02T00", "s") + (hours * 3600).astype("timedelta64[s]")
    return Customer(ds=ds, y=y, cap=np.full(count, 1.2 * y.max()))
