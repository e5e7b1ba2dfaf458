"""Several hosts of one job: who trains which customer."""

from pathlib import Path

from container import Host, Paths
from tests.unit.jobs import history, ledger, tree, write_config
from train.channel import find_customers
from train.program import train
from train.settings import TrainSettings


def of_two_hosts(base: Path, files: dict[str, str], name: str, distribution: str) -> Paths:
    """Write a channel and the configuration of a job in which this host is `name`."""
    paths = tree(base, files)
    write_config(paths, "resourceconfig", {"current_host": name, "hosts": ["algo-1", "algo-2"]})
    write_config(paths, "inputdataconfig", {"train": {"S3DistributionType": distribution}})
    return paths


def test_hosts_with_replicated_data_train_each_customer_once(tmp_path: Path) -> None:
    files = {f"{n}/data.csv": "" for n in range(7)}
    shares = []
    for name in ("algo-1", "algo-2"):
        paths = of_two_hosts(tmp_path / name, files, name, "FullyReplicated")
        shares.append({customer.name for customer in find_customers(paths, Host.from_files(paths))})

    assert shares[0] | shares[1] == {str(n) for n in range(7)}
    assert shares[0] & shares[1] == set()


def test_a_host_with_sharded_data_trains_all_that_it_has(tmp_path: Path) -> None:
    files = {f"{n}/data.csv": "" for n in range(3)}
    paths = of_two_hosts(tmp_path, files, "algo-2", "ShardedByS3Key")

    assert len(find_customers(paths, Host.from_files(paths))) == 3


def test_a_customer_with_several_sharded_objects_fails_with_the_reason(tmp_path: Path) -> None:
    files = {"whole/data.csv": history(), "torn/part-0.csv": history(), "torn/part-1.csv": history()}
    paths = of_two_hosts(tmp_path, files, "algo-1", "ShardedByS3Key")

    train(paths, TrainSettings(max_failed_fraction=1.0))

    assert ledger(paths)["whole"]["status"] == "ok"
    assert "other hosts may have the missing parts" in ledger(paths)["torn"]["reason"]


def test_a_host_without_customers_succeeds(tmp_path: Path) -> None:
    paths = tree(tmp_path, {}, growth="logistic", regressors="temperature")
    (paths.channels / "train").mkdir(parents=True)

    assert train(paths, TrainSettings.from_files(paths)) == 0
