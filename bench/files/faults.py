"""What is wrong inside a file: the place, what is there, and what was expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

Place = tuple[str | int, ...]
"""The keys and the positions, from 0, that lead to a value."""
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 80
_MEMBERS = 4


@dataclass(frozen=True)
class Fault:
    """One value that is not as it should be."""

    place: Place
    found: str
    expected: str = ""
    """Empty where `found` says it all."""

    def __str__(self) -> str:
        text = f"{self.found}, expected {self.expected}" if self.expected else self.found
        return f"{place_text(self.place)}: {text}" if self.place else text

    def below(self, *steps: str | int) -> Fault:
        """Return the fault as seen from further up in the document."""
        return Fault((*steps, *self.place), self.found, self.expected)


def place_text(place: Place) -> str:
    """Write a place as one reads it: keys with dots, odd keys and positions in brackets.

    >>> place_text(("scores", "f1", "rear up", 2))
    "scores.f1['rear up'][2]"
    """
    text = ""
    for step in place:
        plain = isinstance(step, str) and _PLAIN_KEY.fullmatch(step)
        key = step if plain else f"[{quoted(step) if isinstance(step, str) else step}]"
        text += f".{key}" if plain and text else str(key)
    return text


def quoted(text: str, limit: int = _LONGEST) -> str:
    """Show a name that a stranger chose: control and format characters escaped, long ones cut."""
    return repr(text if len(text) <= limit else text[:limit] + "…")


def shown(value: Any) -> str:
    """Show any value of JSON or TOML in few characters: of a large list or table only the size."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict | list) and not _small(value):
        return f"a table of {len(value):,} keys" if isinstance(value, dict) else f"a list of {len(value):,}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) >= 2**64:  # Python refuses to write very long ones
        return f"a whole number of {value.bit_length():,} bits"
    return str(value)[:_LONGEST]


def _small(value: Any, depth: int = 3) -> bool:
    """Whether a value has so few members that all of them can be shown."""
    if not isinstance(value, dict | list):
        return True
    members = value.values() if isinstance(value, dict) else value
    return depth > 0 and len(value) <= _MEMBERS and all(_small(member, depth - 1) for member in members)
