"""The public holidays of a country, from the `holidays` package, as Prophet asks for them."""

from collections.abc import Iterable
from functools import lru_cache

from forecasting._errors import SettingError

_EPOCH_ORDINAL = 719_163
"""Of 1970-01-01, as `datetime.date.toordinal` counts."""
_SUBSTITUTES = {"TU": "TR"}
"""Prophet's own name for Turkey."""


def country_holidays(country: str, years: Iterable[int]) -> dict[str, tuple[int, ...]]:
    """Return, for each holiday of these years, its days since 1970; names in English, as Prophet has them.

    Raises SettingError for a country the package does not know.
    """
    found: dict[str, dict[int, None]] = {}
    for year in sorted(years):
        for day, name in _one_year(country, year):
            found.setdefault(name, {})[day] = None
    return {name: tuple(sorted(days)) for name, days in found.items()}


@lru_cache(maxsize=4096)
def _one_year(country: str, year: int) -> tuple[tuple[int, str], ...]:
    import holidays  # noqa: PLC0415 - most customers have no country, and it takes a tenth of a second

    try:
        calendar = getattr(holidays, _SUBSTITUTES.get(country, country))
        dates: holidays.HolidayBase = calendar(expand=False, language="en_US", subdiv=None, years=[year])
        named = [(date.toordinal() - _EPOCH_ORDINAL, name) for date in dates for name in dates.get_list(date)]
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise SettingError(
            f"country_holidays must be a country of the holidays package such as 'US', not {country!r}"
        ) from error
    return tuple(named)
