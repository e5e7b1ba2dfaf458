"""The names that a seasonality, a holiday or a regressor may have, by Prophet's rules."""

from collections.abc import Iterable

from fleetcast.errors import SettingError

_OUTPUTS = (
    "trend",
    "additive_terms",
    "daily",
    "weekly",
    "yearly",
    "holidays",
    "zeros",
    "extra_regressors_additive",
    "yhat",
    "extra_regressors_multiplicative",
    "multiplicative_terms",
)
RESERVED = frozenset(
    (
        *_OUTPUTS,
        *(f"{name}_lower" for name in _OUTPUTS),
        *(f"{name}_upper" for name in _OUTPUTS),
        *("ds", "y", "cap", "floor", "y_scaled", "cap_scaled"),
    )
)
BUILT_IN = frozenset(("daily", "weekly", "yearly"))


def check_name(name: object, *, kind: str, taken: Iterable[str] = ()) -> str:
    """Return `name` if a component of this kind may have it; else raise SettingError."""
    if not isinstance(name, str) or not name:
        raise SettingError(f"the name of a {kind} must be text, not {name!r}")
    if "_delim_" in name:
        raise SettingError(f"the name of a {kind} must not contain '_delim_', as {name!r} does")
    if name in RESERVED:
        raise SettingError(f"the name {name!r} is reserved by Prophet; choose another for the {kind}")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise SettingError(
            f"the name of a {kind} has half of a surrogate pair, which no JSON can hold: {name!r}"
        )
    if name in taken:
        raise SettingError(f"the name {name!r} of a {kind} is already used")
    return name
