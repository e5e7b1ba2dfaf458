"""The errors of the library; each text says what is wrong and what is accepted.

`FleetcastError` is the root, also of the programs' errors, which are defined beside the code that raises
them.  A program that ends with one logs its text as one line, without a traceback.  Most classes are also a
built-in error, such as ValueError, so that code that knows nothing of Fleetcast can catch them.
"""


class FleetcastError(Exception):
    """The root of all errors that a person can correct: input, settings, files or the installation."""


class SettingError(FleetcastError, ValueError):
    """An argument, option, hyperparameter or environment variable has a value that is not accepted."""


class OptionError(SettingError):
    """A field of `ReadingOptions` has a value that is not accepted; the text begins with the field's name."""


class InputError(FleetcastError):
    """The input data cannot be used as a whole."""


class UnusableFileError(FleetcastError, ValueError):
    """A file is refused: it is a link, not a regular file, too large, or changes while it is read."""


class DamagedFileError(FleetcastError, ValueError):
    """A compressed file is truncated or damaged."""


class DialectError(FleetcastError, ValueError):
    """A table's delimiter, header or encoding is ambiguous or not accepted; the text is without the file."""


class EncodingError(DialectError):
    """A file is not text in the chosen encoding."""


class RowError(FleetcastError, ValueError):
    """A row of a table cannot be read."""


class ReadingsError(FleetcastError, ValueError):
    """The readings of one customer cannot be read."""


class HistoryError(FleetcastError, ValueError):
    """The readings of one customer can be read but not fitted: too few, or values out of range."""


class FitError(FleetcastError, RuntimeError):
    """Stock Prophet was called and failed to fit."""


class FutureError(FleetcastError, ValueError):
    """The model cannot make the requested forecast; the text names the option and what it accepts."""


class ModelFormatError(FleetcastError, ValueError):
    """A text is not the JSON of a fitted Prophet model; the text names the field and what it accepts."""


class ArchiveError(FleetcastError, ValueError):
    """An archive, bundle or model folder cannot be read."""


class OwnCodeError(ArchiveError):
    """An archive has no Prophet model, but `code/inference.py` to run instead."""


class FilesystemError(FleetcastError, OSError):
    """A file could not be written or synced; the text names the file and the reason."""


class MissingExtraError(FleetcastError, ImportError):
    """A package of an extra is not installed; the text has the command that installs it."""
