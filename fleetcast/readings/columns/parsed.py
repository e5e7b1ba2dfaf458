"""The result of parsing a column of texts, and which texts mean a missing value."""

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
    """The values of a column of texts, and the reason for each text that was refused."""

    values: NDArray[Any]
    """datetime64[us] in UTC, or float64, shape (texts,); NaT or NaN for missing values and refused texts."""
    reasons: Mapping[int, str] = field(default_factory=dict)
    """Why a text was refused, by its index, as a predicate: "is not a number", whose subject is the text."""
    notes: tuple[str, ...] = ()
    """Sentences about the whole column that its owner should read, although nothing was refused."""


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
"""Texts, in lower case, that mean a missing value: those of pandas, dashes, and NaT."""


def is_missing(text: str) -> bool:
    """Return whether a text means a missing value."""
    return text.strip().lower() in MISSING


def as_text(text: str | bytes) -> str:
    """Return bytes as a text; each byte beyond ASCII becomes some character beyond ASCII."""
    return text if isinstance(text, str) else text.decode("latin-1")
