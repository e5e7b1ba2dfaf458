"""Rows that stay on the hosts of a real Ray cluster, and trees that the hosts fit together."""

import logging
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from fleetcast.global_model import DatedModels, Kind
from testbed.ray_hosts import RayHosts, kill_host, ray_hosts
from tests.unit.jobs import tree
from tests.unit.train.global_training.fleets import InThisProcess, daily
from train.channel import Customer, find_customers
from train.engines import HostError, RayEngine, cluster_hosts, connected
from train.global_training import rows_on_hosts, with_global_models
from train.global_training.archive import GlobalTraining
from train.global_training.draw_rows import DrawRows
from train.global_training.drawing import rows_of
from train.global_training.kept_rows import KeepRows, KeptRows, answer
from train.global_training.rows import Rows, TreesFit
from train.global_training.rows_here import RowsHere
from train.global_training.rows_on_hosts import RowsOnHosts
from train.settings import TrainSettings

pytestmark = pytest.mark.filterwarnings("default")

KINDS: tuple[Kind, ...] = ("stacked", "plain")
MANY = "300000"
"""So many rows stay on their hosts, though this small fleet has fewer."""


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for temporary files of all hosts."""
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(scope="module")
def cluster(temporary: Path) -> Iterator[RayHosts]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        with ray_hosts(2) as hosts:
            yield hosts


@pytest.fixture
def fleet(tmp_path: Path) -> tuple[list[Customer], TrainSettings]:
    paths = tree(tmp_path, daily(14), config={}, models="global", global_rows=MANY, global_rounds="60")
    return find_customers(paths), TrainSettings.from_files(paths)


@contextmanager
def engine_on(cluster: RayHosts, count: int, settings: TrainSettings) -> Iterator[RayEngine]:
    cluster.require(count)
    with connected(cluster.address):
        yield RayEngine.of(settings, cluster_hosts([]), Path("/nowhere"))


def models(found: GlobalTraining) -> DatedModels:
    own = found.settings.methods.global_models
    assert own is not None
    return own


def folders(temporary: Path) -> list[Path]:
    """Return the folders of rows that hosts have."""
    return list(temporary.glob("fleetcast-rows-*"))


def fitting() -> list[psutil.Process]:
    """Return the processes in which hosts fit trees."""
    return [each for each in psutil.Process().children(recursive=True) if is_fitting(each)]


def is_fitting(process: psutil.Process) -> bool:
    try:
        return "TreesOnHost" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def test_sums_and_counts_of_hosts_are_those_of_all_rows_in_one_place(
    fleet: tuple[list[Customer], TrainSettings],
    cluster: RayHosts,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    customers, settings = fleet
    with rows_of(InThisProcess(), customers, settings, lambda: False) as here:
        trees = here.fit(fits := training_fits(here))
        dates = sorted({fit.date for fit in fits})
        with (
            engine_on(cluster, 2, settings) as engine,
            rows_of(engine, customers, settings, lambda: False) as there,
        ):
            assert isinstance(there, RowsOnHosts)
            assert [each.customer for each in there.customers] == [each.customer for each in here.customers]
            assert all(each.stacked is each.plain is None for each in there.customers)
            for kind in KINDS:
                assert there.extent(kind) == here.extent(kind)
                np.testing.assert_array_equal(there.counts(kind, dates), here.counts(kind, dates))
            own, other = here.share_errors(trees, dates), there.share_errors(trees, dates)
            np.testing.assert_array_equal(other.rows, own.rows)
            np.testing.assert_allclose(other.sums, own.sums, rtol=1e-5)
            plain = trees["plain", dates[0]]
            errors = [rows.plain_errors(plain, dates[0], dates[1]) for rows in (here, there)]
            np.testing.assert_array_equal(np.sort(errors[1].values), np.sort(errors[0].values))
            monkeypatch.setattr(rows_on_hosts, "MOST_ERRORS", 50)
            assert there.plain_errors(plain, dates[0], dates[1]).values.size <= 100
            assert len(folders(temporary)) == 1
    assert folders(temporary) == []


def training_fits(rows: Rows) -> list[TreesFit]:
    dates = [min(each.backtest for each in rows.customers), min(each.end for each in rows.customers)]
    return [
        TreesFit(kind, date, int(count))
        for kind in KINDS
        for date, count in zip(dates, rows.counts(kind, dates), strict=True)
    ]


def test_hosts_train_the_same_models_each_time_and_hardly_others_than_one_process(
    fleet: tuple[list[Customer], TrainSettings], cluster: RayHosts, temporary: Path
) -> None:
    customers, settings = fleet
    with engine_on(cluster, 2, settings) as engine:
        found, again = (
            models(with_global_models(engine, order, settings, lambda: False))
            for order in (customers, customers[::-1])
        )
    alone = models(with_global_models(InThisProcess(), customers, settings, lambda: False))

    assert found.digest == again.digest
    assert found.digest != alone.digest
    assert found.dates == alone.dates
    rows = DrawRows(settings, 500)(customers[0]).plain
    assert rows is not None
    ours, theirs = (
        np.abs(rows.target - own.models[-1].parts["plain"].trees.predict(rows.x)).mean()
        for own in (found, alone)
    )
    assert ours < 0.9 * np.abs(rows.target).mean()  # with a quarter of the trees
    assert ours == pytest.approx(theirs, rel=0.1)
    assert folders(temporary) == []
    assert fitting() == []


def test_up_to_200_000_rows_and_on_one_host_all_is_as_on_one_machine(
    fleet: tuple[list[Customer], TrainSettings], cluster: RayHosts
) -> None:
    customers, settings = fleet
    few = replace(settings, methods=replace(settings.methods, global_rows=200_000))

    with engine_on(cluster, 2, settings) as engine, rows_of(engine, customers, few, lambda: False) as rows:
        assert isinstance(rows, RowsHere)
    one = replace(engine, hosts=engine.hosts[:1])
    with engine_on(cluster, 2, settings), rows_of(one, customers, settings, lambda: False) as rows:
        assert isinstance(rows, RowsHere)


def lose_a_host(cluster: RayHosts) -> None:
    """Kill a host, and first its part of a fit, which would end by itself only some time after the host."""
    raylet, node = next(iter(cluster.nodes().items()))
    for process in fitting():
        if process.ppid() == raylet:
            process.kill()
    kill_host(node)


def interrupted(monkeypatch: pytest.MonkeyPatch, number: int, action: Callable[[], None]) -> list[int]:
    """Let something happen once so many steps of fits are done; return a list that gets their rounds."""
    rounds: list[int] = []

    def watched(steps: Iterable[Any], **_: object) -> Iterator[Any]:
        for step in steps:
            rounds.append(step.rounds)
            if len(rounds) == number:
                action()
            yield step

    monkeypatch.setattr(rows_on_hosts, "progress", watched)
    return rounds


def test_a_fit_goes_on_from_the_last_checkpoint_on_the_hosts_that_are_left(
    fleet: tuple[list[Customer], TrainSettings],
    cluster: RayHosts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    customers, settings = fleet
    caplog.set_level(logging.INFO)
    rounds = interrupted(monkeypatch, 2, lambda: lose_a_host(cluster))

    with engine_on(cluster, 3, settings) as engine:
        found = models(with_global_models(engine, customers, settings, cluster.reap))

    assert len(found.models) == 2
    assert found.models[-1].parts["plain"].trees.roots.size == 60
    assert rounds == 4 * [20, 40, 60]
    names = "|".join(re.escape(host.name) for host in engine.hosts)
    assert re.search(
        rf"'({names})' is lost with the rows of [45] customers \(Ray counts it as dead\); the fit goes on "
        rf"from tree 40 of 60 on ({names}), ({names})$",
        caplog.text,
        re.MULTILINE,
    )
    assert fitting() == []


def test_one_host_that_is_left_fits_alone_and_its_loss_fails_the_job(
    fleet: tuple[list[Customer], TrainSettings], cluster: RayHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers, settings = fleet
    steps: list[int] = []

    def watched(items: Iterable[Any], **_: object) -> Iterator[Any]:
        for step in items:
            steps.append(step.rounds)
            if len(steps) == 2:
                lose_a_host(cluster)
            if len(steps) == 5:  # two and three steps later the other host is alone
                (process,) = fitting()
                process.kill()
            yield step

    monkeypatch.setattr(rows_on_hosts, "progress", watched)
    monkeypatch.setattr("train.engines.together.SETTLE_SECONDS", 5.0)

    with (
        engine_on(cluster, 2, settings) as engine,
        pytest.raises(HostError) as raised,
    ):
        with_global_models(engine, customers, settings, cluster.reap)

    assert len(steps) == 5
    assert re.fullmatch(
        "the model of all customers cannot be trained: processes of hosts failed, after an earlier loss: "
        "'.*' failed: .*; all TCP ports must be open between the hosts; run the same command again, or set "
        "global_rows to 200000, which needs no host but the head",
        str(raised.value),
    )
    assert fitting() == []


def test_a_fit_that_is_to_stop_ends_on_all_hosts(
    fleet: tuple[list[Customer], TrainSettings],
    cluster: RayHosts,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    customers, settings = fleet
    is_asked: list[bool] = []
    interrupted(monkeypatch, 2, lambda: is_asked.append(True))

    with engine_on(cluster, 2, settings) as engine:
        found = with_global_models(engine, customers, settings, lambda: bool(is_asked))

    assert is_asked
    assert not found.packed
    assert folders(temporary) == []
    assert fitting() == []


def test_rows_that_are_gone_are_an_error_and_not_fewer_rows(
    fleet: tuple[list[Customer], TrainSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers, settings = fleet
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    keep = KeepRows(DrawRows(settings, 500), "rows")
    kept = KeptRows([keep(customer) for customer in customers], "rows")
    assert answer(kept, "plain", "extent", "plain").rows > 0

    next((tmp_path / "rows").glob("*.plain")).unlink()

    with pytest.raises(FileNotFoundError):
        answer(kept, "plain", "extent", "plain")
