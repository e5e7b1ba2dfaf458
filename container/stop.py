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

        def note(number: int, _: FrameType | None) -> None:
            request.signal = request.signal or number

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, note)
        return request

    def is_made(self) -> bool:
        """Return whether the job has to stop."""
        return bool(self.signal)
