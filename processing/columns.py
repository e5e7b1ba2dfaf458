"""The names of the columns of the raw table."""

from dataclasses import dataclass

from container import quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns and rows of the raw table are read."""

    customer_id: str = "customer_id"
    timestamp: str = "timestamp"
    value: str | None = "consumption"
    """None where rows have a customer and a time only, as deletions have."""
    regressors: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    """Pairs (column, text): only rows that have this text in this column are read."""
    since: str = ""
    """Only readings of this time or later count, such as `2026-01-31 00:00:00` in UTC; empty for all."""
    before: str = ""
    """Only readings before this time count; empty for all."""

    def names(self) -> tuple[str, ...]:
        """Return the required columns: customer, time, value, regressors, those of `where`."""
        conditions = (column for column, _ in self.where)
        return (self.customer_id, self.timestamp, *self.numbers(), *conditions)

    def numbers(self) -> tuple[str, ...]:
        """Return the columns that hold numbers: value, regressors."""
        return self.regressors if self.value is None else (self.value, *self.regressors)

    def selection(self) -> str:
        """Return the options that leave rows out, in words: which rows are left out."""
        conditions = [f"{quoted(name)} is not {quoted(text)}" for name, text in self.where]
        words = [f"--where {' or '.join(conditions)}"] if conditions else []
        words += [f"before --since {self.since}"] if self.since else []
        words += [f"not --before {self.before}"] if self.before else []
        return "; ".join(words)
