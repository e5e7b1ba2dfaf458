"""What `import fleetcast` gives, and what it does not load."""

import subprocess
import sys

import pytest

import fleetcast


def test_importing_the_package_or_its_errors_loads_no_numpy() -> None:
    program = "import sys, fleetcast, fleetcast.errors, fleetcast.command; sys.exit('numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("name", fleetcast.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(fleetcast, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predict'"):
        fleetcast.predict  # noqa: B018
