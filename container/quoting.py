r"""Quotes and escapes names and texts from data, so that they cannot look like a log line or a metric.

SageMaker reads metrics out of the log by regexes such as `mean_mase=([0-9.]+);`, line by line.  A customer's
folder may have any name, even one with a newline or with `;mean_mase=0;` in it.
"""

import re
from typing import Final

MOST_CHARACTERS: Final = 300
"""The longest text that is quoted whole; of a longer one the middle is left out."""
_LEFT_OUT: Final = " ... "
_METRIC_SIGN: Final = re.compile(r"=(?=[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?\s*;)")
"""The `=` of a text that a metric definition could match: `name=number;`."""
_ALWAYS_ESCAPED: Final = str.maketrans({"\\": r"\\", "'": r"\'", "=": r"\x3d"})


def quoted(text: object, *, most_characters: int = MOST_CHARACTERS) -> str:
    r"""Return a text in single quotes for a log line or an error message.

    Unprintable characters (newlines, ESC, marks that turn the direction of text, bytes that are no UTF-8),
    quotes, backslashes and `=` become Python escapes: `'x;mean_mase\x3d0.1;'`.
    """
    whole = str(text)
    if len(whole) > most_characters:
        half = (most_characters - len(_LEFT_OUT)) // 2
        whole = whole[:half] + _LEFT_OUT + whole[-half:]
    return f"'{_printable(whole.translate(_ALWAYS_ESCAPED))}'"


def one_line(text: str) -> str:
    """Return a whole message as one line of printable characters that no metric definition matches."""
    if "=" in text:
        text = _METRIC_SIGN.sub(r"\\x3d", text)
    return _printable(text)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
