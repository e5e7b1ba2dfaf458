"""Every error of the library has one root; its text says what was wrong and what is accepted."""


class FleetcastError(Exception):
    """Something that a person can put right."""


class SettingError(FleetcastError, ValueError):
    """An argument, option, hyperparameter or environment variable has a value that cannot be used."""


class InputError(FleetcastError):
    """The input data cannot be used as a whole."""


class HistoryError(FleetcastError, ValueError):
    """The readings of one customer cannot be fitted as they are."""


class FitError(FleetcastError, RuntimeError):
    """Stock Prophet was called and found no estimate."""


class FutureError(FleetcastError, ValueError):
    """The model cannot make this forecast with what the request brought."""


class ModelFormatError(FleetcastError, ValueError):
    """A text is not the JSON of a Prophet model."""


class ArchiveError(FleetcastError, ValueError):
    """An archive or model folder cannot be used."""


class OwnCodeError(ArchiveError):
    """An archive has no model of Prophet's, but brings `code/inference.py` to run instead."""


class MissingExtraError(FleetcastError, ImportError):
    """A package is not installed that only some fits, models or files need."""
