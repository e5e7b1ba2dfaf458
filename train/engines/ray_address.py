"""Whether a Ray cluster that this machine has joined is at an address, found out within seconds.

Ray itself asks a silent address for two minutes.  The head of a cluster speaks HTTP/2: a server answers the
beginning of a connection with a frame of its settings (RFC 9113, section 3.4).
"""

import os
import socket
import time
from typing import Final

WAIT_SECONDS: Final = 10.0
"""How long a cluster that is starting has to answer, and how long this machine has to join it."""
ATTEMPT_SECONDS: Final = 3.0
"""The longest time for one attempt."""
PAUSE_SECONDS: Final = 0.5
_BEGINNING: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""What a client sends first: a fixed text, and a frame of no settings."""
_FRAME_HEADER_BYTES: Final = 9
_TYPE: Final = 3
"""Place of a frame's type in its header."""
_SETTINGS: Final = 4
"""The type of a frame of settings."""


def check_address(address: str) -> None:
    """Raise ConnectionError, with the reason, where Ray would find no cluster that this machine has joined.

    `address` is what `ray.init` accepts.  Raises ValueError for one that is none.
    """
    from ray._private.services import (  # noqa: PLC0415 -- an extra
        canonicalize_bootstrap_address,
        extract_ip_port,
        find_node_ids,
    )

    found = canonicalize_bootstrap_address(address)
    if found is None:  # Ray says at once that it knows of no cluster
        return
    host, port = extract_ip_port(found)
    until = time.monotonic() + WAIT_SECONDS
    while (problem := _problem(host, int(port))) and time.monotonic() < until:
        time.sleep(PAUSE_SECONDS)
    if problem:
        raise ConnectionError(f"{host}:{port} {problem} within {WAIT_SECONDS:.0f} seconds")
    while not find_node_ids():
        if time.monotonic() > until:
            raise ConnectionError(
                f"a cluster answers at {host}:{port}, but no Ray runs on this machine: join it with "
                f"ray start --address={host}:{port}"
            )
        time.sleep(PAUSE_SECONDS)


def _problem(host: str, port: int) -> str:
    """Return why what is at an address is not the head of a cluster; empty where it may be one."""
    try:
        with socket.create_connection((host, port), ATTEMPT_SECONDS) as connection:
            if os.environ.get("RAY_USE_TLS", "0").lower() in {"1", "true"}:
                return ""  # the handshake is Ray's
            connection.sendall(_BEGINNING)
            with connection.makefile("rb") as answer:
                header = answer.read(_FRAME_HEADER_BYTES)
    except TimeoutError:
        return "has not answered"
    except OSError as error:
        return f"could not be reached ({error.strerror or error})"
    is_settings = len(header) == _FRAME_HEADER_BYTES and header[_TYPE] == _SETTINGS
    return "" if is_settings else "has not answered as Ray does"
