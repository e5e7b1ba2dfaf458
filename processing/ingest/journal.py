"""Remembers which records are in the store, so that a run after a kill, or a second run, sends the rest.

The journal is a text file with one line for each part of the input that was put as a whole: the SHA-256 of
everything from the group and the action to the end of that part.  A line therefore stands for this content,
in this order, in this group; a part counts as done as long as all lines up to its own are equal.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from fleetcast.archive import write_atomically
from processing.output import name_in_errors


class Journal:
    """The journal of one group; `begins` says which group it is, and what is done with the input."""

    def __init__(self, path: Path, *, begins: Iterable[str]) -> None:
        self._path = path
        self._digest = hashlib.sha256(_bytes(begins))
        self._lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        self._done = 0

    def has(self, part: Iterable[str]) -> bool:
        """Return whether the next part was done by an earlier run, as all parts before it.

        If not, what the journal says of further parts is removed, because it is of other content.
        """
        self._digest.update(_bytes(part))
        if self._lines[self._done : self._done + 1] == [self._digest.hexdigest()]:
            self._done += 1
            return True
        if len(self._lines) > self._done:
            self._lines = self._lines[: self._done]
            write_atomically(self._path, "".join(f"{line}\n" for line in self._lines).encode())
        return False

    def add(self) -> None:
        """Note that the last part that `has` was asked for is done; raises OSError.

        Leave out a part that failed: without its line, the lines after it are not equal in the next run.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with name_in_errors(self._path), self._path.open("a") as file:
            file.write(f"{self._digest.hexdigest()}\n")


def _bytes(texts: Iterable[str]) -> bytes:
    """Return texts so that no two different lists are equal."""
    return "".join(f"{len(text)}:{text}" for text in texts).encode("utf-8", "surrogatepass")
