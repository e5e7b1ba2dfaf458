"""Raw files for `process`, and what it made of them."""

import csv
from pathlib import Path

from container import Paths
from processing import Columns
from processing.program import process

HEADER = "customer_id,timestamp,consumption\n"
ROWS = "7,2026-01-01,5\n7,2026-01-02,6\n"
LINES = ["2026-01-01 00:00:00,5.0", "2026-01-02 00:00:00,6.0"]


def raw(base: Path, content: str | bytes, name: str = "raw.csv") -> Paths:
    paths = Paths(base)
    path = paths.processing_input / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return paths


def written(paths: Paths) -> dict[str, list[str]]:
    """Return the lines of each customer, without the header."""
    return {
        path.parent.name: path.read_text().splitlines()[1:]
        for path in paths.processing_output.rglob("*")
        if path.is_file()
    }


def rejected(paths: Paths) -> list[tuple[str, int, str, str]]:
    """Return file, line, row and reason of each row in `rejected.csv`."""
    path = paths.base / "processing" / "rejected" / "rejected.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [(name, int(line), row, reason) for name, line, row, reason in list(csv.reader(file))[1:]]


def refused_in(base: Path, rows: str, **options: str) -> dict[int, str]:
    """Return the reasons against `rows` by line; they follow two good ones, which must be written."""
    paths = raw(base, HEADER + ROWS + rows)
    process(paths, Columns(), **options)
    assert written(paths)["7"][:2] == LINES
    return {line: reason for _, line, _, reason in rejected(paths)}
