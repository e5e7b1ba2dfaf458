import os
import stat
from pathlib import Path

import pytest

from container.cluster.errors import ClusterError
from container.cluster.ray_process import ObjectStore, check_length, ray_environment
from container.cluster.token import derived_token
from container.own_packages import ROOT

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("shared", "store"),
    [
        (0, ObjectStore(75 * MEGABYTE, on_disk=True)),
        (64, ObjectStore(75 * MEGABYTE, on_disk=True)),  # Docker's own
        (89, ObjectStore(75 * MEGABYTE, on_disk=True)),
        (90, ObjectStore(75 * MEGABYTE, on_disk=False)),
        (1_000, ObjectStore(800 * MEGABYTE, on_disk=False)),
        (100_000, ObjectStore(2_048 * MEGABYTE, on_disk=False)),
    ],
)
def test_the_object_store_fits_into_shared_memory_or_is_on_the_disk(shared: int, store: ObjectStore) -> None:
    assert ObjectStore.of(shared * MEGABYTE) == store


def test_a_store_on_the_disk_is_named_to_ray(tmp_path: Path) -> None:
    assert ObjectStore(1, on_disk=True).options(tmp_path)[1:] == [f"--plasma-directory={tmp_path}"]
    assert ObjectStore(1, on_disk=True).variables == {"RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1"}
    assert len(ObjectStore(1, on_disk=False).options(tmp_path)) == 1
    assert ObjectStore(1, on_disk=False).variables == {}


def test_the_token_is_in_a_file_for_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)

    with ray_environment(tmp_path, ["algo-1"]):
        file = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
        token = derived_token(before, ["algo-1"])
        assert file.read_text() == token
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert token not in os.environ.values()
        assert os.environ["RAY_AUTH_MODE"] == "token"
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert os.environ["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)

    assert dict(os.environ) == before


def test_a_token_of_the_user_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = "f" * 64
    monkeypatch.setenv("RAY_AUTH_TOKEN", own)

    with ray_environment(tmp_path, ["algo-1"]):
        assert os.environ["RAY_AUTH_TOKEN"] == own
        assert "RAY_AUTH_TOKEN_PATH" not in os.environ

    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_with_a_long_name_is_refused() -> None:
    check_length(Path("/t/ray-abcdefgh"))

    with pytest.raises(ClusterError, match="set TMPDIR to a short one"):
        check_length(Path("/a" * 30))
