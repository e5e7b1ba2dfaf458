"""The tree of errors that a person can act on; each text says what is wrong and what is accepted.

`FleetcastError` is the root for the library and the programs: a program that ends with one logs its text as
one line. The library's errors are all here; a program's own errors stand beside what raises them. Where a
built-in error says the same to a Python programmer (`ValueError`, `OSError`), the class is one too.
"""


class FleetcastError(Exception):
    """Something that a person can put right."""


class SettingError(FleetcastError, ValueError):
    """An argument, option, hyperparameter or environment variable has a value that cannot be used."""


class OptionError(SettingError):
    """An option of how readings are written cannot be used; the text begins with the option's name."""


class InputError(FleetcastError):
    """The input data cannot be used as a whole."""


class UnusableFileError(FleetcastError, ValueError):
    """A file is not read: it is a link, no regular file, too large, or changes while it is read."""


class DamagedFileError(FleetcastError, ValueError):
    """A compressed file is cut short or damaged."""


class DialectError(FleetcastError, ValueError):
    """How a table is written is in doubt or not accepted; the text says so without the file's name."""


class EncodingError(DialectError):
    """A file is not text in the encoding that was chosen."""


class RowError(FleetcastError, ValueError):
    """A row of a table cannot be read."""


class ReadingsError(FleetcastError, ValueError):
    """The readings of one customer cannot be read."""


class HistoryError(FleetcastError, ValueError):
    """The readings of one customer cannot be fitted as they are."""


class FitError(FleetcastError, RuntimeError):
    """Stock Prophet was called and found no estimate."""


class FutureError(FleetcastError, ValueError):
    """The model cannot make this forecast from the values of the request."""


class ModelFormatError(FleetcastError, ValueError):
    """A text is not the JSON of a Prophet model."""


class ArchiveError(FleetcastError, ValueError):
    """An archive or model folder cannot be used."""


class OwnCodeError(ArchiveError):
    """An archive has no model of Prophet's, but brings `code/inference.py` to run instead."""


class FilesystemError(FleetcastError, OSError):
    """A file could not be written; the text names the file and the reason."""


class MissingExtraError(FleetcastError, ImportError):
    """A package is not installed that only some fits, models or files need."""
