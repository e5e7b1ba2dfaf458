"""The archive of a global model is loaded like any other, or refused with the reason."""

from pathlib import Path

import msgspec
import pytest

from fleetcast.archive import GLOBAL_NAME, Archive, pack, unpack
from fleetcast.global_model import GlobalModel, Part, write_global_model
from serving.errors import RequestError
from serving.http.loaded_models import LoadedModelsTable, load_stored
from serving.models import load_packed
from testbed.global_models import global_model, packed_global_model


def stored() -> bytes:
    return write_global_model(global_model())


def test_an_archive_has_the_global_models_name_and_leaves_the_step_to_it() -> None:
    found = load_packed(packed_global_model())

    assert isinstance(found.model, GlobalModel)
    assert (found.customer, found.freq, found.non_negative) == (GLOBAL_NAME, None, False)


def test_a_job_without_negative_readings_has_forecasts_without_them() -> None:
    assert load_packed(pack(Archive(stored(), {"non_negative": True}))).non_negative


def test_its_memory_is_that_of_its_arrays() -> None:
    model = global_model()
    trees = model.parts["plain"].trees

    assert model.memory_bytes == 3 * (8 + 4 + 8) + 8
    assert load_packed(packed_global_model()).memory_bytes > trees.memory_bytes > 0


@pytest.mark.parametrize("content", [b"", b"\x81\xa1x", b"{}", stored()[:-1], b"\0" + stored()], ids=len)
def test_other_bytes_are_refused_with_the_reason(content: bytes) -> None:
    with pytest.raises(RequestError, match=r"cannot be used: global_model\.msgpack: this is not a stored"):
        load_packed(pack(Archive(content, {})))


def test_a_model_that_cannot_forecast_a_history_is_refused_when_it_is_loaded() -> None:
    plain = global_model().parts["plain"]
    other = Part(plain.trees, tuple(f"{name}_" for name in plain.features))
    monthly = msgspec.structs.replace(global_model().settings, freq="MS")

    for settings, parts, reason in (
        (global_model().settings, {"stacked": plain}, "no trees for forecasts from a history"),
        (global_model().settings, {"plain": other}, "other features"),
        (monthly, {"plain": plain}, "cannot have steps of 'MS'"),
    ):
        content = write_global_model(GlobalModel(settings, parts))  # type: ignore[arg-type]
        with pytest.raises(RequestError, match=f"cannot be used: .*{reason}"):
            load_packed(pack(Archive(content, {})))


def test_the_table_of_loaded_models_keeps_the_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "g"
    folder.mkdir(parents=True)
    archive = unpack(packed_global_model())
    assert isinstance(archive.model, bytes)
    (folder / "global_model.msgpack").write_bytes(archive.model)
    table = LoadedModelsTable(tmp_path / "t.sqlite", folder=tmp_path / "models", reserve_bytes=0)

    table.load("g", str(folder))
    packed = table.read("g")

    assert packed is not None
    found = load_stored(packed.content).model
    assert isinstance(found, GlobalModel)
    assert write_global_model(found) == stored()
