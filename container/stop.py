"""The wish to stop: SIGTERM and SIGINT are noted, and the job ends by itself between two outcomes."""

import signal
from dataclasses import dataclass
from types import FrameType
from typing import Self


@dataclass(slots=True)
class StopRequest:
    """The first signal that asked the job to stop; 0 as long as none did."""

    signal: int = 0

    @classmethod
    def on_signals(cls) -> Self:
        """Note SIGTERM and SIGINT from now on, in place of their usual effect."""
        request = cls()
        request.listen()
        return request

    def listen(self) -> None:
        """Note both signals again, where a library has put a handler of its own in place of this one."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def is_made(self) -> bool:
        """Return whether the job has to stop."""
        return bool(self.signal)

    @property
    def exit_code(self) -> int:
        """The exit code of a program that was stopped: 128 and the number of the signal, as in shells."""
        return 128 + self.signal

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = self.signal or number
