import socket

import pytest

from container import StopRequest
from container.cluster.address import address_of, answers, free_port
from container.cluster.errors import ClusterError, StoppedError
from container.cluster.waiting import Waiting


def test_an_address_that_other_hosts_cannot_reach_is_refused() -> None:
    with pytest.raises(ClusterError, match=r"'localhost' has the address 127\.0\.0\.1, which other hosts"):
        address_of("localhost", Waiting(0, StopRequest()))


def test_a_name_without_an_address_is_an_error_once_the_time_is_over() -> None:
    with pytest.raises(ClusterError, match=r"'no-host\.invalid' has no address .* CLUSTER_JOIN_SECONDS = 0"):
        address_of("no-host.invalid", Waiting(0, StopRequest()))


def test_a_stop_ends_the_wait_for_an_address() -> None:
    with pytest.raises(StoppedError):
        address_of("no-host.invalid", Waiting(60, StopRequest(15)))


def test_a_port_answers_while_a_process_listens() -> None:
    port = free_port()
    assert not answers("127.0.0.1", port, seconds=1)

    with socket.create_server(("127.0.0.1", port)):
        assert answers("127.0.0.1", port, seconds=1)
