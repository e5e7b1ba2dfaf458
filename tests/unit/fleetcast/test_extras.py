"""The error about a package that is not installed."""

import pytest

from fleetcast.errors import MissingExtraError
from fleetcast.extras import require


def test_a_package_that_is_there_is_no_error() -> None:
    require("json", extra="ray")


@pytest.mark.parametrize("extra", ["global", "ray"])
def test_the_error_about_a_package_of_the_ray_image_names_the_image_too(extra: str) -> None:
    with pytest.raises(MissingExtraError) as raised:
        require("no_such_package", extra=extra)

    assert str(raised.value) == (
        f"this needs the package no_such_package: pip install 'fleetcast[{extra}]', "
        "or use the image whose tag ends in -ray"
    )


def test_the_error_about_any_other_package_names_its_extra() -> None:
    with pytest.raises(MissingExtraError) as raised:
        require("no_such_package", extra="process")

    assert str(raised.value) == "this needs the package no_such_package: pip install 'fleetcast[process]'"
