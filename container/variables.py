"""Environment variables and hyperparameters, each declared once: name, default, accepted values, a sentence.

A declaration reads its variable from a mapping of texts and describes itself.  The parser, `--help` and the
tables of the documentation come from the same declaration, so they cannot differ.
"""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from container.values import choice, finite_number, flag, fraction, whole_number

HELP_WIDTH: Final = 100
"""Columns of `--help`, as wide as the descriptions above it."""


class Variable(Protocol):
    """An environment variable or a hyperparameter of a program."""

    @property
    def name(self) -> str:
        """The name in the environment, or in the file of hyperparameters."""

    @property
    def meaning(self) -> str:
        """One sentence: what the variable decides."""

    @property
    def default_text(self) -> str:
        """The default in words; empty where the variable has none."""

    @property
    def accepted(self) -> str:
        """The accepted values in words."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A default that depends on the machine: the rule, and the same in words."""

    value: Callable[[], int]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeNumber:
    """A variable that holds a whole number from `minimum` to `maximum`, in `unit`."""

    name: str
    meaning: str
    default: int | Computed
    minimum: int = 1
    maximum: int | None = None
    unit: str = ""

    @property
    def default_text(self) -> str:
        """See `Variable`."""
        if isinstance(self.default, Computed):
            return self.default.words
        return f"{self.default} {self.unit}".rstrip()

    @property
    def accepted(self) -> str:
        """See `Variable`."""
        if self.maximum is None:
            unit = self.unit.removesuffix("s") if self.minimum == 1 else self.unit
            return f"at least {self.minimum} {unit}".rstrip()
        return f"{self.minimum} to {self.maximum} {self.unit}".rstrip()

    def read(self, env: Mapping[str, str]) -> int:
        """Return the variable's number; raise `SettingError` for a value that is not accepted."""
        default = self.default.value() if isinstance(self.default, Computed) else self.default
        return whole_number(env, self.name, default=default, minimum=self.minimum, maximum=self.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fraction:
    """A variable that holds a number from `minimum` to 1."""

    name: str
    meaning: str
    default: float
    minimum: float = 0.0

    @property
    def default_text(self) -> str:
        """See `Variable`."""
        return f"{self.default:g}"

    @property
    def accepted(self) -> str:
        """See `Variable`."""
        return f"{self.minimum:g} to 1"

    def read(self, env: Mapping[str, str]) -> float:
        """Return the variable's number; raise `SettingError` for a value that is not accepted."""
        return fraction(env, self.name, default=self.default, minimum=self.minimum)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiniteNumber:
    """A variable that holds a finite number, and has no default."""

    name: str
    meaning: str
    default_text: str = ""
    accepted: str = "a finite number"

    def read(self, env: Mapping[str, str]) -> float | None:
        """Return the variable's number, None where it is unset; raise `SettingError` for another value."""
        return finite_number(env, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A variable that is true or false, and false where it is not set."""

    name: str
    meaning: str
    default_text: str = "`false`"
    accepted: str = "`true` or `false`"

    def read(self, env: Mapping[str, str]) -> bool:
        """Return the variable's truth; raise `SettingError` for a value that is not accepted."""
        return flag(env, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A variable that holds one of a few texts."""

    name: str
    meaning: str
    among: tuple[str, ...]
    default: str
    default_words: str = ""
    """The rule in words, where the default depends on other variables."""
    among_words: str = ""
    """The accepted values in words, where a list of them would be long."""

    @property
    def default_text(self) -> str:
        """See `Variable`."""
        return self.default_words or f"`{self.default}`"

    @property
    def accepted(self) -> str:
        """See `Variable`."""
        return self.among_words or ", ".join(f"`{value}`" for value in self.among)

    def read(self, env: Mapping[str, str]) -> str:
        """Return the variable's text; raise `SettingError` where it is none of `among`."""
        return choice(env, self.name, among=self.among, default=self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A variable that holds any text."""

    name: str
    meaning: str
    accepted: str
    default: str = ""
    default_words: str = ""
    """The rule in words, where no fixed text is the default."""

    @property
    def default_text(self) -> str:
        """See `Variable`."""
        return self.default_words or (f"`{self.default}`" if self.default else "")

    def read(self, env: Mapping[str, str]) -> str:
        """Return the variable's text, or the default where it is unset or empty."""
        return env.get(self.name) or self.default


def markdown_table(variables: Iterable[Variable], *, kind: str = "variable") -> str:
    """Return the variables as a table in Markdown, one row each, in their order; `kind` heads the names."""
    rows = [
        f"| `{each.name}` | {each.default_text or 'none'} | {each.accepted} | {each.meaning} |"
        for each in variables
    ]
    return "\n".join(
        [f"| {kind} | default | accepted values | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    )


def help_text(variables: Iterable[Variable]) -> str:
    """Return the variables for `--help`: the name on a line of its own, then sentence, values and default."""
    blocks = []
    for each in variables:
        default = f"; default: {each.default_text}" if each.default_text else ""
        sentence = f"{each.meaning} ({each.accepted}{default})".replace("`", "")
        blocks += [f"  {each.name}", textwrap.indent(textwrap.fill(sentence, HELP_WIDTH - 6), "      ")]
    return "\n".join(blocks)
