"""Checks for packages of the extras, which a plain installation does not have."""

from importlib.util import find_spec

from fleetcast.errors import MissingExtraError


def require(package: str, *, extra: str) -> None:
    """Raise MissingExtraError, with the command that installs it, unless the package can be imported."""
    if find_spec(package) is None:
        raise MissingExtraError(f"this needs the package {package}: pip install 'fleetcast[{extra}]'")
