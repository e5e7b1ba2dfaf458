"""A customer whose forecast several methods make, from raw readings to both ways of asking over HTTP."""

from pathlib import Path

import numpy as np
import pytest

from container import Paths
from fleetcast.archive import read_archive
from fleetcast.forecasting import ForecastOptions, forecast, loads
from testbed.server import serving_plain
from tests.integration.gunicorn_endpoint import ask
from tests.unit.jobs import history, run_train, tree


def test_an_endpoint_forecasts_what_the_backtests_chose(tmp_path: Path) -> None:
    files = {f"{number}/data.csv": history(days=200, seed=number) for number in range(3)}
    paths = tree(tmp_path / "job", files, models="auto", intervals="calibrated")
    code, log = run_train(paths)
    assert code == 0, log
    served = Paths(tmp_path / "served")
    served.model.mkdir(parents=True)
    for archive in paths.checkpoints.glob("*.tar.gz"):
        (served.model / archive.name).write_bytes(archive.read_bytes())
    question = {"period": 21, "quantiles": [0.1, 0.9]}

    with serving_plain(served.base) as server:
        alone = ask(server, {"target_model": "1"} | question).json["predictions"]
        together = ask(
            server, {"requests": [{"target_model": str(number)} | question for number in range(3)]}
        ).json
        components = ask(server, {"target_model": "1", "period": 3, "components": True}).json["predictions"]

    model = loads(read_archive(paths.checkpoints / "1.tar.gz").model)
    expected = forecast(model, ForecastOptions(21, "D", quantiles=(0.1, 0.9)))
    assert [row["yhat"] for row in alone] == pytest.approx(expected["yhat"], rel=1e-9)
    assert [row["yhat_0.1"] for row in alone] == pytest.approx(expected["yhat_0.1"], rel=1e-9)
    assert together["responses"][1]["predictions"] == alone
    prophets = np.array([row["yhat"] - row["correction"] for row in components])
    assert not np.allclose(prophets, expected["yhat"][:3])
