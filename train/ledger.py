"""The ledger: one JSON line per customer with what happened to it, written as it happens."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fleetcast.archive import FilesystemError, sync_folder
from train.customer.outcome import Failed, Outcome

UNFINISHED = ".unfinished"


class LedgerWriter:
    """Collects lines; the file appears under its name, whole, when `finish` is called."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_name(path.name + UNFINISHED)
        self._file = self._unfinished.open("w", encoding="ascii")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, outcome: Outcome) -> None:
        """Write a customer's line; raise `FilesystemError`."""
        try:
            self._file.write(json.dumps(_line(outcome)) + "\n")
        except OSError as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        """Bring the ledger to the disk and give it its name; raise `FilesystemError`."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._unfinished.replace(self._path)
        except OSError as error:
            raise self._failed(error) from error
        sync_folder(self._path.parent)

    def _failed(self, error: OSError) -> FilesystemError:
        return FilesystemError(
            f"{self._path.name} could not be written to {self._path.parent}: {error.strerror}"
        )


def _line(outcome: Outcome) -> dict[str, Any]:
    line: dict[str, Any] = {
        "customer": outcome.customer,
        "status": outcome.status,
        "reason": outcome.reason,
        "rows": outcome.rows,
        "seconds": outcome.seconds,
    }
    if isinstance(outcome, Failed):
        return line
    line |= {"engine": outcome.engine} | dict(outcome.metrics)
    if outcome.warnings:
        line["warnings"] = [sentence for sentences in outcome.warnings.values() for sentence in sentences]
    return line | ({"non_negative": True} if outcome.non_negative else {})
