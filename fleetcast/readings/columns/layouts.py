"""The ways to write a time: which characters of a text are its year, its hour and its zone.

A template is a text with 0 for each digit, so that `00` in a pattern stands for any two digits.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
NOT_A_TIME = "is not a time such as 2026-01-31 13:45:00"
DIGITS_OF_UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""The number of digits after the seconds in a time since 1970, by unit."""

_MONTH = "|".join(f"{name[:3]}|{name}" for name in MONTHS) + "|sept"
_ISO = r"(?P<year>0000)(?P<mark>[-/.])(?P<month>00?)(?P=mark)(?P<day>00?)"
_NAMED = (
    rf"(?P<day>00?)(?:[-/ ]|\. ?)(?P<name>{_MONTH})(?:[-/ ]|\.? |, )(?P<year>0000)",
    rf"(?P<name>{_MONTH})\.? (?P<day>00?),? (?P<year>0000)",
    rf"(?P<year>0000)[-/ ](?P<name>{_MONTH})[-/ ](?P<day>00?)",
)
_ORDER = r"(?P<first>00?)(?P<mark>[-/.])(?P<second>00?)(?P=mark)(?P<year>0000)"
_COMPACT = r"(?P<year>0000)(?P<month>00)(?P<day>00)"
_FRACTION = r"(?:[.,](?P<fraction>0+))?"
_CLOCK = (
    rf"(?:t|,? +)(?:(?P<hour>00?):(?P<minute>00)(?::(?P<seconds>00){_FRACTION})?(?: ?(?P<half>[ap])\.?m\.?)?"
    r"|(?P<hour_2>00?) ?(?P<half_2>[ap])\.?m\.?|(?P<hour_3>00))"
)
_ZONE = (
    r"(?: ?(?P<utc>z|utc|gmt)| ?(?P<sign>[+-])(?P<zone_hour>00)(?::?(?P<zone_minute>00))?)?"
    r"(?: ?\[(?P<zone>[a-z_/-]+)\]| (?P<zone_2>[a-z]+(?:[/_-][a-z]+)+))?"
)
_ALONE = r"(?: ?(?P<utc_2>z|utc|gmt))"
_COMPACT_CLOCK = rf"(?P<hour>00)(?P<minute>00)(?:(?P<seconds>00){_FRACTION})?"
_ZEROS = r"(?:\.(?P<zeros>0+))?"

PATTERNS: tuple[tuple[str, str], ...] = (
    *((f"{date}(?:{_CLOCK}{_ZONE}|{_ALONE})?", "") for date in (_ISO, *_NAMED)),
    (f"{_ORDER}(?:{_CLOCK}{_ZONE}|{_ALONE})?", "order"),
    (f"{_COMPACT}(?:{_CLOCK}{_ZONE}|{_ALONE})", ""),
    (f"{_COMPACT}{_ZEROS}", "digits"),
    (f"{_COMPACT}[t ]{_COMPACT_CLOCK}{_ZONE}", ""),
    (rf"{_COMPACT}(?P<hour>00)(?P<minute>00){_ZEROS}", "digits"),
    (rf"{_COMPACT}(?P<hour>00)(?P<minute>00)(?P<seconds>00){_FRACTION}{_ZONE}", "digits"),
    (r"(?P<year>0000)[-/](?P<month>00)", "months"),
    *(
        (rf"(?P<epoch_{unit}>0{{{10 + digits}}}){_FRACTION}", "hours" if unit == "s" else "epoch")
        for unit, digits in DIGITS_OF_UNITS.items()
    ),
)
"""Every way to write a time that is read without date_format, and the `doubt` of its `Layout`."""

_ANY_DATE = r"(?:0000[-/.]00?[-/.]00?|00?[-/.]00?[-/.]0000|00000000)"
NO_EPOCH = (
    "is a number that no way of writing a time explains; read are yyyymmdd, yyyymmddHHMM, yyyymmddHHMMSS and "
    "seconds to nanoseconds since 1970 from 2001-09-09 on; set date_format for others"
)
HINTS: tuple[tuple[str, str], ...] = (
    (r"[+-]?inf(?:inity)?", "is infinite"),
    (r".*\b(?:bc|b\.c\.|bce)\)?", "is before Christ"),
    (
        rf"(?:00?[-/.]00?[-/.]00|00?[-/. ]*(?:{_MONTH})[-/., ]*00|(?:{_MONTH})[. ]*00?,? 00)(?:[t ,].*)?",
        "has a year of two digits, which may be of any century; set date_format",
    ),
    (r"0000(?:\.0*)?", "is a year alone; write 2026-01-01, or set date_format to %Y"),
    (r"00000(?:\.0*)?", "is a number as Excel counts days; format its cells as dates and export them again"),
    (r"0\.0+e\+?0+|0e\+?0+", "is a number whose digits a spreadsheet has cut off; export the whole number"),
    (r"[+-]?0+(?:[.,]0*)?", NO_EPOCH),
    (r"00?:00.*", "is a time of day without a date"),
    (r"0000-?w00.*", "is a week of a year; write its day"),
    (r"0000-000", "is a day of a year; write month and day"),
    (rf"{_ANY_DATE} ?(?:[+-]00(?::?00)?|[a-z/_]+)", "has a zone but no time of day"),
    (
        rf"{_ANY_DATE}(?:t| +)[0:., apm]+ ?[a-z]{{1,5}}[+-]?0{{0,2}}[a-z]*",
        "names its zone by letters that are not unique; write an offset such as +01:00 or Europe/Berlin",
    ),
    (r".*\?.*", "is longer than any time, or is not written in ASCII"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a time are in every text with the same template."""

    parts: Mapping[str, slice]
    """The digits of year, month, day, hour, minute, seconds, fraction, zone_hour, zone_minute; of first and
    second, of which one is the day; of zeros, which must be zero; of epoch, a number since 1970."""
    words: Mapping[str, str]
    """The texts that all of them share: name (of the month), half (am or pm), sign, utc, zone, mark."""
    doubt: str = ""
    """What only the whole column can decide: 'order', 'hours', 'epoch', 'digits', 'months' or ''."""
    unit: str = ""
    """The unit of a time since 1970, such as 'ms'; '' for any other time."""


@lru_cache(maxsize=1024)
def layout_of(template: str, date_format: str | None) -> Layout | str:
    """Return where the parts of texts with this template are, or why the texts are not times."""
    patterns = _built_in() if date_format is None else _named(date_format)
    for pattern, doubt in patterns:
        if match := pattern.fullmatch(template):
            return _layout(match, doubt)
    if date_format is not None:
        return f"is not written as date_format {date_format!r} says"
    return next((hint for pattern, hint in _hints() if pattern.fullmatch(template)), NOT_A_TIME)


def _layout(match: re.Match[str], doubt: str) -> Layout:
    parts: dict[str, slice] = {}
    words: dict[str, str] = {}
    unit = ""
    for group, text in match.groupdict().items():
        if text is None:
            continue
        name = group.rstrip("_23")
        if name.startswith("epoch"):
            name, _, unit = name.partition("_")
        if text.strip("0"):
            words[name] = text
        else:
            parts[name] = slice(*match.span(group))
    return Layout(parts, words, doubt, unit)


@lru_cache(maxsize=1)
def _built_in() -> Sequence[tuple[re.Pattern[str], str]]:
    return _compiled(PATTERNS)


@lru_cache(maxsize=1)
def _hints() -> Sequence[tuple[re.Pattern[str], str]]:
    return _compiled(HINTS)


def _compiled(patterns: Iterable[tuple[str, str]]) -> Sequence[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern, re.IGNORECASE | re.ASCII), text) for pattern, text in patterns]


@lru_cache(maxsize=16)
def _named(date_format: str) -> Sequence[tuple[re.Pattern[str], str]]:
    return _compiled([(pattern_of(date_format), "")])


_DIRECTIVES = {
    "Y": r"(?P<year>0000)",
    "y": r"(?P<short_year>00)",
    "m": r"(?P<month>{})",
    "d": r"(?P<day>{})",
    "b": rf"(?P<name>{_MONTH})",
    "B": rf"(?P<name>{_MONTH})",
    "H": r"(?P<hour>{})",
    "I": r"(?P<hour>{})",
    "M": r"(?P<minute>{})",
    "S": r"(?P<seconds>{})",
    "f": r"(?P<fraction>0{{1,9}})",
    "p": r"(?P<half>[ap])\.?m\.?",
    "z": r"(?:(?P<utc>z)|(?P<sign>[+-])(?P<zone_hour>00)(?::?(?P<zone_minute>00))?)",
    "Z": r"(?:(?P<utc_2>utc|gmt)|(?P<zone>[a-z]+(?:[/_-][a-z]+)+))",
    "%": "%",
}
"""The pattern of each directive; {} becomes one or two digits, or two if a digit is next to them."""
_FIELDS = {"Y": "year", "y": "year", "m": "month", "b": "month", "B": "month", "H": "hour", "I": "hour"}
_FIELDS |= {"z": "zone", "Z": "zone"}
"""The part of a time that a directive is; a format has each part at most once."""
_LETTER_DIRECTIVES = frozenset("bBpzZ%")


def pattern_of(date_format: str) -> str:
    """Return the pattern of a `date_format`; raises ValueError with what is accepted."""
    if date_format.removeprefix("epoch_") in DIGITS_OF_UNITS and date_format.startswith("epoch_"):
        return rf"(?P<minus>-)?(?P<{date_format}>0{{1,19}}){_FRACTION}"
    names = re.findall("%(.?)", date_format)
    fields = [_FIELDS.get(name, name) for name in names if name != "%"]
    needed = {"year"} | ({"month"} if "d" in fields else set())
    literal = re.sub("%.?", "", date_format)
    is_plain = literal.isascii() and not re.search("[0-9]", literal) and set(names) <= _DIRECTIVES.keys()
    if not is_plain or not needed <= set(fields) or len(set(fields)) < len(fields):
        raise ValueError(
            f"date_format must have the year, the month of a day, and each of %{', %'.join(_DIRECTIVES)} "
            f"at most once, as in %d.%m.%Y, or be epoch_s, epoch_ms, epoch_us, epoch_ns, not {date_format!r}"
        )
    parts = re.split("(%.)", date_format)
    pattern = ""
    for place, part in enumerate(parts):
        if place % 2 == 0:
            pattern += re.sub(r"(?:\\ )+", " +", re.escape(part))
            continue
        beside = [other[1] for other in (_beside(parts, place, -1), _beside(parts, place, 1)) if other]
        pattern += _DIRECTIVES[part[1]].format("00" if set(beside) - _LETTER_DIRECTIVES else "00?")
    return pattern


def _beside(parts: Sequence[str], place: int, step: int) -> str:
    """Return the directive before (step -1) or after (step 1) another, '' if a text is between them."""
    other = place + 2 * step
    return parts[other] if 0 < other < len(parts) and not parts[place + step] else ""
