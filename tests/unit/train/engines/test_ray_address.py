"""An address where no Ray cluster is, or one that this machine has not joined, is refused within seconds."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from fleetcast.errors import SettingError
from train.engines import connected, ray_address

pytest.importorskip("ray", reason="needs the extra fleetcast[ray]")


@contextmanager
def listener(answer: bytes | None) -> Iterator[str]:
    """Accept connections, and give each an answer; None accepts none, so that they wait for ever."""
    with socket.create_server(("", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(answer or b"")

        thread = Thread(target=serve)
        if answer is not None:
            thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            if answer is not None:
                thread.join()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_address, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(ray_address, "ATTEMPT_SECONDS", 0.5)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def problem(address: str) -> str:
    with pytest.raises(SettingError) as caught, connected(address):
        pass
    return str(caught.value)


def test_an_address_where_nothing_listens_is_refused() -> None:
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]

    assert f":{port} could not be reached (Connection refused) within 1 seconds" in problem(
        f"127.0.0.1:{port}"
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "has not answered within"),
        (b"", "has not answered as Ray does"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "has not answered as Ray does"),
        (bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)), "no Ray runs on this machine: join it with ray start --address"),
    ],
)
def test_what_is_no_cluster_of_this_machine_is_refused(
    answer: bytes | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray._private.services.find_node_ids", set)  # other tests may run Ray here

    with listener(answer) as address:
        assert reason in problem(address)


def test_an_address_that_is_none_is_refused() -> None:
    assert "RAY_ADDRESS = 'nonsense': this machine is no host of a Ray cluster" in problem("nonsense")
