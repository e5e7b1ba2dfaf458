"""The options of the command line that say which columns are read, and how raw files are written."""

import argparse
from typing import TYPE_CHECKING, Final

from fleetcast.errors import OptionError, SettingError
from processing.columns import Columns

if TYPE_CHECKING:
    from fleetcast.readings import ReadingOptions

DIALECT: Final = ("delimiter", "decimal", "encoding", "date_format")
"""The fields of `ReadingOptions`."""


def add_column_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name columns and select rows."""
    names = Columns()
    option = parser.add_argument_group("columns").add_argument
    option("--customer-id", default=names.customer_id, metavar="COLUMN", help="default: %(default)s")
    option("--timestamp", default=names.timestamp, metavar="COLUMN", help="default: %(default)s")
    option("--value", default=names.value, metavar="COLUMN", help="default: %(default)s")
    option("--regressors", default="", metavar="COLUMNS", help="more columns to keep, separated by commas")
    option(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=TEXT",
        help="read only the rows with this text in this column, such as split=train; may be repeated",
    )
    option("--since", metavar="TIME", help="read only readings of this time or later, in UTC")
    option("--before", metavar="TIME", help="read only readings before this time, in UTC")


def add_dialect_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how raw files are written."""
    option = parser.add_argument_group("how the files are written, if they leave it ambiguous").add_argument
    option(
        "--delimiter",
        metavar="CHARACTER",
        help="between cells: comma, semicolon, tab, pipe, or one character",
    )
    option("--decimal", metavar="MARK", help="the decimal mark: '.' or ','")
    option("--encoding", metavar="NAME", help="such as utf-8, latin-1, cp1252 or utf-16")
    option(
        "--date-format",
        metavar="FORMAT",
        help="in the notation of strptime, such as %%d/%%m/%%Y, or epoch_s, epoch_ms, epoch_us, epoch_ns",
    )


def columns(options: argparse.Namespace) -> Columns:
    """Return the options as `Columns`; raises SettingError for a malformed one."""
    where = []
    for condition in options.where:
        column, equals, text = condition.partition("=")
        if not (column and equals):
            raise SettingError(f"--where must look like split=train, not {condition!r}")
        where.append((column, text))
    regressors = tuple(name.strip() for name in options.regressors.split(",") if name.strip())
    return Columns(
        customer_id=options.customer_id,
        timestamp=options.timestamp,
        value=options.value,
        regressors=regressors,
        where=tuple(where),
        since=time_of("--since", options.since),
        before=time_of("--before", options.before),
    )


def time_of(option: str, text: str | None) -> str:
    """Return a time in the form of readings, 2026-01-31 00:00:00; raises SettingError for another text."""
    from fleetcast.readings import parse_times  # noqa: PLC0415 - slow; --help does without
    from processing.usable_rows import as_text  # noqa: PLC0415 - slow; --help does without

    if not text:
        return ""
    parsed = parse_times([text])
    if parsed.reasons:
        raise SettingError(f"{option} must be a time such as 2026-01-31T13:45:00, not {text!r}")
    return as_text(parsed.values)[0]


def reading_options(**texts: str | None) -> "ReadingOptions":
    """Return the options of `DIALECT`; raises SettingError, which names the option, for a wrong one."""
    from fleetcast.readings import ReadingOptions  # noqa: PLC0415 - slow; --help does without

    try:
        return ReadingOptions(**texts)
    except OptionError as error:
        name, _, text = str(error).partition(" ")
        raise SettingError(f"--{name.replace('_', '-')} {text}") from error
