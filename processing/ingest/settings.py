"""What `ingest` does, besides the columns it reads."""

from dataclasses import dataclass
from typing import Final

from fleetcast.errors import SettingError

MOST_PER_CALL: Final = 25
"""Most records that a call of BatchWriteRecord takes."""
MOST_THREADS: Final = 128
MOST_MINUTES: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """How records are sent; raises SettingError for a value that is not accepted."""

    group: str
    """The feature group's name or ARN."""
    deletes: bool = False
    """Whether customers' readings are deleted up to the time of each row."""
    threads: int = 16
    per_call: int = MOST_PER_CALL
    """Records in a call; 1 calls PutRecord instead of BatchWriteRecord."""
    max_failed_fraction: float = 0.0
    """Share of the records that may fail without an exit code of 1."""
    wait_minutes: float = 0.0
    """Time to wait after the last record, until the service has written it to the offline store."""

    def __post_init__(self) -> None:
        """Check the values."""
        if not 1 <= self.threads <= MOST_THREADS:
            raise SettingError(f"--threads must be from 1 to {MOST_THREADS}, not {self.threads}")
        if not 1 <= self.per_call <= MOST_PER_CALL:
            raise SettingError(f"--records-per-call must be from 1 to {MOST_PER_CALL}, not {self.per_call}")
        if not 0 <= self.wait_minutes <= MOST_MINUTES:
            raise SettingError(f"--wait-minutes must be from 0 to {MOST_MINUTES}, not {self.wait_minutes}")
        if not 0 <= self.max_failed_fraction <= 1:
            raise SettingError(f"--max-failed-fraction must be from 0 to 1, not {self.max_failed_fraction}")
