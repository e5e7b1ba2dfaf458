"""Work that hosts of a Ray cluster do together: it is lost with one of them, and says which.

Some work needs an answer of every host, such as a step of an algorithm whose hosts wait for each other.  Once
one of them is lost, calls on the others fail or never end; so the reason of the first failure says little.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from container import quoted
from fleetcast.errors import FleetcastError
from train.engines.ray_cluster import RayHost, dead_hosts, pinned, reason

POLL_SECONDS: Final = 0.2
LOOK_SECONDS: Final = 1.0
"""How often Ray is asked which hosts are dead."""
SETTLE_SECONDS: Final = 90.0
"""After a first failure, how long Ray may take to find the dead host behind it; its default is 65."""


class LostError(FleetcastError):
    """A host did not do its part."""

    def __init__(self, hosts: Sequence[RayHost], why: str) -> None:
        super().__init__(why)
        self.hosts = tuple(hosts)
        """Those that are lost; empty where all still are there, and only processes on them ended."""


def actor_on(host: RayHost, kind: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 -- Ray's handle
    """Start an object in a process of its own on a host; its methods are called with `.remote`."""
    import ray  # noqa: PLC0415 -- an extra

    options = {"num_cpus": 0, "max_restarts": 0, "scheduling_strategy": pinned(host.node)}
    return ray.remote(kind).options(**options).remote(*arguments)


def call_on(host: RayHost, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 -- Ray's reference
    """Call a function in a process of Ray on a host."""
    import ray  # noqa: PLC0415 -- an extra

    options = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": pinned(host.node)}
    return ray.remote(function).options(**options).remote(*arguments)


def kill_actors(actors: Iterable[Any]) -> None:
    """End processes that `actor_on` has started, whatever they do."""
    import ray  # noqa: PLC0415 -- an extra

    for actor in actors:
        with suppress(ray.exceptions.RayError):
            ray.kill(actor)


def tell_all(
    hosts: Iterable[RayHost], function: Callable[..., Any], *arguments: object, seconds: float
) -> None:
    """Call a function on all hosts that can be reached, and wait for them for so many seconds."""
    import ray  # noqa: PLC0415 -- an extra

    with suppress(ray.exceptions.RayError):
        calls = [call_on(host, function, *arguments) for host in hosts]
        ray.wait(calls, num_returns=len(calls), timeout=seconds)


def all_answers(
    calls: Mapping[RayHost, Any], *, seconds: float, check: Callable[[], None]
) -> dict[RayHost, Any]:
    """Return the answer of each host; raise LostError where one has none after so many seconds, or fails.

    `check` is called every 0.2 seconds and may raise.
    """
    import ray  # noqa: PLC0415 -- an extra

    waiting = {call: host for host, call in calls.items()}
    answers: dict[RayHost, Any] = {}
    now = looked = time.monotonic()
    until = now + seconds
    while waiting:
        check()
        for call in ray.wait(list(waiting), timeout=POLL_SECONDS)[0]:
            host = waiting.pop(call)
            try:
                answers[host] = ray.get(call)
            except ray.exceptions.RayError as error:
                raise _cause(calls, host, error, check) from error
        now = time.monotonic()
        if waiting and now > until:
            raise LostError(list(waiting.values()), f"no answer for {seconds:.0f} s")
        if now > looked + LOOK_SECONDS:
            looked = now
            _check_alive(calls)
    return {host: answers[host] for host in calls}


def _check_alive(hosts: Iterable[RayHost]) -> None:
    if dead := dead_hosts(hosts):
        raise LostError(dead, "Ray counts it as dead")


def _cause(
    calls: Mapping[RayHost, Any], failed: RayHost, error: Exception, check: Callable[[], None]
) -> LostError:
    """Return what is behind a first failure: hosts that Ray finds dead, or that go on without an answer.

    Where it is neither, all calls have failed or ended, and the hosts are there.
    """
    import ray  # noqa: PLC0415 -- an extra

    until = time.monotonic() + SETTLE_SECONDS
    open_calls: list[Any] = []
    while time.monotonic() < until:
        check()
        if dead := dead_hosts(calls):
            return LostError(dead, "Ray counts it as dead")
        open_calls = ray.wait(list(calls.values()), num_returns=len(calls), timeout=POLL_SECONDS)[1]
        time.sleep(POLL_SECONDS)
    silent = [host for host, call in calls.items() if call in open_calls]
    if silent:
        return LostError(silent, f"no answer for {SETTLE_SECONDS:.0f} s after {quoted(failed.name)} failed")
    if isinstance(error, ray.exceptions.RayTaskError):
        return LostError([], f"{quoted(failed.name)} failed: {reason(error.cause)}")
    return LostError([], f"{quoted(failed.name)} failed: its process ended, as for want of memory")
