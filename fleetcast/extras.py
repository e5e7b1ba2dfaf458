"""Checks for packages of the extras, which a plain installation does not have."""

from importlib.util import find_spec
from typing import Final

from fleetcast.errors import MissingExtraError

OF_THE_RAY_IMAGE: Final = ("global", "ray")
"""Extras that the default image lacks; in an image nothing can be installed."""


def require(package: str, *, extra: str) -> None:
    """Raise MissingExtraError, with the next step, unless the package can be imported."""
    if find_spec(package) is None:
        image = ", or use the image whose tag ends in -ray" if extra in OF_THE_RAY_IMAGE else ""
        raise MissingExtraError(f"this needs the package {package}: pip install 'fleetcast[{extra}]'{image}")
