"""Where archives come from, what ends a job, and the real program."""

import json
import os
import shutil
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetcast.archive import Archive, pack, write_archive
from fleetcast.errors import InputError
from fleetcast.evaluation import Holdout
from fleetcast.global_model import write_global_model
from pipeline.evaluate.archives import Archives
from pipeline.evaluate.customer import EvaluateCustomer
from pipeline.evaluate.job import Inputs, evaluate
from pipeline.evaluate.program import main
from testbed.server import installed
from tests.unit.fleetcast.global_model.fleets import plain_model
from tests.unit.pipeline.evaluate.fleets import NEW, TRAINED, csv, evaluated, fleet, put, series
from train.channel import Customer
from train.customer import Failed
from train.engines import LocalEngine
from train.settings import TrainSettings

Y = series()
BEFORE = csv(Y[:TRAINED])


def model_tar(folder: Path, bundle: Path) -> Path:
    """Write what SageMaker makes of a training job's folder `model`."""
    folder.mkdir()
    with tarfile.open(folder / "model.tar.gz", "w:gz") as members:
        for path in (bundle, bundle.with_name("summary.json")):
            members.add(path, f"./{path.name}")
        members.add(bundle, "elsewhere/fleet-other.sqlite")
    return folder


def test_archives_bundle_and_model_tar_gz_give_the_same_figures(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": BEFORE, "8": BEFORE})
    bundle = paths.model / "fleet-algo-1.sqlite"
    packed = model_tar(tmp_path / "packed", bundle)

    results = [
        evaluated(paths, {"7": csv(Y)}, model=each) for each in (paths.checkpoints, paths.model, packed)
    ]

    assert [lines.keys() for _, lines, _ in results] == [{"7", "8"}] * 3
    assert results[0][0] == results[1][0] == results[2][0]
    assert results[0][0]["fleet"]["customers_evaluated"] == {"value": 1}


def test_an_archive_of_a_customer_called_model_is_a_customers(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"model": BEFORE})

    _, lines, _ = evaluated(paths, {"model": csv(Y)})

    assert lines["model"]["readings"] == NEW


def test_the_model_of_all_customers_is_no_customer(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": BEFORE})
    archive = pack(Archive(write_global_model(plain_model()), {}))
    write_archive(paths.checkpoints, "global_model", archive)

    _, lines, _ = evaluated(paths, {"7": csv(Y)})

    assert lines.keys() == {"7"}


def test_a_customers_name_leads_to_no_file_outside(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": BEFORE})
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "8.tar.gz").symlink_to(paths.checkpoints / "7.tar.gz")
    archives = Archives(inside, ())

    assert archives.find("../checkpoints/7") is None
    assert archives.find("8") is None


def test_a_damaged_model_tar_gz_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"\x1f\x8b damaged")

    with pytest.raises(InputError, match=r"model\.tar\.gz' is damaged"):
        Archives.of(tmp_path, tmp_path)


@pytest.mark.parametrize("missing", ["model", "actuals"])
def test_a_missing_input_is_named(tmp_path: Path, missing: str) -> None:
    paths = fleet(tmp_path, {"7": BEFORE})
    put(tmp_path / "actuals", {"7": csv(Y)})
    inputs = Inputs(paths.checkpoints, tmp_path / "actuals", tmp_path / "history")
    shutil.rmtree(getattr(inputs, missing))

    with pytest.raises(InputError, match="there is no folder"):
        evaluate(paths, inputs, TrainSettings(), horizon=Holdout())


@dataclass(frozen=True)
class Slow(EvaluateCustomer):
    """The task of an evaluation in which one customer takes for ever."""

    def __call__(self, customer: Customer) -> object:  # type: ignore[override]
        """Evaluate a customer, or sleep."""
        if customer.name == "slow":
            time.sleep(3600)
        return EvaluateCustomer.__call__(self, customer)


def test_a_customer_that_takes_too_long_fails_alone(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": BEFORE, "slow": BEFORE})
    put(tmp_path / "actuals", {"7": csv(Y), "slow": csv(Y)})
    settings = TrainSettings(workers=2, customer_timeout_seconds=2)
    task = Slow(settings, Archives(paths.checkpoints, ()), Holdout())
    customers = [Customer(name, (str(tmp_path / "actuals" / name / "data.csv"),)) for name in ("7", "slow")]

    outcomes = {each.customer: each for each in LocalEngine.of(settings).results(task, customers)}  # type: ignore[attr-defined]

    assert outcomes["7"].status == "ok"  # type: ignore[attr-defined]
    assert isinstance(outcomes["slow"], Failed)
    assert "customer_timeout_seconds" in outcomes["slow"].reason


def test_a_stopped_job_leaves_no_figures_and_none_of_an_earlier_job(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": BEFORE})
    evaluated(paths, {"7": csv(Y)})
    inputs = Inputs(paths.checkpoints, paths.processing_input / "actuals", tmp_path / "history")

    figures = evaluate(paths, inputs, TrainSettings(), horizon=Holdout(), stopped=lambda: True)

    assert figures is None
    assert list((paths.processing_output / "evaluation").iterdir()) == []


def run(base: Path, *options: str) -> tuple[int, list[str]]:
    """Run the real program; return its exit code and its log lines."""
    done = subprocess.run(
        [*installed("evaluate"), *options],
        env=os.environ | {"SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr.splitlines()


def test_the_program_logs_its_figures_as_metrics(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": BEFORE, "8": BEFORE})
    put(paths.processing_input / "actuals", {"7": csv(Y), "8": csv(Y)})
    (paths.processing_input / "model").symlink_to(paths.checkpoints)

    code, lines = run(tmp_path)

    content = json.loads((paths.processing_output / "evaluation" / "evaluation.json").read_text())
    assert code == 0
    assert f"evaluation_mase={content['regression_metrics']['mase']['value']:.6f}".rstrip("0") in lines[-1]
    assert "mase_ratio_to_naive=" in lines[-1]
    assert any("2 of 2 customers evaluated" in line for line in lines)
    assert any("horizon: the last new reading is 14 steps after" in line for line in lines)


def test_a_job_without_any_figure_fails(tmp_path: Path) -> None:
    paths = fleet(tmp_path, {"7": BEFORE})
    put(paths.processing_input / "actuals", {"7": BEFORE})

    code, lines = run(tmp_path, "--model", str(paths.checkpoints))

    assert code == 1
    assert lines[-1].endswith("none of 1 customers could be evaluated; evaluation.jsonl says why")
    assert (paths.processing_output / "evaluation" / "evaluation.jsonl").is_file()
    assert "none of 1 customers" in (paths.base / "output" / "message").read_text()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--horizon", "soon"), "--horizon must look like 7D, 48h, 2W, 90min or 100 (rows), not 'soon'"),
        (("--horizon", "0"), "--horizon must be above 0, not '0'"),
        (("--horizon", "0h"), "--horizon must be above 0, not '0h'"),
        (("--history", "nowhere"), "there is no folder 'nowhere', which --history names"),
        (("--decimal", ";"), "--decimal must"),
        (("--customer-memory-mb", "1"), "--customer-memory-mb must be at least 512, not 1"),
    ],
)
def test_a_bad_option_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    options: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["fleetcast evaluate", *options])

    code = main()

    assert (code, reason in caplog.messages[-1]) == (1, True), caplog.messages
