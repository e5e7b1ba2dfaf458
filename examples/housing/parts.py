"""The three parts of the table: which houses belong to each, how they were scaled, and how a part is read."""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray

from examples.housing.houses import COLUMNS, EVENT_TIME, FEATURES, IDENTIFIER, TARGET

if TYPE_CHECKING:
    import pandas as pd

PERCENT: Final = {"train": 70, "validation": 15, "test": 15}
SCALED: Final = ("train", "validation")
"""The part test stays as it is: its features are what a client sends."""


def part_of(house_id: str) -> str:
    """Return the part that a house belongs to.

    It depends on the identifier alone: a house that is listed again, or stored in another order, never moves
    from one part to another.
    """
    place = zlib.crc32(house_id.encode()) % 100
    if place < PERCENT["train"]:
        return "train"
    return "validation" if place < PERCENT["train"] + PERCENT["validation"] else "test"


def newest(records: "pd.DataFrame") -> "pd.DataFrame":
    """Return the newest record of each house with its part; none of a house whose newest is its deletion."""
    ordered = records.sort_values([EVENT_TIME, "api_invocation_time", "write_time"])
    latest = ordered.drop_duplicates(IDENTIFIER, keep="last")
    kept = latest.loc[~latest["is_deleted"], list(COLUMNS)]
    return kept.assign(part=[part_of(house) for house in kept[IDENTIFIER]])


def scaler_json(numbers: Mapping[str, float]) -> dict[str, list[dict[str, Any]]]:
    """Return what Ray's StandardScaler has fitted as plain numbers, in the order of the model's columns."""
    return {
        "features": [
            # A column that never changes is not divided, as Ray does it
            {"name": name, "mean": numbers[f"mean({name})"], "std": numbers[f"std({name})"] or 1.0}
            for name in FEATURES
        ]
    }


class Rows(NamedTuple):
    """Some houses."""

    features: NDArray[np.float64]
    """Of shape (houses, features), scaled or as they are, whichever the part has."""
    prices: NDArray[np.float64]


def read_rows(folder: Path) -> Rows:
    """Return the houses of a part in the order of their identifiers, whichever file has which."""
    with duckdb.connect() as connection:
        columns = connection.execute(
            f"SELECT {', '.join((*FEATURES, TARGET))} FROM read_parquet(?) ORDER BY {IDENTIFIER}",  # noqa: S608
            [str(folder / "*.parquet")],
        ).fetchnumpy()
    features = np.column_stack([columns[name] for name in FEATURES])
    return Rows(features.astype(float), columns[TARGET].astype(float))
