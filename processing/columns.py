"""The names of the columns of the raw table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns and rows of the raw table are read."""

    customer_id: str = "customer_id"
    timestamp: str = "timestamp"
    value: str = "consumption"
    regressors: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    """Pairs (column, text): only rows that have this text in this column are read."""

    def names(self) -> tuple[str, ...]:
        """Return the required columns: customer, time, value, regressors, those of `where`."""
        conditions = (column for column, _ in self.where)
        return (self.customer_id, self.timestamp, self.value, *self.regressors, *conditions)
