"""Reads `best-hyperparameters.json`, which `fleetcast tune` writes: for all customers, or also for one."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from container import quoted
from fleetcast.errors import InputError, SettingError, UnusableFileError
from fleetcast.forecasting import PROPHET_ARGUMENTS
from fleetcast.readings.customer import read_file
from train.config.rows import CUSTOMER, MOST_BYTES
from train.hyperparameters_file import value_of

NAME: Final = "best-hyperparameters.json"
FOR_ONE: Final = frozenset(PROPHET_ARGUMENTS) - {"changepoints", "holidays"}
"""Hyperparameters that one customer may have of its own: arguments of Prophet with a single value."""
_EXAMPLE: Final = '{"customer": "7", "changepoint_prior_scale": "0.5"}'


def read_best(path: Path) -> dict[str, dict[str, str]]:
    """Return hyperparameters as texts by customer, those for all customers under an empty name.

    The file holds an object of hyperparameters for all customers, or a list of such objects, of which those
    with a key `customer` are for one.  Raises InputError with the place of what is wrong.
    """
    found: dict[str, dict[str, str]] = {}
    for place, row in _rows(f"config/{path.name}", read_json(path)):
        if not isinstance(row, dict):
            raise InputError(f"{place} must be an object such as {_EXAMPLE}, not {quoted(json.dumps(row))}")
        customer = row.get(CUSTOMER, "")
        if not isinstance(customer, str):
            raise InputError(f"{place}: customer must be a text, not {quoted(json.dumps(customer))}")
        if customer in found:
            whose = f"customer {quoted(customer)}" if customer else "all customers"
            raise InputError(f"{place}: there is an earlier row for {whose}: keep one")
        found[customer] = {key: _text(value) for key, value in row.items() if key != CUSTOMER}
        if customer:
            _check(place, found[customer])
    return found


def read_json(path: Path) -> Any:  # noqa: ANN401 -- whatever JSON holds
    """Return the content of a file of the channel; raise InputError unless it is JSON."""
    try:
        return json.loads(read_file(path, most_bytes=MOST_BYTES))
    except UnusableFileError as error:
        raise InputError(f"config/{error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"config/{path.name} is not JSON: {error}") from error


def _rows(name: str, content: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 -- as above
    """Yield each row with its place."""
    if not isinstance(content, list):
        yield name, content
        return
    for number, row in enumerate(content, start=1):
        yield f"{name}, row {number}", row


def _text(value: Any) -> str:  # noqa: ANN401 -- as above
    return value if isinstance(value, str) else json.dumps(value)


def _check(place: str, texts: Mapping[str, str]) -> None:
    """Raise InputError for what one customer cannot have of its own, and for a value that is not accepted."""
    for name, text in texts.items():
        if name not in FOR_ONE:
            accepted = ", ".join(sorted(FOR_ONE))
            raise InputError(f"{place}: {quoted(name)} cannot be one customer's own; accepted are {accepted}")
        try:
            PROPHET_ARGUMENTS[name].check(name, value_of(text))
        except SettingError as error:
            raise InputError(f"{place}: {error}") from error
