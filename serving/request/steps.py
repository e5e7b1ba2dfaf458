"""Generators that work in steps of a few milliseconds and return a value at their end."""

from collections.abc import Generator
from typing import TypeVar

Value = TypeVar("Value")


def finished(steps: Generator[None, None, Value]) -> Value:
    """Take all steps at once, and return the value."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: Value = end.value
            return value
