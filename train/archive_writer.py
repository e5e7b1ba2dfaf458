"""Writes new archives to the disk, several at a time, before anything else counts them."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from fleetcast.archive import write_archive
from train.customer import Fallback, Fitted, Outcome, Refreshed, RefreshOutcome, WithArchive

OutcomeT = TypeVar("OutcomeT", bound=Outcome | RefreshOutcome)

WRITERS: Final = 8
"""Threads that wait for the disk: several files then share one commit of the file system's journal."""
MOST_WAITING: Final = 64
"""Outcomes that may wait for the disk."""


def write_archives(
    outcomes: Iterable[OutcomeT], checkpoints: Path, *, also_old: bool = False
) -> Generator[OutcomeT, None, None]:
    """Yield the outcomes in their order, each once its archive, if that is new, is on the disk.

    With `also_old` the archives that stay are written too: they are from another folder.  Raises
    `FilesystemError` for an archive that cannot be written.
    """
    waiting: deque[tuple[OutcomeT, Future[Path] | None]] = deque()
    with ThreadPoolExecutor(WRITERS) as writers:
        for outcome in outcomes:
            write = None
            is_new = isinstance(outcome, Fitted | Fallback | Refreshed)
            if isinstance(outcome, WithArchive) and (is_new or also_old):
                write = writers.submit(write_archive, checkpoints, outcome.customer, outcome.packed)
            waiting.append((outcome, write))
            while waiting and (len(waiting) > MOST_WAITING or _is_done(waiting[0][1])):
                yield _on_the_disk(*waiting.popleft())
        while waiting:
            yield _on_the_disk(*waiting.popleft())


def _is_done(write: Future[Path] | None) -> bool:
    return write is None or write.done()


def _on_the_disk(outcome: OutcomeT, write: Future[Path] | None) -> OutcomeT:
    if write is not None:
        write.result()
    return outcome
