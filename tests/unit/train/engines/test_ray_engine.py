"""Jobs over the hosts of a real Ray cluster make the archives of one machine, whatever happens to hosts."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fleetcast.errors import FleetcastError, SettingError
from testbed.ray_hosts import RayHosts, kill_host, ray_hosts
from tests.unit.jobs import archives, history, trained, tree, write_config
from tests.unit.train.engines.tasks import Measured, Misbehave, Sleep
from train.channel import Customer
from train.customer import Failed
from train.engines import LocalEngine, RayEngine, Task, cluster_hosts, connected
from train.engines.worker import Limits

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayHosts]:
    with ray_hosts(2) as hosts:
        yield hosts


@pytest.fixture
def _two_hosts(cluster: RayHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.require(2)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)


def named(count: int, *names: str) -> list[Customer]:
    return [Customer(name, ()) for name in (*(f"{number:04}" for number in range(count)), *names)]


def results(
    cluster: RayHosts,
    task: Task[Measured],
    customers: Sequence[Customer],
    *,
    limits: Limits = Limits(60),  # noqa: B008 -- it is frozen
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Measured | Failed]:
    with connected(cluster.address):
        engine = RayEngine(limits, cluster_hosts([]), Path("/nowhere"))
        yield from engine.results(task, customers, stopped=stopped)


@pytest.mark.usefixtures("_two_hosts")
@pytest.mark.parametrize("models", ["prophet", "auto"])
def test_archives_ledger_and_statistics_are_those_of_the_local_engine(tmp_path: Path, models: str) -> None:
    files = {f"{number}/data.csv": history(days=100 + number, seed=number) for number in range(12)}
    files["broken/data.csv"] = "x"
    more = {"models": models, "max_failed_fraction": "0.5"}
    on_hosts = tree(tmp_path / "ray", files, engine="ray", **more)
    at_home = tree(tmp_path / "local", files, engine="local", **more)

    ray_ledger, local_ledger = trained(on_hosts), trained(at_home)

    for rows in (ray_ledger, local_ledger):
        for row in rows.values():
            row.pop("seconds")
    assert ray_ledger == local_ledger
    assert archives(on_hosts) == archives(at_home)
    assert len(archives(on_hosts)) == (13 if models == "auto" else 12)  # the model of all customers
    for folder in ("checkpoints", "model", "output/data"):
        assert names_in(on_hosts.base / folder) == names_in(at_home.base / folder)
    if models == "auto":
        statistics = [paths.checkpoints / "fleet" / "algo-1.json" for paths in (on_hosts, at_home)]
        assert statistics[0].read_bytes() == statistics[1].read_bytes()


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.usefixtures("_two_hosts")
def test_a_second_job_finds_the_archives_of_the_first_on_this_host_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the other hosts are not, so that they do not find these checkpoints
    files = {f"{number}/data.csv": history(days=100, seed=number) for number in range(6)}
    paths = tree(Path("ml"), files, engine="ray", models="auto", keep_incumbent="true")
    first = trained(paths)
    before = archives(paths)
    (paths.checkpoints / "0.tar.gz").write_bytes(b"damaged")
    (paths.checkpoints / "1.tar.gz").unlink()

    again = trained(paths)

    assert {row["status"] for row in first.values()} == {"ok"}
    assert {name: row["status"] for name, row in again.items()} == {
        "0": "ok",
        "1": "ok",
        **dict.fromkeys("2345", "skipped"),
    }
    after = archives(paths)
    assert [name for name in before if after[name] != before[name]] == []
    assert "no choice could be read from the earlier archive" in again["0"]["warnings"][0]

    (paths.channels / "train" / "2" / "data.csv").write_text(history(days=150, seed=2))
    assert trained(paths)["2"]["incumbent"]["outcome"] in {"kept", "replaced"}


@pytest.mark.usefixtures("_two_hosts")
def test_a_customer_that_stops_its_worker_fails_alone_as_on_one_machine(cluster: RayHosts) -> None:
    customers = named(20, "raise", "kill", "sleep", "lambda")
    limits = Limits(5)

    found = list(results(cluster, Misbehave(), customers, limits=limits))

    here = LocalEngine(limits, 2).results(Misbehave(), customers)
    assert failures(found) == failures(here)
    assert set(failures(found)) == {"raise", "kill", "sleep", "lambda"}
    assert len(found) == len(customers)


def failures(found: Any) -> dict[str, str]:
    return {each.customer: each.reason for each in found if isinstance(each, Failed)}


@pytest.mark.usefixtures("_two_hosts")
def test_a_stop_ends_every_process_on_every_host(cluster: RayHosts) -> None:
    seen: list[Measured] = []

    def both_work() -> bool:
        return len({each.raylet for each in seen}) == 2

    for result in results(cluster, Sleep(0.05), named(100_000), stopped=both_work):
        assert isinstance(result, Measured)
        seen.append(result)

    assert both_work()
    assert len(seen) < 100_000
    wait_for_end({each.process for each in seen})


def wait_for_end(processes: Collection[int]) -> None:
    end = time.monotonic() + 60
    while [each for each in processes if Path(f"/proc/{each}").exists()]:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.usefixtures("_two_hosts")
def test_what_kills_the_pool_of_a_host_twice_is_given_up_and_the_host_goes_on(cluster: RayHosts) -> None:
    customers = named(30, "actor-1", "actor-2")

    found = list(results(cluster, Misbehave(), customers))

    assert Counter(each.customer for each in found) == Counter(each.name for each in customers)
    assert set(failures(found)) == {"actor-1", "actor-2"}
    assert all(
        each.startswith("2 hosts were lost while they worked on it") for each in failures(found).values()
    )


@pytest.mark.usefixtures("_two_hosts")
def test_a_host_is_killed_and_each_customer_still_has_one_result(cluster: RayHosts) -> None:
    customers = named(300)
    found: list[Measured | Failed] = []

    for result in results(cluster, Sleep(0.02), customers):
        found.append(result)
        if len(found) == 50:
            assert isinstance(result, Measured)
            kill_host(cluster.nodes()[result.raylet])

    assert Counter(each.customer for each in found) == Counter(each.name for each in customers)
    assert failures(found) == {}


@pytest.mark.usefixtures("_two_hosts")
def test_a_customer_that_takes_two_hosts_down_is_given_up_and_a_third_does_the_rest(
    cluster: RayHosts,
) -> None:
    cluster.require(3)
    customers = named(60, "host")

    found = list(results(cluster, Misbehave(), customers, stopped=cluster.reap))

    assert Counter(each.customer for each in found) == Counter(each.name for each in customers)
    assert list(failures(found)) == ["host"]
    assert failures(found)["host"].startswith("2 hosts were lost while they worked on it")


@pytest.mark.usefixtures("_two_hosts")
def test_a_job_whose_hosts_are_all_lost_ends_with_an_error(cluster: RayHosts) -> None:
    customers = named(4, *(f"host-{number}" for number in range(12)))  # more than the hosts can work on

    with pytest.raises(FleetcastError, match="all hosts of the Ray cluster are lost"):
        list(results(cluster, Misbehave(), customers, stopped=cluster.reap))


@pytest.mark.usefixtures("_two_hosts")
def test_a_job_without_an_address_or_with_a_wrong_one_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()}, engine="ray")

    monkeypatch.setenv("RAY_ADDRESS", "")
    with pytest.raises(SettingError, match="engine = ray needs RAY_ADDRESS"):
        trained(paths)
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(SettingError, match="RAY_ADDRESS = 'nonsense'"):
        trained(paths)


def test_each_host_trains_the_customers_that_sagemaker_gave_it_and_the_head_writes(
    tmp_path: Path, cluster: RayHosts
) -> None:
    cluster.require(0)
    trees = []
    for number, host in enumerate(("algo-1", "algo-2")):
        files = {f"{host} {each}/data.csv": history(seed=10 * number + each) for each in range(5)}
        files[f"split/{host}.csv"] = history(seed=99)
        paths = tree(tmp_path / host, files, engine="ray", max_failed_fraction="0.5", models="auto")
        write_config(paths, "resourceconfig", {"current_host": host, "hosts": ["algo-1", "algo-2"]})
        write_config(paths, "inputdataconfig", {"train": {"S3DistributionType": "ShardedByS3Key"}})
        cluster.add(SAGEMAKER_BASE_DIR=str(paths.base))
        trees.append(paths)

    with connected(cluster.address):  # as the hosts of a job are before it begins
        rows = trained(trees[0])

    assert Counter(row["status"] for row in rows.values()) == {"ok": 10, "failed": 1}
    assert "split over several S3 objects" in rows["split"]["reason"]
    assert sorted(archives(trees[0])) == sorted(f"{name}.tar.gz" for name in rows if name != "split")
    assert names_in(trees[0].checkpoints / "fleet") == ["algo-1.json"]
    assert not trees[1].checkpoints.exists()


@pytest.mark.usefixtures("_two_hosts")
def test_the_customers_of_a_host_that_alone_has_their_files_fail_with_it(cluster: RayHosts) -> None:
    customers = named(100)
    found: list[Measured | Failed] = []

    with connected(cluster.address):
        hosts = cluster_hosts([])
        owners = {each.name: hosts[place % 2].node for place, each in enumerate(customers)}
        engine = RayEngine(Limits(60), hosts, Path("/nowhere"), owners)
        for result in engine.results(Sleep(0.02), customers):
            found.append(result)
            if len(found) == 10:
                assert isinstance(result, Measured)
                kill_host(cluster.nodes()[result.raylet])

    assert Counter(each.customer for each in found) == Counter(each.name for each in customers)
    assert 0 < len(failures(found)) <= 50
    assert all("the only one with its files, was lost" in each for each in failures(found).values())


@pytest.mark.usefixtures("_two_hosts")
def test_a_host_that_does_not_have_the_customers_files_is_named(
    tmp_path: Path, cluster: RayHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "7.csv").write_text(history())
    monkeypatch.chdir(tmp_path)  # where the processes of the hosts are not

    with connected(cluster.address), pytest.raises(FleetcastError, match=r"does not see '7\.csv' as this"):
        cluster_hosts([Customer("7", ("7.csv",))])
