"""One thread for NumPy's linear algebra while the core computes, whatever the environment says.

A sum that two threads share is rounded in another place than one that a single thread makes, so the bytes of
a model would depend on the number of processors and on OMP_NUM_THREADS.  OpenBLAS and MKL are known here; of
another library (Apple's Accelerate, BLIS) the number of threads stays what it is.

The number is one for the whole process.  It is restored when the last call that asked for one thread ends;
linear algebra that other threads of the process do meanwhile has one thread too.  Cost: 2 µs for each call.
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
    """How to read and to set the number of threads."""

    get: Callable[[], int]
    set: Callable[[int], None]


def _threads() -> _Threads | None:
    """Return the functions of the library that NumPy is linked with, or None where it has none of them."""
    library = ctypes.CDLL(_multiarray_umath.__file__)  # finds the names of what it is linked with as well
    for get, put in _FUNCTIONS:
        if hasattr(library, get) and hasattr(library, put):
            return _Threads(getattr(library, get), getattr(library, put))
    return None


class OneThread(ContextDecorator):
    """A context in which linear algebra has one thread; it may be entered again, and by several threads."""

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
        """Set the number to what it was, when this was the last call within."""
        if self._threads is None:
            return
        with self._lock:
            self._entered -= 1
            if not self._entered and self._before != 1:
                self._threads.set(self._before)

    def _after_fork(self) -> None:
        """Begin anew in a child: a thread that held the lock there is in the parent only."""
        self._lock = threading.Lock()
        self._entered = 0
        self._before = 1


ONE_THREAD: Final = OneThread()
