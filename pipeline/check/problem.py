"""A fault of a pipeline definition, and texts that say what is accepted instead."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

MOST_NAMES: Final = 12
MOST_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong, and where; the text says what is accepted."""

    step: str
    """Empty where no step is concerned."""
    place: str
    text: str

    def __str__(self) -> str:
        """Return the problem as one line."""
        where = [f"step {self.step}"] if self.step else []
        return ": ".join((*where, *([self.place] if self.place else []), self.text))


def shown(value: object) -> str:
    """Return a value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def among(names: Iterable[object], wrong: object = "") -> str:
    """Return accepted names in words, a similar one first."""
    known = [str(each) for each in names]
    close = get_close_matches(str(wrong), known, n=1)
    if close and len(known) > MOST_NAMES:
        return f"did you mean {close[0]}?"
    listed = ", ".join(known[:MOST_NAMES]) or "there is none"
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    similar = f"; did you mean {close[0]}?" if close else ""
    return f"accepted: {listed}{more}{similar}"
