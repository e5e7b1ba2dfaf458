"""Runs NumPy's linear algebra on one thread while the core computes, whatever the environment says.

A sum that several threads share is rounded differently from a sum of one thread, so that the bytes of a model
would depend on the number of processors and on OMP_NUM_THREADS.  OpenBLAS and MKL are supported; with another
library (Apple's Accelerate, BLIS) the number of threads stays as it is.

The number belongs to the whole process: until the last call that needs one thread ends, linear algebra in
other threads of the process has one thread too.  A call costs 2 µs.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Final, NamedTuple

from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

_FUNCTIONS: Final = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)
"""Names of the two functions in NumPy's wheels, in other builds of OpenBLAS, and in MKL."""


class _Threads(NamedTuple):
    """The library's functions that read and set the number of threads."""

    get: Callable[[], int]
    set: Callable[[int], None]


def _threads() -> _Threads | None:
    """Return the functions of the library that NumPy is linked with, or None if it is not supported."""
    library = ctypes.CDLL(_multiarray_umath.__file__)  # its lookups include the libraries it is linked with
    for get, put in _FUNCTIONS:
        if hasattr(library, get) and hasattr(library, put):
            return _Threads(getattr(library, get), getattr(library, put))
    return None


class OneThread(ContextDecorator):
    """A context in which linear algebra has one thread; reentrant, and shared by the threads of a process."""

    def __init__(self) -> None:
        self._threads = _threads()
        self._after_fork()
        os.register_at_fork(after_in_child=self._after_fork)

    def __enter__(self) -> None:
        """Set the number to 1."""
        if self._threads is None:
            return
        with self._lock:
            if not self._entered:
                self._before = self._threads.get()
                if self._before != 1:
                    self._threads.set(1)
            self._entered += 1

    def __exit__(self, *_: object) -> None:
        """Restore the number of threads if this was the last call inside the context."""
        if self._threads is None:
            return
        with self._lock:
            self._entered -= 1
            if not self._entered and self._before != 1:
                self._threads.set(self._before)

    def _after_fork(self) -> None:
        """Reset the state in a child process: a thread that held the lock exists in the parent only."""
        self._lock = threading.Lock()
        self._entered = 0
        self._before = 1


ONE_THREAD: Final = OneThread()
