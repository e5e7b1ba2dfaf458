"""Three hosts on one machine: each with a network, hostname, processes, /dev/shm and TMPDIR of its own.

The hosts are Linux namespaces on one bridge, which lies in a namespace of its own, so that no firewall of
this machine reaches it.  Needs root.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from container import Paths

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 180
"""How long what must happen may take on a machine that is busy."""
SHARED_MEGABYTES = 64
"""Of /dev/shm, as Docker gives it."""
_INSIDE = f"""
hostname "$1"
mount --bind "$2/hosts" /etc/hosts
mount -t tmpfs -o size={SHARED_MEGABYTES}m tmpfs /dev/shm
mount --bind "$2/tmp" /var/tmp
export TMPDIR=/var/tmp
shift 2
exec "$@"
"""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def unusable() -> str:
    """Return why no network of hosts can be made here; empty where it can."""
    name = f"fc{os.getpid()}t"
    try:
        ip("netns", "add", name)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"needs root and network namespaces (ip netns add): {error}"
    try:
        subprocess.run(["ip", "netns", "exec", name, "unshare", "-umpf", "true"], check=True)
    except subprocess.CalledProcessError as error:
        return f"needs root and namespaces of processes and mounts (unshare): {error}"
    finally:
        ip("netns", "delete", name)
    return ""


@dataclass(eq=False)
class FakeHost:
    """A host of the network, and the program that runs on it as its first process."""

    name: str
    address: str
    namespace: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def paths(self) -> Paths:
        return Paths(self.folder / "ml")

    @property
    def temporary(self) -> list[Path]:
        """What lies in the host's TMPDIR."""
        return sorted((self.folder / "tmp").iterdir())

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def start(self, *command: str, **variables: str) -> None:
        """Run a Python module on the host, in the base folder of its own."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "PYTHON"))
        }
        environment |= {"SAGEMAKER_BASE_DIR": str(self.paths.base), "OMP_NUM_THREADS": "1"} | variables
        namespaces = ["unshare", "-u", "-m", "-p", "--fork", "--kill-child=SIGKILL", "--mount-proc"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *("ip", "netns", "exec", self.namespace, *namespaces),
                    *("bash", "-ec", _INSIDE, "_", self.name, str(self.folder)),
                    *(sys.executable, "-m", *command),
                ],
                env=environment,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def wait(self, seconds: float) -> int:
        """Return the exit code of the program, in the notation of shells; the host ends with it."""
        assert self.process is not None
        code = self.process.wait(seconds)
        return 128 - code if code < 0 else code

    def program(self) -> psutil.Process:
        """Return the program, as the machine sees it."""
        assert self.process is not None
        (program,) = psutil.Process(self.process.pid).children()
        return program

    def process_of(self, name: str) -> psutil.Process:
        """Return the first of the program's descendants that has this name, or runs this Python module.

        A process that starts another has a copy of itself beside it for a moment, of the same name.
        """
        end = time.monotonic() + WAIT_SECONDS
        while not (named := [each for each in self._descendants() if name in {each[1], *each[2]}]):
            assert time.monotonic() < end
            time.sleep(0.1)
        return min(named)[3]

    def commands(self) -> list[str]:
        """Return the command lines of the program's descendants."""
        return [" ".join(command) for _, _, command, _ in self._descendants()]

    def _descendants(self) -> list[tuple[float, str, list[str], psutil.Process]]:
        """Return when each of the program's descendants has started, its name, command line and process."""
        found = []
        for each in self.program().children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it has just ended
                found.append((each.create_time(), each.name(), each.cmdline(), each))
        return found

    def kill(self) -> None:
        """End the host and every process on it at once."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def unplug(self) -> None:
        """Take the host's network away."""
        ip("-n", self.namespace, "link", "set", "eth0", "down")


@dataclass(eq=False)
class HostNetwork:
    """The hosts of one job, each with its `resourceconfig.json`."""

    hosts: list[FakeHost] = field(default_factory=list)

    def codes(self, seconds: float = WAIT_SECONDS) -> tuple[int, ...]:
        """Wait for the programs of all hosts that were started; return their exit codes."""
        return tuple(host.wait(seconds) for host in self.hosts if host.process is not None)


@contextmanager
def host_network(folder: Path, *, hosts: int = 3) -> Iterator[HostNetwork]:
    """Make the hosts `algo-1`, `algo-2`, ...; all they are and all they run is gone at the end."""
    prefix = f"fc{os.getpid()}"
    names = [f"algo-{number}" for number in range(1, hosts + 1)]
    network, bridge = HostNetwork(), f"{prefix}b"
    addresses = {name: f"10.91.0.{number}" for number, name in enumerate(names, start=1)}
    table = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in addresses.items())
    try:
        ip("netns", "add", bridge)
        ip("-n", bridge, "link", "add", "br0", "type", "bridge")
        ip("-n", bridge, "link", "set", "br0", "up")
        for number, name in enumerate(names, start=1):
            host = FakeHost(name, addresses[name], f"{prefix}h{number}", folder / name)
            _write_files(host, names, table)
            ip("netns", "add", host.namespace)
            network.hosts.append(host)
            port = f"port{number}"
            ip("link", "add", port, "netns", bridge, "type", "veth", "peer", "eth0", "netns", host.namespace)
            ip("-n", bridge, "link", "set", port, "master", "br0", "up")
            ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", host.namespace, "link", "set", device, "up")
        yield network
    finally:
        for host in network.hosts:
            host.kill()
            print(f"== the log of {host.name}", host.log, sep="\n")  # which a test that fails shows
            ip("netns", "delete", host.namespace)
        ip("netns", "delete", bridge)


def _write_files(host: FakeHost, names: list[str], table: str) -> None:
    host.paths.config.mkdir(parents=True)
    (host.folder / "hosts").write_text(table)
    (host.folder / "tmp").mkdir()
    (host.folder / "log").touch()
    config = {"current_host": host.name, "hosts": names[::-1], "network_interface_name": "eth0"}
    (host.paths.config / "resourceconfig.json").write_text(json.dumps(config))
