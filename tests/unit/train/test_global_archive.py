"""A job's global model becomes an archive beside those of its customers, under a name of its own."""

from pathlib import Path

from fleetcast.archive import GLOBAL_NAME, BundleWriter, read_bundle, unpack
from fleetcast.global_model import write_global_model
from serving.models import load_packed
from testbed.global_models import global_model
from tests.unit.jobs import history, tree
from train.channel import find_customers
from train.customer import FitCustomer
from train.engines import LocalEngine
from train.global_archive import NAME_IS_TAKEN, without_global_name, write_global_archive
from train.settings import TrainSettings


def written(folder: Path, *, non_negative: bool = False) -> bytes:
    with BundleWriter(folder / "fleet-algo-1.sqlite") as bundle:
        write_global_archive(global_model(), folder, bundle, non_negative=non_negative)
        bundle.finish()
    return (folder / f"{GLOBAL_NAME}.tar.gz").read_bytes()


def test_the_archive_and_the_entry_of_the_bundle_are_the_same_bytes(tmp_path: Path) -> None:
    packed = written(tmp_path)

    assert list(read_bundle(tmp_path / "fleet-algo-1.sqlite")) == [(GLOBAL_NAME, packed)]
    assert unpack(packed).model == write_global_model(global_model())
    assert unpack(packed).metadata == {"customer": GLOBAL_NAME, "freq": "h"}


def test_equal_models_have_equal_archives(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    assert written(tmp_path) == written(tmp_path / "other")


def test_serving_loads_the_archive_with_the_jobs_floor(tmp_path: Path) -> None:
    assert load_packed(written(tmp_path, non_negative=True)).non_negative
    assert not load_packed(written(tmp_path)).non_negative


def test_a_customer_with_the_name_of_the_archive_fails_alone_with_what_to_do(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history(), f"{GLOBAL_NAME}/data.csv": history()})
    customers = without_global_name(find_customers(paths))
    engine = LocalEngine.of(TrainSettings())

    results = engine.results(FitCustomer(TrainSettings(), tmp_path), customers, stopped=lambda: False)

    outcomes = {each.customer: each for each in results}
    assert outcomes["7"].status == "ok"
    assert (outcomes[GLOBAL_NAME].status, outcomes[GLOBAL_NAME].reason) == ("failed", NAME_IS_TAKEN)
