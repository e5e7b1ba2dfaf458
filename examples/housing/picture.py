"""One picture of the test part: each house's predicted price against its actual one."""

import csv
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

MUTED, POINT = "#9aa5b1", "#c2410c"


def draw(predictions: Path, path: Path) -> None:
    """Write a PNG from predictions.csv."""
    with predictions.open(newline="") as file:
        rows = [(float(row["actual"]), float(row["predicted"])) for row in csv.DictReader(file)]
    actual, predicted = ([row[place] / 1_000 for row in rows] for place in (0, 1))
    ends = [min(actual + predicted), max(actual + predicted)]
    figure, panel = plt.subplots(figsize=(6, 6))
    panel.plot(ends, ends, color=MUTED, linewidth=1)
    panel.plot(actual, predicted, ".", color=POINT, markersize=3, alpha=0.6)
    panel.set_xlabel("actual price, thousands")
    panel.set_ylabel("predicted price, thousands")
    panel.set_title(f"{len(rows):,} houses that no training has seen", loc="left", fontsize=10)
    panel.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
