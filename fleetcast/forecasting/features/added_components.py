"""The components that a user adds to a model: seasonalities, regressors, a country's holidays.

What does not depend on the readings is checked here: the arguments of each component, that no two components
share a name, and that the country exists.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from fleetcast.errors import SettingError
from fleetcast.forecasting.features.country_holidays import country_holidays
from fleetcast.forecasting.features.holidays import Holidays, history_holidays
from fleetcast.forecasting.features.regressors import Regressor, added_regressor
from fleetcast.forecasting.features.reserved_names import check_name
from fleetcast.forecasting.features.seasonality import Seasonality, added_seasonality
from fleetcast.forecasting.settings import Settings

_ANY_YEAR: Final = 2024


@dataclass(frozen=True, slots=True)
class AddedComponents:
    """What Prophet's `add_seasonality`, `add_regressor` and `add_country_holidays` add to a model."""

    seasonalities: tuple[Seasonality, ...] = ()
    regressors: tuple[Regressor, ...] = ()
    conditions: tuple[str, ...] = ()
    """The condition names of the seasonalities, each once."""
    country: str | None = None

    @classmethod
    def of(
        cls,
        seasonalities: Iterable[Mapping[str, Any]],
        regressors: Sequence[str | Mapping[str, Any]],
        country: str | None,
        settings: Settings,
    ) -> Self:
        """Return the components with these arguments of Prophet's methods; raises SettingError."""
        if country is not None:
            _check_country(country)
        # of two seasonalities with one name the last counts, as in Prophet
        by_name = {s.name: s for s in (added_seasonality(arguments, settings) for arguments in seasonalities)}
        names = set(by_name)
        added_regressors = [added_regressor(arguments, settings) for arguments in regressors]
        for regressor in added_regressors:
            check_name(regressor.name, kind="regressor", taken=names)
            names.add(regressor.name)
        conditions = dict.fromkeys(s.condition_name for s in by_name.values() if s.condition_name is not None)
        for name in conditions:
            check_name(name, kind="condition", taken=names)
        added = cls(tuple(by_name.values()), tuple(added_regressors), tuple(conditions), country)
        added.check_holidays(added.own_holidays(settings), SettingError)
        return added

    def own_holidays(self, settings: Settings) -> Holidays | None:
        """Return the holidays of the user's table without the country's; raises SettingError."""
        return history_holidays(settings.holidays, None, _ANY_YEAR, _ANY_YEAR, settings.holidays_prior_scale)

    def check_holidays(self, holidays: Holidays | None, error: type[ValueError]) -> None:
        """Raise `error` if a holiday has the name of a seasonality or of a regressor."""
        names = [s.name for s in self.seasonalities] + [r.name for r in self.regressors]
        if holidays is not None and (shared := [name for name in names if name in holidays.names]):
            raise error(f"the name {shared[0]!r} is already used for a holiday; choose another")


def _check_country(country: object) -> None:
    """Raise SettingError unless the `holidays` package has this country."""
    if not isinstance(country, str) or not (country.isidentifier() and country[0].isupper()):
        raise SettingError(
            f"country_holidays must be a country of the holidays package such as 'US', not {country!r}"
        )
    country_holidays(country, [_ANY_YEAR])
