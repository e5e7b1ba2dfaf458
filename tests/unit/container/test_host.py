from pathlib import Path

import pytest

from container import Host, Paths
from fleetcast.errors import InputError
from tests.unit.jobs import tree, write_config


def test_the_hosts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    paths = tree(tmp_path, {})
    names = [f"algo-{number}" for number in range(1, 12)]
    write_config(paths, "resourceconfig", {"current_host": "algo-10", "hosts": names[::-1]})

    host = Host.from_files(paths)

    assert host.names == tuple(names)
    assert host.index == 9


def test_a_host_that_is_not_among_the_hosts_is_an_error(tmp_path: Path) -> None:
    paths = tree(tmp_path, {})
    write_config(paths, "resourceconfig", {"current_host": "algo-3", "hosts": ["algo-1"]})

    with pytest.raises(InputError, match=r"current_host 'algo-3' is not among hosts"):
        Host.from_files(paths)


def test_without_a_resource_configuration_this_is_the_only_host(tmp_path: Path) -> None:
    assert Host.from_files(Paths(tmp_path)) == Host()
