"""The journal of a search: each evaluation is on the disk before the next one counts.

The first line says what the others are valid for: versions, settings of the job, backtests, space and seed.
Each further line is one customer's errors with some configurations, the errors of all customers with one
configuration of the trees of a global model, or other work for it.  A line gets to the disk by one write and
one fsync; a line that a killed run left unfinished is cut off.  A journal of another search is set aside.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Self, TypeAlias

import msgspec

from container import quoted
from fleetcast.archive import set_aside, sync_folder, write_error
from fleetcast.errors import UnusableFileError
from fleetcast.readings.customer import read_file
from train.customer import Backtested

logger = logging.getLogger(__name__)

NAME: Final = "tune.jsonl"
MOST_BYTES: Final = 1024 * 1024 * 1024
"""The largest journal that is read: some five million evaluations."""
FORMAT_VERSION: Final = 2

NonNegative: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    format_version: int
    search: str
    """SHA-256 of what decides an evaluation, besides the customer's data."""


class Line(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="of",
    tag="customer",
):
    """The errors of one customer."""

    customer: str
    data: str
    """SHA-256 of the customer's files; empty if they could not be read."""
    cpu_seconds: NonNegative
    errors: dict[int, Annotated[list[NonNegative], msgspec.Meta(min_length=1)]] = {}
    """By number of the configuration the error at each cut-off."""
    judges: bool = False
    """Whether the errors are those after the judging cut-off."""
    reason: str = ""
    """Why the customer takes no further part in the search."""
    under: str = ""
    """The model of all customers and its share that took part; empty without one."""


class TreesLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="of", tag="trees"):
    """The errors of all customers with one configuration of the trees."""

    rows: str
    """SHA-256 of the rows that the trees were fitted to and compared on."""
    configuration: int
    cpu_seconds: NonNegative
    errors: dict[str, NonNegative]
    """By customer the mean absolute error, in units of the error of repeating the last short season."""


class WorkLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="of", tag="work"):
    """Other work for a global model, which every run of the program does again."""

    name: str
    cpu_seconds: NonNegative


AnyLine: TypeAlias = Line | TreesLine | WorkLine
_DECODER: Final = msgspec.json.Decoder(AnyLine)


@dataclass(slots=True)
class Evaluations:
    """Of customers, all under the same model of all customers."""

    errors: dict[str, dict[int, tuple[float, ...]]] = field(default_factory=dict)
    """By customer and configuration the errors at the cut-offs that choose."""
    judged: dict[str, dict[int, float]] = field(default_factory=dict)
    """By customer and configuration the error after the cut-off that judges."""
    cpu_seconds_of_start: dict[str, float] = field(default_factory=dict)
    """By customer the processor time of the backtests with the job's own settings alone."""


@dataclass(slots=True)
class Journal:
    """What a search has evaluated, on the disk and in memory."""

    path: Path
    failed: dict[str, str] = field(default_factory=dict)
    """Why a customer takes no part, by customer."""
    trees: dict[str, dict[int, TreesLine]] = field(default_factory=dict)
    """By digest of rows and configuration the errors with its trees."""
    work: dict[str, float] = field(default_factory=dict)
    """By name the processor time of other work, as it was done first."""
    cpu_seconds: float = 0.0
    """Processor time of all of it, that of earlier runs included."""
    _under: dict[str, Evaluations] = field(default_factory=dict)
    _descriptor: int = -1

    @classmethod
    def open(cls, path: Path, search: str, *, data_of: Callable[[str], str]) -> Self:
        """Continue the journal at `path`, or begin one; `data_of` returns the SHA-256 of a customer's files.

        Evaluations of customers whose files have changed since, or are gone, are not used.  A journal of
        another search, and a file that is no journal, get another name.  Raises FilesystemError.
        """
        journal = cls(path)
        end = journal._read(search, data_of)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            journal._descriptor = os.open(path, flags, 0o644)
            os.ftruncate(journal._descriptor, end)
        except OSError as error:
            raise write_error(path, error) from error
        if not end:
            journal._write(msgspec.json.encode(Head(FORMAT_VERSION, search)))
            sync_folder(path.parent)
        return journal

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def under(self, models: str = "") -> Evaluations:
        """Return the evaluations under a model of all customers, by its name in the journal."""
        return self._under.setdefault(models, Evaluations())

    @property
    def cpu_seconds_of_starts(self) -> float:
        """Return the processor time of all backtests with the job's own settings alone."""
        return sum(sum(each.cpu_seconds_of_start.values()) for each in self._under.values())

    def add_trees(self, line: TreesLine) -> None:
        """Write the errors with a configuration of trees to the disk; raise FilesystemError."""
        self._write(msgspec.json.encode(line))
        self._take(line)

    def add_work(self, name: str, cpu_seconds: float) -> None:
        """Write the processor time of other work to the disk; raise FilesystemError."""
        line = WorkLine(name, round(cpu_seconds, 6))
        self._write(msgspec.json.encode(line))
        self._take(line)

    def add(self, evaluated: Backtested, *, judges: bool = False, under: str = "") -> None:
        """Write a result to the disk; raise FilesystemError."""
        line = Line(
            customer=evaluated.customer,
            data=evaluated.data,
            cpu_seconds=evaluated.cpu_seconds,
            errors={number: list(errors) for number, errors in evaluated.errors.items()},
            judges=judges,
            reason=evaluated.reason,
            under=under,
        )
        self._write(msgspec.json.encode(line))
        self._take(line)

    def _write(self, line: bytes) -> None:
        content = line + b"\n"
        try:
            if os.write(self._descriptor, content) < len(content):
                raise OSError(28, "No space left on device")  # noqa: TRY301 -- a part was written
            os.fsync(self._descriptor)
        except OSError as error:
            raise write_error(self.path, error) from error

    def _read(self, search: str, data_of: Callable[[str], str]) -> int:
        """Read what is there; return the length of its complete lines in bytes, 0 for a new journal."""
        if not os.path.lexists(self.path):
            return 0
        try:
            content = read_file(self.path, most_bytes=MOST_BYTES)
            complete = content[: content.rfind(b"\n") + 1]
            head, *lines = complete.splitlines() or [b""]
            is_same = msgspec.json.decode(head, type=Head) == Head(FORMAT_VERSION, search)
            read = [_DECODER.decode(line) for line in lines] if is_same else []
        except (UnusableFileError, msgspec.MsgspecError) as error:
            self._set_aside(f"it is no journal of a search ({error})")
            return 0
        if not is_same:
            self._set_aside("it belongs to other hyperparameters, another search space or another version")
            return 0
        changed = self._take_all(read, data_of)
        if changed:
            logger.warning(
                "%d customers' files have changed since the journal was begun; they are evaluated again",
                changed,
            )
        logger.info(
            "the journal %s goes on: %d evaluations, %.0f CPU seconds",
            quoted(self.path),
            sum(map(len, self.trees.values()))
            + sum(len(each) for found in self._under.values() for each in found.errors.values()),
            self.cpu_seconds,
        )
        return len(complete)

    def _take_all(self, lines: list[AnyLine], data_of: Callable[[str], str]) -> int:
        """Take over the lines of customers with the same files; return the number of other customers."""
        data: dict[str, str] = {}
        changed = set()
        for line in lines:
            if not isinstance(line, Line):
                self._take(line)
                continue
            if line.customer not in data:
                data[line.customer] = data_of(line.customer)
            if line.data == data[line.customer]:
                self._take(line)
            else:
                self.cpu_seconds += line.cpu_seconds
                changed.add(line.customer)
        return len(changed)

    def _take(self, line: AnyLine) -> None:
        self.cpu_seconds += line.cpu_seconds
        match line:
            case TreesLine():
                self.trees.setdefault(line.rows, {})[line.configuration] = line
            case WorkLine():
                self.work.setdefault(line.name, line.cpu_seconds)
            case Line(reason=""):
                self._take_errors(line, self.under(line.under))
            case Line():
                self.failed[line.customer] = line.reason

    @staticmethod
    def _take_errors(line: Line, found: Evaluations) -> None:
        if line.errors.keys() == {0} and not line.judges:
            found.cpu_seconds_of_start[line.customer] = line.cpu_seconds
        if line.judges:
            judged = found.judged.setdefault(line.customer, {})
            judged.update({number: each[0] for number, each in line.errors.items()})
        else:
            errors = found.errors.setdefault(line.customer, {})
            errors.update({number: tuple(each) for number, each in line.errors.items()})

    def _set_aside(self, why: str) -> None:
        other = set_aside(self.path)
        logger.warning(
            "%s is now %s, and a new journal begins: %s", quoted(self.path), quoted(other.name), why
        )
