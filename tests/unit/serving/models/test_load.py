import os
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fleetcast.archive import Archive, pack
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast
from serving.errors import ModelNotFoundError, RequestError
from serving.models import BringsOwnCodeError, load_packed
from serving.models.load import load
from testbed.preparation import fit_with
from tests.unit.models import DAYS, model_text, packed_model


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    (folder / "7" / "model").mkdir(parents=True)
    (folder / "7" / "model" / "model.json").write_text(model_text(7.0))
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "model.json").write_text(model_text(666.0))
    (folder / "x.tar.gz").write_bytes(packed_model(666.0))
    return folder


def level(store: Path, source: Path) -> float:
    return float(forecast(load(source, store=store).model, ForecastOptions(1))["yhat"][0])


def test_a_folder_that_sagemaker_extracted_is_loaded(store: Path) -> None:
    assert level(store, store / "7" / "model") == pytest.approx(7, rel=0.01)


def test_an_archive_file_is_loaded(store: Path) -> None:
    (store / "8.tar.gz").write_bytes(packed_model(8.0))

    assert level(store, store / "8.tar.gz") == pytest.approx(8, rel=0.01)


def test_the_store_itself_may_be_a_link(store: Path, tmp_path: Path) -> None:
    (tmp_path / "ml").symlink_to(store)

    assert level(tmp_path / "ml", tmp_path / "ml" / "7" / "model") == pytest.approx(7, rel=0.01)
    assert level(tmp_path / "ml", store / "7" / "model") == pytest.approx(7, rel=0.01)


@pytest.mark.parametrize("where", ["8/model", "7/model/nothing", "7/model/model.json/x"])
def test_a_missing_folder_is_not_found(store: Path, where: str) -> None:
    with pytest.raises(ModelNotFoundError):
        load(store / where, store=store)


@pytest.mark.parametrize(
    "url",
    [
        "{outside}",
        "{outside}/x.tar.gz",
        "{store}",
        "{store}/../outside",
        "{store}/7/../../outside",
        "{store}/7/model\0",
        "/etc/passwd",
        "http://127.0.0.1/model",
        "file:///etc/passwd",
        "relative/7",
        "",
    ],
)
def test_a_url_outside_the_store_is_refused(store: Path, outside: Path, url: str) -> None:
    with pytest.raises(RequestError, match="url must name a folder in the model store"):
        load(Path(url.format(store=store, outside=outside)), store=store)


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("what", ["folder", "parent", "file", "archive"])
def test_links_are_not_followed(store: Path, outside: Path, what: str, inside: bool) -> None:  # noqa: FBT001
    place, target = store / "linked", store / "7" / "model" if inside else outside
    if what == "folder":
        place.symlink_to(target)
    elif what == "parent":
        place.symlink_to(target.parent)
        place /= target.name
    elif what == "file":
        place.mkdir()
        (place / "model.json").symlink_to(target / "model.json")
    else:
        place.symlink_to(outside / "x.tar.gz")

    with pytest.raises(RequestError, match="links are not followed") as refused:
        load(place, store=store)
    assert not isinstance(refused.value, ModelNotFoundError)


def test_a_folder_that_becomes_a_link_while_it_is_read_leads_nowhere_else(store: Path, outside: Path) -> None:
    place, ended = store / "7" / "model", threading.Event()

    def exchange() -> None:
        while not ended.is_set():
            place.rename(store / "7" / "away")
            place.symlink_to(outside)
            place.unlink()
            (store / "7" / "away").rename(place)

    thread = threading.Thread(target=exchange)
    thread.start()
    results = set()
    try:
        for _ in range(2_000):
            try:
                results.add(round(level(store, place)))
            except RequestError as error:
                results.add(type(error).__name__)
    finally:
        ended.set()
        thread.join()

    assert results <= {7, "RequestError", "ModelNotFoundError"}


def test_a_pipe_is_refused_at_once(store: Path) -> None:
    os.mkfifo(store / "pipe")

    with pytest.raises(RequestError, match="url must name a folder"):
        load(store / "pipe", store=store)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("{}", "growth is missing"),
        ('{"learner": {}}', "growth is missing"),
        ("[" * 100_000, "type, shape or size"),
    ],
)
def test_an_unusable_model_is_refused_with_the_reason_and_without_its_path(
    store: Path, text: str, reason: str
) -> None:
    (store / "7" / "model" / "model.json").write_text(text)

    with pytest.raises(RequestError, match=reason) as refused:
        load(store / "7" / "model", store=store)
    assert str(store) not in str(refused.value)
    assert "Error" not in str(refused.value)


@pytest.mark.parametrize("others", ["", '{"learner": {}, "version": [2, 0, 0]}'])
def test_an_archive_with_code_in_place_of_a_prophet_model_has_an_error_of_its_own(
    store: Path, others: str
) -> None:
    folder = store / "7" / "model"
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").touch()
    (folder / "model.json").write_text(others) if others else (folder / "model.json").unlink()

    with pytest.raises(BringsOwnCodeError, match="ALLOW_ARCHIVE_CODE=true"):
        load(folder, store=store)


def test_code_beside_a_prophet_model_is_ignored_even_if_the_model_is_damaged(store: Path) -> None:
    folder = store / "7" / "model"
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text("raise SystemExit")
    assert level(store, folder) == pytest.approx(7, rel=0.01)
    (folder / "model.json").write_text(model_text(7.0)[:-9])

    with pytest.raises(RequestError) as refused:
        load(folder, store=store)
    assert not isinstance(refused.value, BringsOwnCodeError)


def test_a_model_with_its_history_forecasts_the_history_too() -> None:
    fitted = fit_with(DAYS, np.random.default_rng(1).normal(size=30), keep_history=True)
    assert isinstance(fitted, Model)

    table = forecast(
        load_packed(pack(Archive(dumps(fitted), {}))).model, ForecastOptions(2, include_history=True)
    )

    assert len(table["ds"]) == 32


def test_the_memory_of_a_model_grows_with_its_cached_horizon() -> None:
    loaded = load_packed(packed_model())
    before = loaded.memory_bytes

    forecast(loaded.model, ForecastOptions(30))

    assert 2_000 < before < 6_000
    assert loaded.memory_bytes > before


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, (None, "D", False)),
        ({"customer": "7", "freq": "15min", "non_negative": True}, ("7", "15min", True)),
        ({"customer": "", "freq": None, "non_negative": None}, (None, "D", False)),
        ({"customer": 7, "freq": 7, "non_negative": 1}, (None, "D", False)),
        ({"customer": ["7"], "freq": {}, "non_negative": "true"}, (None, "D", False)),
    ],
)
def test_customer_frequency_and_sign_come_from_the_archives_metadata(
    metadata: dict[str, object], expected: tuple[object, ...]
) -> None:
    forecaster = load_packed(pack(Archive(model_text(), metadata)))

    assert (forecaster.customer, forecaster.freq, forecaster.non_negative) == expected


def test_a_zip_with_the_name_of_an_archive_is_refused_without_its_path(store: Path) -> None:
    with zipfile.ZipFile(store / "9.tar.gz", "w") as file:
        file.writestr("model.json", model_text(7.0))

    with pytest.raises(RequestError, match="not gzip") as refused:
        load(store / "9.tar.gz", store=store)
    assert str(store) not in str(refused.value)
