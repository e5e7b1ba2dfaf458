"""The end of a history that a forecast is tested on."""

import re
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from fleetcast.errors import SettingError
from fleetcast.readings.customer import Times

_UNITS: Final = {
    "D": np.timedelta64(1, "D"),
    "h": np.timedelta64(1, "h"),
    "H": np.timedelta64(1, "h"),
    "W": np.timedelta64(7, "D"),
    "min": np.timedelta64(1, "m"),
}
_LONGEST: Final = np.timedelta64(36_500, "D")
"""A century: the times before a longer one may be beyond what a timestamp can hold."""
_TEXT: Final = re.compile(rf"(\d{{1,9}})({'|'.join(_UNITS)})?")


@dataclass(frozen=True, slots=True)
class Holdout:
    """The readings at the end of a history that are withheld from the fit: the last `rows`, or a `span`."""

    rows: int = 0
    span: np.timedelta64 | None = None
    """If it is set, `rows` is ignored."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the holdout of `7D`, `48h`, `2W`, `90min` or a number of rows; none if the text is empty.

        Raises SettingError for any other text, and for a span of more than 36,500 days.
        """
        if not text:
            return cls()
        parts = _TEXT.fullmatch(text.strip())
        if parts is None:
            raise SettingError(f"holdout must look like 7D, 48h, 2W, 90min or 100 (rows), not {text!r}")
        number, unit = int(parts[1]), parts[2]
        if not unit:
            return cls(rows=number)
        span = number * _UNITS[unit]
        if span > _LONGEST:
            raise SettingError(f"holdout must be at most {_LONGEST.astype(int)} days, not {text!r}")
        return cls(span=span)

    def __str__(self) -> str:
        return str(self.rows) if self.span is None else str(self.span)

    def withheld(self, ds: Times) -> NDArray[np.bool_]:
        """Return which rows of the ascending times `ds` are withheld, shape (rows,)."""
        if self.span is not None:
            return np.asarray(ds > ds[-1] - self.span)
        return np.arange(len(ds)) >= len(ds) - self.rows
