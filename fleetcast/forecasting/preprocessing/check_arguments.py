"""Check whether arguments of `fit` can fit anybody, before there are readings."""

from typing import Any, Final

from fleetcast.errors import SettingError
from fleetcast.forecasting.features.country_holidays import country_holidays
from fleetcast.forecasting.features.holidays import declared_holidays
from fleetcast.forecasting.options import FitOptions
from fleetcast.forecasting.preprocessing.prepare import declare

_ANY_YEAR: Final = 2024


def check_arguments(**arguments: Any) -> None:  # noqa: ANN401 - FitOptions checks each
    """Raise the SettingError that `fit` would raise for these arguments, whatever the readings are."""
    options = FitOptions.of(arguments)
    declared, table = declare(options), options.settings.holidays
    holidays = declared_holidays(table, None, _ANY_YEAR, _ANY_YEAR, options.settings.holidays_prior_scale)
    added = [each.name for each in declared.seasonalities] + [each.name for each in declared.regressors]
    if holidays is not None and (shared := [name for name in added if name in holidays.names]):
        raise SettingError(f"the name {shared[0]!r} is already used for a holiday; choose another")
    if options.country_holidays is not None:
        country_holidays(options.country_holidays, [_ANY_YEAR])
