"""Customers spread over worker processes, one per processor, one thread of linear algebra each."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from archive import FilesystemError
from container import InputError
from forecasting import SettingError
from train._channel import Customer
from train._customer import Failed, Fitted, fit_customer
from train._settings import TrainSettings

MOST_PER_CHUNK = 32


def fit_all(
    customers: Sequence[Customer], *, settings: TrainSettings, folder: Path
) -> Iterator[Fitted | Failed]:
    """Yield what happened to each customer, in their order."""
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[threads] = "1"  # the workers start afterwards and read it before NumPy loads
    chunk = max(1, min(MOST_PER_CHUNK, len(customers) // (4 * settings.workers)))
    work = partial(fit_customer, settings=settings, folder=folder)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["train._customer"])
    with ProcessPoolExecutor(settings.workers, mp_context=context) as pool:
        try:
            yield from pool.map(work, customers, chunksize=chunk)
        except (FilesystemError, SettingError) as error:
            raise InputError(str(error)) from error
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process died, most likely for want of memory; nothing written is lost"
            ) from error
