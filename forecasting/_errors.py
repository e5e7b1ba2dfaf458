"""What can be wrong with what a caller hands over; every message says what is accepted."""


class SettingError(ValueError):
    """An argument of the model has a value Prophet has no use for."""


class HistoryError(ValueError):
    """The readings of a customer cannot be fitted as they are."""


class FutureError(ValueError):
    """A forecast was asked for that the model cannot make from what came with the request."""


class ModelFormatError(ValueError):
    """A text is not a Prophet model."""


class FitError(RuntimeError):
    """Prophet itself was called and found no estimate."""
