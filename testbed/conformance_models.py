"""The models that the suite asks for: `python -m testbed.conformance_models DIR` writes them below DIR."""

import sys
from pathlib import Path

import numpy as np

from fleetcast.archive import Archive, pack
from fleetcast.forecasting import dumps, fit

GOOD = ("one", "two", "three")


def write(folder: Path) -> None:
    """Write <name>/model/model.json for three models that differ, and one that is broken."""
    ds = np.datetime64("2025-01-01") + np.arange(120)
    for level, name in enumerate(GOOD, start=1):
        y = 100.0 * level + 10 * np.sin(np.arange(120) * 2 * np.pi / 7)
        text = dumps(fit(ds, y + np.random.default_rng(level).normal(0, 1, 120)))
        _write(folder / name / "model" / "model.json", text.encode())
        _write(folder / "archives" / f"{name}.tar.gz", pack(Archive(text, {"customer": name})))
    _write(folder / "broken" / "model" / "model.json", b'{"growth": ')
    (folder / "empty" / "model").mkdir(parents=True, exist_ok=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
