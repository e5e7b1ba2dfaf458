"""Trees that several hosts fit together by XGBoost's collective, each to rows of its own.

The hosts build the same tree: for each split they add up their histograms, over TCP.  XGBoost ends a process,
or leaves it in an unknown state, once another one fails; so each host has a process for one fit and nothing
else.  The trees come here after some rounds each: where a host is lost, the fit goes on from them.
"""

import os
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from container.cluster import TRACKER_PORTS
from fleetcast.errors import FleetcastError
from fleetcast.global_model import Kind, TrainingRows, Trees, trees_of
from train.engines import RayHost, actor_on, all_answers, kill_actors
from train.global_training.draw_rows import features_of
from train.global_training.fit_trees import data_of, parameters_of
from train.global_training.kept_rows import KeptRows
from train.global_training.rows import TreesFit
from train.tree_settings import TreeSettings

ROUNDS_PER_STEP: Final = 20
"""After so many rounds the trees come here."""
STEP_SECONDS: Final = 600.0
"""How long hosts may take to load their rows, or for a step."""
COLLECTIVE_SECONDS: Final = 60
"""How long a host waits for the others within a round, and for connections to them."""
RETRIES: Final = 2
PORT_SECONDS: Final = 60.0
"""How long to look for a free port of `TRACKER_PORTS`: the kernel keeps one for as long after its use."""
MOST_REASON_CHARACTERS: Final = 300


_NONE: Final = TrainingRows.together([], 1)


class CollectiveError(FleetcastError):
    """XGBoost on this host could not go on."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a fit can go on from."""

    rounds: int = 0
    """How many trees there are."""
    booster: bytes = b""
    """XGBoost's model of them."""

    def trees(self) -> Trees:
        """Return the trees."""
        import xgboost  # noqa: PLC0415 - an extra, which only this needs

        return trees_of(bytes(xgboost.Booster(model_file=bytearray(self.booster)).save_raw("json")))


def fit_on_hosts(
    hosts: Mapping[RayHost, KeptRows],
    fit: TreesFit,
    settings: TreeSettings,
    start: Checkpoint,
    check: Callable[[], None],
) -> Generator[Checkpoint, None, None]:
    """Go on with a fit on all hosts, each of which has a row of it; yield a checkpoint after each step.

    `check` is called all the time and may raise.  Raises LostError where a host does not do its part.
    """
    actors = {
        host: actor_on(
            host, TreesOnHost, kept, fit.kind, fit.date, parameters_of(settings, threads=host.workers)
        )
        for host, kept in hosts.items()
    }
    first = next(iter(actors))

    def together(calls: Mapping[RayHost, Any]) -> dict[RayHost, Any]:
        return all_answers(calls, seconds=STEP_SECONDS, check=check)

    try:
        together({host: actor.load.remote() for host, actor in actors.items()})
        group: Mapping[str, Any] = {}
        if len(actors) > 1:
            group = together({first: actors[first].track.remote(len(actors))})[first]
        joins = {
            host: actor.join.remote(place, group, start.booster)
            for place, (host, actor) in enumerate(actors.items())
        }
        together(joins)
        for begin in range(start.rounds, settings.rounds, ROUNDS_PER_STEP):
            end = min(begin + ROUNDS_PER_STEP, settings.rounds)
            boosters = together({host: actor.advance.remote(begin, end) for host, actor in actors.items()})
            yield Checkpoint(end, boosters[first])
        together({host: actor.leave.remote() for host, actor in actors.items()})
    finally:
        kill_actors(actors.values())


class TreesOnHost:
    """A host's part of one fit, in a process of its own."""

    def __init__(self, kept: KeptRows, kind: Kind, date: int, parameters: Mapping[str, Any]) -> None:
        _be_silent()
        # threads that wait for others would spin, which costs more than it gains beside other processes
        os.environ["OMP_WAIT_POLICY"] = "passive"
        self._kept, self._kind, self._date = kept, kind, date
        self._parameters = dict(parameters)
        self._place = 0
        self._rows = _NONE
        self._data: Any = None
        self._booster: Any = None
        self._tracker: Any = None

    def load(self) -> None:
        """Read this host's rows up to the date."""
        parts = [rows.until(self._date) for rows in self._kept.load(self._kind)]
        self._rows = TrainingRows.together(parts, len(features_of(self._kept.customers, self._kind)))

    def track(self, hosts: int) -> dict[str, Any]:
        """Bring so many hosts together at this one; return what they need for it."""
        import ray  # noqa: PLC0415 -- an extra

        self._tracker = _tracker(ray.util.get_node_ip_address(), hosts)
        arguments: dict[str, Any] = self._tracker.worker_args()
        return arguments

    def join(self, place: int, group: Mapping[str, Any], booster: bytes) -> None:
        """Meet the other hosts, if there are some, and prepare to go on from a model."""
        import xgboost  # noqa: PLC0415 - an extra, which only this needs

        self._place = place
        with _short_errors():
            if group:
                xgboost.collective.init(
                    dmlc_communicator="rabit",
                    dmlc_task_id=f"{place:06}",  # sorted, it decides on the order of sums
                    dmlc_timeout=COLLECTIVE_SECONDS,
                    dmlc_retry=RETRIES,
                    **group,
                )
            self._data, self._rows = data_of(self._rows, self._parameters), _NONE
            model = bytearray(booster) if booster else None
            self._booster = xgboost.Booster(self._parameters, [self._data], model_file=model)

    def advance(self, begin: int, end: int) -> bytes:
        """Fit the trees from one round up to another; return XGBoost's model on the first host."""
        with _short_errors():
            for number in range(begin, end):
                self._booster.update(self._data, number)
            return b"" if self._place else bytes(self._booster.save_raw("ubj"))

    def leave(self) -> None:
        """Take leave of the other hosts, so that XGBoost on none of them reports a loss."""
        import xgboost  # noqa: PLC0415 - an extra, which only this needs

        with _short_errors():
            if xgboost.collective.is_distributed():
                xgboost.collective.finalize()


def _be_silent() -> None:
    """Print nothing from now on: XGBoost's errors are exceptions, and it repeats them with its stack."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for printed in (1, 2):
        os.dup2(nothing, printed)


def _tracker(address: str, hosts: int) -> Any:  # noqa: ANN401 -- XGBoost's
    """Return XGBoost's tracker at this address, on the first port that is free."""
    from xgboost.core import XGBoostError  # noqa: PLC0415 - an extra, which only this needs
    from xgboost.tracker import RabitTracker  # noqa: PLC0415 - as above

    until = time.monotonic() + PORT_SECONDS
    while True:
        for port in TRACKER_PORTS:
            try:
                tracker = RabitTracker(
                    n_workers=hosts, host_ip=address, port=port, sortby="task", timeout=COLLECTIVE_SECONDS
                )
            except XGBoostError as error:
                reason = _short(error)
                continue
            tracker.start()
            return tracker
        if time.monotonic() > until:
            first, last = TRACKER_PORTS[0], TRACKER_PORTS[-1]
            raise CollectiveError(f"none of the ports {first} to {last} at {address} is free: {reason}")
        time.sleep(1)


@contextmanager
def _short_errors() -> Iterator[None]:
    """Raise CollectiveError with the reason in place of XGBoost's errors, which have its stack as well."""
    from xgboost.core import XGBoostError  # noqa: PLC0415 - an extra, which only this needs

    try:
        yield
    except XGBoostError as error:
        raise CollectiveError(_short(error)) from None


def _short(error: Exception) -> str:
    """Return what XGBoost says, without the places in its code and the times."""
    text = re.sub(
        r"\[[^]]*\]:?|/\S+:\d+:|^- ", "", str(error).partition("Stack trace")[0], flags=re.MULTILINE
    )
    return " ".join(text.split())[-MOST_REASON_CHARACTERS:]
