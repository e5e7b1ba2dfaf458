"""What reading a column of texts gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Texts: TypeAlias = Sequence[str] | Sequence[bytes]
Times: TypeAlias = NDArray[np.datetime64]
Vector: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ParsedColumn:
    """The values of a column, shape (texts,), and why some of its texts have none."""

    values: NDArray[Any]
    """datetime64[us] in UTC, or float64; NaT or NaN where a text was refused or says that nothing is."""
    reasons: Mapping[int, str] = field(default_factory=dict)
    """Why a text was refused, by its place.  Each is a predicate: the text or the column is its subject."""
    notes: tuple[str, ...] = ()
    """Sentences about the whole column that its owner should read though nothing was refused."""


MISSING = frozenset(
    {
        "",
        "-",
        "--",
        "#n/a",
        "#n/a n/a",
        "#na",
        "<na>",
        "n/a",
        "na",
        "nan",
        "-nan",
        "nat",
        "nil",
        "none",
        "null",
        "\\n",
    }
)
"""What a cell without a value holds, in lower case: what pandas takes for missing, a dash, and NaT."""


def is_missing(text: str) -> bool:
    """Return whether a text says that there is no value."""
    return text.strip().lower() in MISSING


def as_text(text: str | bytes) -> str:
    """Return a text whose characters beyond ASCII stay such, whatever they are."""
    return text if isinstance(text, str) else text.decode("latin-1")
