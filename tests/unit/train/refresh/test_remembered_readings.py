"""The readings that an archive remembers, so that new ones alone suffice for the next refresh."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fleetcast.archive import Archive, pack, unpack
from tests.unit.train.refresh.jobs import (
    HOUR,
    WHOLE,
    N,
    csv,
    job,
    metadata,
    packed,
    put,
    refreshed,
    yhat,
)


def test_the_archive_remembers_readings_so_that_new_ones_suffice(tmp_path: Path) -> None:
    paths, at_once = job(tmp_path / "steps"), job(tmp_path / "once")
    put(paths, "a.csv", csv(WHOLE[: N + 24]))
    refreshed(paths)
    put(paths, "a.csv", csv(WHOLE[N + 24 :], N + 24))
    put(at_once, "a.csv", csv(WHOLE[-900 - 72 :], WHOLE.size - 900 - 72))

    refreshed(paths)
    refreshed(at_once)

    assert len(metadata(paths)["last_readings"]["values"]) <= 4900
    assert len(packed(paths)) < 10_000
    np.testing.assert_allclose(yhat(paths), yhat(at_once), rtol=1e-3)


def test_readings_that_changed_replace_the_remembered_ones_and_are_counted(tmp_path: Path) -> None:
    paths, at_once = job(tmp_path / "steps"), job(tmp_path / "once")
    put(paths, "a.csv", csv(WHOLE[: N + 24]))
    refreshed(paths)
    corrected = WHOLE.copy()
    corrected[N + 3 : N + 8] += 50
    put(paths, "a.csv", csv(corrected[N:], N))
    put(at_once, "a.csv", csv(corrected))

    row = refreshed(paths)["a"]
    refreshed(at_once)

    assert row["warnings"] == ["5 readings in the channel differ from those in the archive, and replace them"]
    np.testing.assert_allclose(yhat(paths), yhat(at_once), rtol=1e-2)


def test_a_gap_before_the_new_readings_is_a_gap(tmp_path: Path) -> None:
    paths, whole = job(tmp_path / "steps"), job(tmp_path / "whole")
    put(paths, "a.csv", csv(WHOLE[: N + 12]))
    refreshed(paths)
    put(paths, "a.csv", csv(WHOLE[N + 30 :], N + 30))
    gap = WHOLE.copy()
    gap[N + 12 : N + 30] = np.nan
    put(whole, "a.csv", csv(gap))

    refreshed(paths)
    refreshed(whole)

    np.testing.assert_allclose(yhat(paths), yhat(whole), rtol=1e-2)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        {},
        {"last": 1, "step": HOUR, "base": 0.0, "values": "?"},
        {"last": 1, "step": HOUR, "base": 0.0, "values": "AAAA"},
        {"last": 1, "step": 1, "base": 0.0, "values": "AAAAAA=="},
        {"last": 1, "step": HOUR, "base": 0.0, "values": "AADAfw=="},
        {"last": 1, "step": HOUR, "base": 0.0, "values": "AAAA" * 4000},
        {"last": 10**30, "step": HOUR, "base": 0.0, "values": "AAAAAA=="},
    ],
)
def test_remembered_readings_that_are_none_are_ignored(tmp_path: Path, entry: object) -> None:
    paths = job(tmp_path)
    archive = unpack(packed(paths))
    changed = {**archive.metadata, "last_readings": entry}
    (paths.checkpoints / "a.tar.gz").write_bytes(pack(Archive(archive.model, changed)))
    put(paths, "a.csv", csv(WHOLE))
    refreshed(paths)
    with_entry = yhat(paths)
    shutil.rmtree(tmp_path)

    without = job(tmp_path)
    put(without, "a.csv", csv(WHOLE))
    refreshed(without)

    np.testing.assert_array_equal(with_entry, yhat(without))
