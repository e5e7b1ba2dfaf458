"""The error tree: everything a person can act on, apart from what is a defect."""


class FleetcastError(Exception):
    """Something a person can put right; its text says what was wrong and what is accepted."""


class SettingError(FleetcastError):
    """A setting (environment variable, hyperparameter or option) has a value that cannot be used."""


class InputError(FleetcastError):
    """The input data cannot be used as a whole."""
