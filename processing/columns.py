"""What the columns of the raw table are called."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of the raw table that are read, and which of its rows."""

    customer_id: str = "customer_id"
    timestamp: str = "timestamp"
    value: str = "consumption"
    regressors: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    """Pairs (column, text): only rows that have this text in this column are read."""

    def names(self) -> tuple[str, ...]:
        """Return every column that must be there: customer, time, value, regressors, those of `where`."""
        wanted = (self.customer_id, self.timestamp, self.value, *self.regressors)
        return wanted + tuple(column for column, _ in self.where)
