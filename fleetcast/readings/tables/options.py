"""Options that decide what files leave ambiguous."""

import codecs
from dataclasses import dataclass

from fleetcast.errors import OptionError
from fleetcast.readings.columns import pattern_of

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "\\t": "\t"}


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How the files are written; None means that it is detected for each file."""

    delimiter: str | None = None
    """One character; the words comma, semicolon, tab, pipe are accepted too."""
    decimal: str | None = None
    """'.' or ','."""
    encoding: str | None = None
    """A name of one of Python's codecs, such as utf-8, latin-1 or cp1252."""
    date_format: str | None = None
    """A format of strptime, or epoch_s, epoch_ms, epoch_us, epoch_ns."""

    def __post_init__(self) -> None:
        """Check and normalize every option; raises OptionError, which names it and what it accepts."""
        if self.delimiter is not None:
            delimiter = DELIMITERS.get(self.delimiter.lower(), self.delimiter)
            if (
                len(delimiter) != 1
                or not delimiter.isascii()
                or delimiter.isalnum()
                or delimiter in '"\r\n\0.+-:'
            ):
                raise OptionError(
                    f"delimiter must be one character such as ';' or the word tab, not {self.delimiter!r}"
                )
            object.__setattr__(self, "delimiter", delimiter)
        if self.decimal not in (None, ".", ","):
            raise OptionError(f"decimal must be '.' or ',', not {self.decimal!r}")
        if self.decimal is not None and self.decimal == self.delimiter:
            raise OptionError(f"decimal and delimiter must differ, not both be {self.decimal!r}")
        if self.encoding is not None:
            object.__setattr__(self, "encoding", _codec(self.encoding))
        if self.date_format is not None:
            try:
                pattern_of(self.date_format)
            except ValueError as error:
                raise OptionError(str(error)) from None


def _codec(name: str) -> str:
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise OptionError(
            f"encoding must be one such as utf-8, latin-1, cp1252 or utf-16, not {name!r}"
        ) from None
