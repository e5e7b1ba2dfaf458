"""Turns columns of Parquet files into texts: which types can be read, and the SQL that reads them."""

from typing import Final

from processing.raw_files.batch import Batch

FLOATS: Final = ("FLOAT", "DOUBLE")
_NESTED: Final = ("STRUCT", "MAP", "UNION", "VARIANT")


def is_nested(kind: str) -> bool:
    """Return whether a DuckDB type has parts, so that it is no cell."""
    return kind.startswith(_NESTED) or kind.endswith("]")


def quoted_name(column: str) -> str:
    """Return a column's name as SQL has it."""
    return '"' + column.replace('"', '""') + '"'


def cell_text(column: str, kind: str) -> str:
    """Return the SQL of a column's text; NULL becomes '', and whole floats become whole numbers."""
    name = quoted_name(column)
    text = f"coalesce(CAST({name} AS VARCHAR), '')"
    if kind not in FLOATS:
        return text
    whole = f"isfinite({name}) AND {name} = trunc({name}) AND abs({name}) < 1e18"
    return f"CASE WHEN {whole} THEN CAST(CAST({name} AS BIGINT) AS VARCHAR) ELSE {text} END"


def batch_of(rows: list[tuple[str, ...]], first: int) -> Batch:
    """Return fetched rows of texts as a batch; `first` is the number of the first row."""
    columns = list(zip(*rows, strict=True))
    return Batch(columns, range(first, first + len(rows)), lambda place: ",".join(rows[place]))
