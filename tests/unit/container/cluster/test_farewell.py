from pathlib import Path

import pytest

from container.cluster.farewell import VARIABLE, Farewell, write_here


def test_what_the_head_says_is_read_as_it_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "farewell.json"
    monkeypatch.setenv(VARIABLE, str(path))
    said = Farewell(1, "missing: 'algo-3'")
    assert Farewell.read(path) is None

    write_here(said)

    assert Farewell.read(path) == said
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_an_earlier_run_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier, now = tmp_path / "earlier" / "farewell.json", tmp_path / "now" / "farewell.json"
    for path in (earlier, now):
        path.parent.mkdir()
    monkeypatch.setenv(VARIABLE, str(earlier))
    write_here(Farewell(0))

    assert Farewell.read(now) is None
