"""One picture of a few customers: the end of the history, the forecast, its interval."""

import csv
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt

SHOWN_DAYS = 42
INK, MUTED, FORECAST = "#1f2933", "#9aa5b1", "#c2410c"


def draw(forecasts: dict[str, list[dict[str, Any]]], folder: Path, path: Path) -> None:
    """Write a PNG with a panel per customer; `folder` holds `<customer>/data.csv`."""
    figure, panels = plt.subplots(len(forecasts), 1, figsize=(10, 2.4 * len(forecasts)), squeeze=False)
    for panel, (customer, rows) in zip(panels[:, 0], forecasts.items(), strict=True):
        times, values = _history(folder / customer / "data.csv")
        ds = np.array([row["ds"] for row in rows], dtype="datetime64[s]")
        recent = times > times[-1] - np.timedelta64(SHOWN_DAYS, "D")
        panel.plot(times[recent], values[recent], ".", color=MUTED, markersize=3, label="history")
        lower, upper = ([row[name] for row in rows] for name in ("yhat_lower", "yhat_upper"))
        panel.fill_between(ds, lower, upper, color=FORECAST, alpha=0.2, linewidth=0, label="80 % interval")
        panel.plot(ds, [row["yhat"] for row in rows], "o-", color=FORECAST, markersize=3, label="forecast")
        panel.set_title(f"customer {customer}", loc="left", color=INK, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0, 0].legend(loc="upper left", ncols=3, frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _history(path: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([row[0] for row in rows], dtype="datetime64[s]"), np.array(
        [float(row[1]) for row in rows]
    )
