"""Reads one value out of a mapping of texts; the error names the value and what is accepted."""

import math
from collections.abc import Collection, Mapping

from fleetcast.errors import SettingError

_TRUE = frozenset({"1", "on", "true", "yes"})
_FALSE = frozenset({"0", "off", "false", "no"})


def whole_number(
    values: Mapping[str, str], name: str, *, default: int, minimum: int = 1, maximum: int | None = None
) -> int:
    """Return `values[name]` as an int within [minimum, maximum], or `default` where it is unset or empty."""
    text = values.get(name) or ""
    if not text:
        return default
    number = int(text) if _is_whole(text) else None
    if number is None or number < minimum or (maximum is not None and number > maximum):
        reach = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise SettingError(f"{name} must be a whole number {reach}, not {text!r}")
    return number


def fraction(values: Mapping[str, str], name: str, *, default: float, minimum: float = 0.0) -> float:
    """Return `values[name]` as a number from `minimum` to 1, or `default` where it is unset or empty."""
    text = values.get(name) or ""
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not minimum <= number <= 1.0:
        raise SettingError(f"{name} must be a number from {minimum:g} to 1, not {text!r}")
    return number


def finite_number(values: Mapping[str, str], name: str) -> float | None:
    """Return `values[name]` as a finite number, or None where it is unset or empty."""
    text = values.get(name) or ""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SettingError(f"{name} must be a finite number, not {text!r}")
    return number


def flag(values: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Return `values[name]` as true or false, or `default` where it is unset or empty."""
    text = (values.get(name) or "").strip().lower()
    if not text:
        return default
    if text not in _TRUE | _FALSE:
        raise SettingError(f"{name} must be true or false, not {text!r}")
    return text in _TRUE


def choice(values: Mapping[str, str], name: str, *, among: Collection[str], default: str) -> str:
    """Return `values[name]` if it is one of `among`, or `default` where it is unset or empty."""
    text = values.get(name) or default
    if text not in among:
        raise SettingError(f"{name} must be one of {', '.join(sorted(among))}, not {text!r}")
    return text


def _is_whole(text: str) -> bool:
    digits = text.strip().removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 18  # noqa: PLR2004 -- fits 64 bits
