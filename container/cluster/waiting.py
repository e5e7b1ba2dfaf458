"""Waits that have an end."""

import time
from dataclasses import dataclass, field

from container.cluster.errors import StoppedError
from container.cluster.settings import POLL_SECONDS
from container.stop import StopRequest


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wait of so many seconds, which the wish to stop ends earlier."""

    seconds: float
    stop: StopRequest
    _begin: float = field(default_factory=time.monotonic)

    def goes_on(self) -> bool:
        """Sleep for a moment, and return whether there is time left.

        Raises StoppedError if the job has to stop.
        """
        if self.stop.is_made():
            raise StoppedError
        time.sleep(POLL_SECONDS)
        return time.monotonic() - self._begin < self.seconds
