"""An archive counts once it was read back and has forecast."""

from pathlib import Path

import numpy as np
import pytest

from fleetcast.archive import Archive, pack, read_archive
from fleetcast.forecasting import ForecastOptions, forecast, loads
from tests.unit.jobs import HEADER, history, trained, tree
from train.channel import Customer
from train.customer import train_customer as customer_module
from train.settings import TrainSettings


def test_a_customer_whose_archive_could_not_be_served_is_not_ok(tmp_path: Path) -> None:
    rows = "".join(f"2025-01-{day:02},{day % 5 + 1}e307\n" for day in range(1, 32))
    paths = tree(tmp_path, {"7/data.csv": HEADER + rows}, max_failed_fraction="1", max_fallback_fraction="1")

    row = trained(paths)["7"]

    assert row["status"] != "ok"
    for path in paths.checkpoints.glob("*.tar.gz"):
        assert np.isfinite(forecast(loads(read_archive(path).model), ForecastOptions(1))["yhat"]).all()


def test_an_archive_is_read_back_before_its_customer_is_ok(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()})
    customer = Customer("7", (str(paths.channels / "train" / "7" / "data.csv"),))
    monkeypatch.setattr(customer_module, "pack", lambda archive: pack(Archive("{}", archive.metadata)))

    outcome = customer_module.fit_customer(customer, settings=TrainSettings(), checkpoints=tmp_path)

    assert outcome.status == "failed"
    assert "its archive cannot be served" in outcome.reason
