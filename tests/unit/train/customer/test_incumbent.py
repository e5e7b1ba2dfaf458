"""A job that keeps the methods that an earlier job chose, unless new ones are better."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from container import Paths
from fleetcast.archive import Archive, pack, read_archive
from fleetcast.errors import SettingError
from tests.unit.jobs import archives, history, ledger, run_train, trained, tree, write_config
from train.methods import Methods

LONG = 200
HORIZON = 14
KEEP = {"models": "auto", "keep_incumbent": "true"}


def job(base: Path, days: int = LONG, *, seed: int = 0, **hyperparameters: str) -> dict[str, Any]:
    """Train the customer 7 with that many days of the same series; return its line in the ledger."""
    return trained(tree(base, {"7/data.csv": series(days, seed=seed)}, **(KEEP | hyperparameters)))["7"]


def series(days: int, *, seed: int = 0) -> str:
    """Return the first days of a series: more days leave the earlier ones as they are."""
    whole = history(days=400, seed=seed).splitlines()
    return "\n".join(whole[: days + 1]) + "\n"


def metadata_of(base: Path) -> dict[str, Any]:
    return dict(read_archive(Paths(base).checkpoints / "7.tar.gz").metadata)


def rewrite(base: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the metadata of the archive."""
    path = Paths(base).checkpoints / "7.tar.gz"
    archive = read_archive(path)
    metadata = json.loads(json.dumps(archive.metadata))
    change(metadata)
    path.write_bytes(pack(Archive(archive.model, metadata)))


def choose(base: Path, weights: Mapping[str, float]) -> None:
    """Pretend that the job had chosen these weights."""
    rewrite(base, lambda metadata: metadata["metrics"].update(members=dict(weights)))


def test_without_the_hyperparameter_archives_and_ledger_are_as_before(tmp_path: Path) -> None:
    off = {"models": "auto"}
    files = {"7/data.csv": series(LONG)}
    without, false = (
        tree(tmp_path / "a", files, **off),
        tree(tmp_path / "b", files, **off, keep_incumbent="no"),
    )

    row = trained(without)["7"]
    trained(false)

    assert archives(without) == archives(false)
    assert "incumbent" not in row
    assert "incumbent" not in metadata_of(tmp_path / "a")
    assert "keep_incumbent" not in metadata_of(tmp_path / "a")["hyperparameters"]


def test_rows_without_a_reading_are_no_other_spacing(tmp_path: Path) -> None:
    def sparse(days: int) -> str:
        header, *rows = series(days).splitlines()
        kept = (row if i % 2 == 0 else row.split(",")[0] + "," for i, row in enumerate(rows))
        return "\n".join([header, *kept]) + "\n"

    trained(tree(tmp_path, {"7/data.csv": sparse(LONG)}, **KEEP))
    row = trained(tree(tmp_path, {"7/data.csv": sparse(LONG + 4 * HORIZON)}, **KEEP))["7"]

    assert metadata_of(tmp_path)["freq"] == "D"
    assert "spacing" not in row["incumbent"]["reason"]
    assert row["incumbent"]["error"] > 0


def test_the_first_job_chooses_and_another_one_with_the_same_readings_skips(tmp_path: Path) -> None:
    first = job(tmp_path)
    before = archives(Paths(tmp_path))
    second = job(tmp_path)

    assert first["incumbent"] == {"outcome": "none", "seen_until": "2025-07-19T06:00:00"}
    assert (first["status"], second["status"]) == ("ok", "skipped")
    assert second["incumbent"] == first["incumbent"]
    assert archives(Paths(tmp_path)) == before


def test_the_choice_stays_and_the_model_is_fitted_to_all_readings(tmp_path: Path) -> None:
    first = job(tmp_path)
    second = job(tmp_path, LONG + 3)

    assert second["status"] == "ok"
    assert second["members"] == pytest.approx(first["members"], abs=2e-6)  # they are rounded, and sum to 1
    assert second["incumbent"]["outcome"] == "kept"
    assert "too few readings" in second["incumbent"]["reason"]
    assert second["incumbent"]["seen_until"] == first["incumbent"]["seen_until"]
    assert metadata_of(tmp_path)["rows"] == LONG + 3
    assert metadata_of(tmp_path)["incumbent"] == second["incumbent"]


def test_jobs_more_frequent_than_a_horizon_compare_once_their_readings_add_up_to_it(tmp_path: Path) -> None:
    first = job(tmp_path)
    choose(tmp_path, {"difference_autoregression": 1.0})

    outcomes = [job(tmp_path, LONG + day)["incumbent"] for day in range(4, HORIZON + 5, 5)]

    assert [each["outcome"] for each in outcomes] == ["kept", "kept", "replaced"]
    assert ["error" in each for each in outcomes] == [False, False, True]
    assert outcomes[2]["challenger_error"] < 0.95 * outcomes[2]["error"]
    assert outcomes[1]["seen_until"] == first["incumbent"]["seen_until"]
    assert outcomes[2]["seen_until"] == "2025-08-02T06:00:00"


def test_a_replaced_choice_is_the_one_of_a_job_without_an_earlier_archive(tmp_path: Path) -> None:
    job(tmp_path)
    choose(tmp_path, {"difference_autoregression": 1.0})
    replaced = job(tmp_path, LONG + HORIZON)
    fresh = job(tmp_path / "fresh", LONG + HORIZON)
    fingerprints = {metadata_of(base)["fingerprint"] for base in (tmp_path, tmp_path / "fresh")}

    assert replaced["incumbent"]["outcome"] == "replaced"
    assert len(fingerprints) == 2  # the hash of the earlier archive stands in one of them
    assert replaced["members"] == fresh["members"]
    assert replaced["backtest"] == fresh["backtest"]


def test_a_kept_choice_has_the_same_weights_for_ever(tmp_path: Path) -> None:
    weights = {"profile": 0.333333, "median": 0.333333, "prophet": 0.333333}
    job(tmp_path)
    choose(tmp_path, weights)

    kept = [job(tmp_path, LONG + day)["members"] for day in (1, 2, 3)]

    assert kept[0] == kept[1] == kept[2]
    assert kept[0] == pytest.approx(weights, abs=2e-6)
    assert sum(kept[0].values()) == pytest.approx(1, abs=1e-12)


def test_a_second_and_a_third_run_of_the_second_job_skip(tmp_path: Path) -> None:
    job(tmp_path)
    second = job(tmp_path, LONG + 3)
    before = archives(Paths(tmp_path))
    third, fourth = job(tmp_path, LONG + 3), job(tmp_path, LONG + 3)

    assert (second["status"], third["status"], fourth["status"]) == ("ok", "skipped", "skipped")
    assert archives(Paths(tmp_path)) == before
    assert fourth["incumbent"] == second["incumbent"]


def test_a_restart_half_way_skips_what_the_job_wrote_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    files = [{f"{name}/data.csv": series(days, seed=name) for name in range(4)} for days in (LONG, LONG + 20)]
    trained(tree(tmp_path, files[0], **KEEP))
    paths = tree(tmp_path, files[1], **KEEP)
    earlier = archives(paths)
    trained(paths)
    complete = archives(paths)
    for name in ("2.tar.gz", "3.tar.gz"):  # as if the job had been killed before these
        (paths.checkpoints / name).write_bytes(earlier[name])

    rows = trained(paths)

    assert [rows[str(name)]["status"] for name in range(4)] == ["skipped", "skipped", "ok", "ok"]
    assert archives(paths) == complete
    assert {row["incumbent"]["outcome"] for row in rows.values()} <= {"kept", "replaced"}


def test_hosts_that_share_the_customers_write_the_same_archives_as_one(tmp_path: Path) -> None:
    files = [{f"{name}/data.csv": series(days, seed=name) for name in range(5)} for days in (LONG, LONG + 20)]
    one = tree(tmp_path / "one", files[0], **KEEP)
    trained(one)
    hosts = [tree(tmp_path / name, files[1], **KEEP) for name in ("algo-1", "algo-2")]
    for paths, name in zip(hosts, ("algo-1", "algo-2"), strict=True):
        shutil.copytree(one.checkpoints, paths.checkpoints)  # SageMaker copies all archives to each host
        write_config(paths, "resourceconfig", {"current_host": name, "hosts": ["algo-1", "algo-2"]})
        write_config(paths, "inputdataconfig", {"train": {"S3DistributionType": "FullyReplicated"}})
        trained(paths)
    trained(tree(tmp_path / "one", files[1], **KEEP))

    together = {}
    for paths in hosts:
        own = [f"{customer}.tar.gz" for customer in ledger(paths)]
        together |= {name: content for name, content in archives(paths).items() if name in own}
    assert together == archives(one)


def test_an_archive_of_another_customer_is_left_alone_with_a_warning(tmp_path: Path) -> None:
    job(tmp_path)
    rewrite(tmp_path, lambda metadata: metadata.update(customer="8"))

    row = job(tmp_path, LONG + 3)

    assert row["status"] == "ok"
    assert row["incumbent"]["outcome"] == "none"
    assert any("chosen anew" in warning and "did not write it" in warning for warning in row["warnings"])


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"PK\x03\x04 something else"])
def test_a_damaged_archive_is_replaced_with_a_warning_by_the_bytes_of_a_first_job(
    tmp_path: Path, content: bytes
) -> None:
    job(tmp_path)
    before = archives(Paths(tmp_path))
    (Paths(tmp_path).checkpoints / "7.tar.gz").write_bytes(content)

    row = job(tmp_path)

    assert row["incumbent"]["outcome"] == "none"
    assert any("chosen anew" in warning for warning in row["warnings"])
    assert archives(Paths(tmp_path)) == before


def test_hostile_metadata_of_an_earlier_choice_stops_no_fit(tmp_path: Path) -> None:
    job(tmp_path)
    rewrite(tmp_path, lambda metadata: metadata.update(freq={"a": 1}, incumbent={"sha256": "\ud800"}))

    row = job(tmp_path, LONG + 3)

    assert (row["status"], row["incumbent"]["outcome"]) == ("ok", "kept")


def test_a_naive_archive_has_no_choice_and_needs_no_warning(tmp_path: Path) -> None:
    one = tree(
        tmp_path, {"7/data.csv": "timestamp,consumption\n2025-01-01,5\n"}, **KEEP, max_fallback_fraction="1"
    )
    naive = trained(one)["7"]
    row = job(tmp_path)

    assert naive["engine"] == "naive"
    assert naive["incumbent"] == {"outcome": "none"}
    assert row["incumbent"]["outcome"] == "none"
    assert "warnings" not in row


@pytest.mark.parametrize("engine", ["fleetcast", "prophet"])
def test_prophets_model_alone_is_an_earlier_choice_that_can_be_compared_at_once(
    tmp_path: Path, engine: str
) -> None:
    trained(tree(tmp_path, {"7/data.csv": series(LONG)}))
    rewrite(tmp_path, lambda metadata: metadata.update(engine=engine))

    kept = job(tmp_path, champion_margin="0.9")["incumbent"]
    again = job(tmp_path, LONG + 1, champion_margin="0")["incumbent"]

    assert kept["outcome"] == "kept"
    assert "seen_until" not in kept
    assert {"error", "challenger_error"} <= kept.keys() & again.keys()


@pytest.mark.parametrize("models", ["prophet+correction", "auto"])
def test_an_archive_of_a_job_that_kept_nothing_has_a_choice(tmp_path: Path, models: str) -> None:
    trained(tree(tmp_path, {"7/data.csv": series(LONG)}, models=models))

    row = job(tmp_path, LONG + 3, champion_margin="1")

    assert row["incumbent"]["outcome"] == "kept"
    assert ("error" in row["incumbent"]) == (models != "auto")  # which has seen all but three readings


def test_another_spacing_of_the_readings_replaces_the_choice(tmp_path: Path) -> None:
    job(tmp_path)
    rewrite(tmp_path, lambda metadata: metadata.update(freq="h"))

    row = job(tmp_path, LONG + 3)

    assert row["incumbent"]["outcome"] == "replaced"
    assert "another spacing" in row["incumbent"]["reason"]


def test_a_champion_replaces_a_weighted_mean(tmp_path: Path) -> None:
    job(tmp_path)
    choose(tmp_path, {"profile": 0.5, "median": 0.5})

    row = job(tmp_path, LONG + 3, models="champion")

    assert row["incumbent"]["outcome"] == "replaced"
    assert "the job does not allow" in row["incumbent"]["reason"]
    assert list(row["members"].values()) == [1.0]


def test_a_history_that_became_too_short_for_backtests_has_no_choice(tmp_path: Path) -> None:
    job(tmp_path)

    row = job(tmp_path, 19)
    again = job(tmp_path, 19)

    assert row["incumbent"]["outcome"] == "none"
    assert row["incumbent"]["reason"] == "no methods were compared"
    assert again["status"] == "skipped"


def test_readings_that_were_held_out_are_not_forecast_by_a_choice_that_saw_them(tmp_path: Path) -> None:
    job(tmp_path)
    choose(tmp_path, {"difference_autoregression": 1.0})
    seen = job(tmp_path, LONG + 3, holdout="10D")["holdout"]
    fresh = job(tmp_path / "fresh", LONG + 3, holdout="10D")["holdout"]

    assert seen == fresh


def test_readings_that_were_held_out_are_forecast_by_a_choice_that_did_not_see_them(tmp_path: Path) -> None:
    job(tmp_path)
    choose(tmp_path, {"difference_autoregression": 1.0})
    unseen = job(tmp_path, LONG + 3, holdout="2D")["holdout"]
    fresh = job(tmp_path / "fresh", LONG + 3, holdout="2D")["holdout"]

    assert unseen["mae"] != fresh["mae"]


def test_the_figures_count_kept_and_replaced_choices_also_of_skipped_customers(tmp_path: Path) -> None:
    job(tmp_path)
    job(tmp_path, LONG + 3)

    code, log = run_train(Paths(tmp_path))

    assert code == 0
    assert "customers_skipped=1;" in log
    assert "incumbents_kept=1; incumbents_replaced=0;" in log


def test_without_the_hyperparameter_there_are_no_such_figures(tmp_path: Path) -> None:
    _, log = run_train(tree(tmp_path, {"7/data.csv": series(LONG)}, models="auto"))

    assert "incumbents" not in log


@pytest.mark.parametrize(
    "models", ["prophet", "prophet+correction", "global", '["median"]', '["median", "median"]']
)
def test_a_job_without_a_choice_cannot_keep_one(models: str) -> None:
    with pytest.raises(SettingError, match="keep_incumbent needs models with a choice: auto, champion or"):
        Methods.read({"models": models, "keep_incumbent": "true"})
