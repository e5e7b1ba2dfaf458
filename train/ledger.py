"""The ledger of a job, such as `train.jsonl`: a line of JSON per customer, as soon as it has an outcome."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from fleetcast.archive import NewFile, sync_folder, write_error
from train.customer import Outcome, RefreshOutcome, WithArchive, reason_of


class LedgerWriter:
    """Writes lines to a temporary file, which gets the name `path` when `finish` is called."""

    def __init__(self, path: Path) -> None:
        self._new = NewFile(path)
        self._file = self._new.temporary.open("w", encoding="ascii")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._new.discard()

    def add(self, outcome: Outcome | RefreshOutcome) -> None:
        """Write a customer's line; raise `FilesystemError`."""
        self.write(_line(outcome))

    def write(self, line: Mapping[str, Any]) -> None:
        """Write a line with this content; raise `FilesystemError`."""
        try:
            self._file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise write_error(self._new.path, error) from error

    def finish(self) -> None:
        """Sync the ledger to the disk and rename it to its path; raise `FilesystemError`."""
        try:
            self._file.close()
        except OSError as error:
            raise write_error(self._new.path, error) from error
        self._new.finish()
        sync_folder(self._new.path.parent)


def _line(outcome: Outcome | RefreshOutcome) -> dict[str, Any]:
    line: dict[str, Any] = {
        "customer": outcome.customer,
        "status": outcome.status,
        "reason": reason_of(outcome),
        "rows": outcome.rows,
        "seconds": outcome.seconds,
    }
    if not isinstance(outcome, WithArchive):
        return line
    line |= {"engine": outcome.engine} | dict(outcome.metrics)
    if outcome.incumbent:
        line["incumbent"] = outcome.incumbent
    if outcome.warnings:
        line["warnings"] = [sentence for sentences in outcome.warnings.values() for sentence in sentences]
    return line | ({"non_negative": True} if outcome.non_negative else {})
