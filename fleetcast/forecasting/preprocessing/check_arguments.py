"""Whether arguments of `fit` can fit anybody: what is wrong with them whatever the readings are."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fleetcast.errors import SettingError
from fleetcast.forecasting.features.country_holidays import country_holidays
from fleetcast.forecasting.features.holidays import declared_holidays
from fleetcast.forecasting.preprocessing.prepare import _declared
from fleetcast.forecasting.settings import settings_from

_ANY_YEAR: Final = 2024


def check_arguments(
    *,
    seasonalities: Sequence[Mapping[str, Any]] = (),
    extra_regressors: Sequence[str | Mapping[str, Any]] = (),
    country_holidays: str | None = None,
    keep_history: bool = False,
    **prophet_arguments: Any,  # noqa: ANN401 - settings_from checks each
) -> None:
    """Raise the SettingError that `fit` would raise for these arguments, whatever it is given to fit."""
    del keep_history
    settings = settings_from(prophet_arguments)
    declared = _declared(settings, seasonalities, extra_regressors, country_holidays)
    holidays = declared_holidays(settings.holidays, None, _ANY_YEAR, _ANY_YEAR, settings.holidays_prior_scale)
    added = [each.name for each in declared.seasonalities] + [each.name for each in declared.regressors]
    if holidays is not None and (shared := [name for name in added if name in holidays.names]):
        raise SettingError(f"the name {shared[0]!r} is already used for a holiday; choose another")
    if country_holidays is not None:
        _check_country(country_holidays)


def _check_country(country: str) -> None:
    country_holidays(country, [_ANY_YEAR])
