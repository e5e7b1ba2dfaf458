"""Addresses of the hosts, and whether one of them answers."""

import ipaddress
import socket

from container.cluster.errors import ClusterError
from container.cluster.settings import JOIN_SECONDS
from container.cluster.waiting import Waiting
from container.quoting import quoted


def address_of(name: str, waiting: Waiting) -> str:
    """Return the IPv4 address of a host, which its name may have only after some waiting.

    Raises ClusterError where the name has no address by then, or one that other hosts cannot reach.
    """
    while True:
        try:
            address = socket.gethostbyname(name)
        except OSError as error:
            if waiting.goes_on():
                continue
            raise ClusterError(
                f"the name of host {quoted(name)} has no address ({error.strerror or error}) after "
                f"{JOIN_SECONDS.name} = {waiting.seconds:g} seconds: Ray needs every name of "
                "resourceconfig.json in the DNS or in /etc/hosts"
            ) from error
        if ipaddress.ip_address(address).is_loopback:
            raise ClusterError(
                f"the name of host {quoted(name)} has the address {address}, which other hosts cannot reach: "
                "its name needs the address of its network interface, in the DNS or in /etc/hosts"
            )
        return address


def answers(address: str, port: int, *, seconds: float) -> bool:
    """Return whether a process at the address accepts a connection within so many seconds."""
    try:
        socket.create_connection((address, port), seconds).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port of this machine that no process listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
