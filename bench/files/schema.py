"""What a document of JSON or TOML must look like, said as a value; and every fault of one that does not.

    CARD = table({"name": text(100), "tasks": mapping(table({"causal": FLAG}))}, {"code": ADDRESS})
    faults = CARD.faults(tomllib.loads(...))

A schema is made of the functions below. It changes nothing and fills nothing in.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.errors import SHOWN, nearest
from bench.files.faults import Fault, Place, quoted, shown
from bench.files.lookalikes import lookalike

_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?([/?#][A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]*)?")
_UNSHOWABLE = {"Cc": "control", "Cf": "format", "Cs": "surrogate", "Zl": "line", "Zp": "paragraph"}
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks without a shape: fillers, blanks, and what only chooses another shape."""
_MOST_MARKS = 3
"""Marks on one letter: Hebrew, Arabic and Vietnamese set up to three; more hide the lines above."""


@dataclass(frozen=True)
class Schema:
    """What one value must be."""

    expected: str
    """In words: `a number from 0 to 1`."""
    check: Callable[[Any], Iterable[Fault]]

    def faults(self, value: Any) -> list[Fault]:
        """Return every fault of a value, in its order; none where it is as it must be."""
        return list(self.check(value))


def leaf(expected: str, fits: Callable[[Any], bool]) -> Schema:
    """Return the schema of a value that fits or does not."""

    def check(value: Any) -> Iterator[Fault]:
        if not fits(value):
            yield Fault((), shown(value), expected)

    return Schema(expected, check)


def text(limit: int = 100, *, trimmed: bool = False) -> Schema:
    """Return the schema of one line of text that any page may show; `trimmed`: without space around it."""

    def check(value: Any) -> Iterator[Fault]:
        if trimmed and isinstance(value, str) and value != value.strip():
            yield Fault((), shown(value), "text without space around it")
        elif fault := text_fault(value, limit):
            yield fault

    return Schema(f"text of at most {limit:,} characters", check)


def matching(pattern: re.Pattern[str], rule: str) -> Schema:
    """Return the schema of a text that is wholly a pattern; `rule` says in words which."""
    return leaf(rule, lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None)


def choice(*known: str) -> Schema:
    """Return the schema of one of several texts."""

    def check(value: Any) -> Iterator[Fault]:
        if value not in known:
            near = nearest(value, known) if isinstance(value, str) else ""
            yield Fault((), shown(value), expected + near)

    expected = " or ".join(f'"{name}"' for name in known)
    return Schema(expected, check)


def number(low: float | int = -math.inf, high: float | int = math.inf) -> Schema:
    """Return the schema of a finite number, whole or not, with both ends included."""
    return leaf(f"a number{_range(low, high)}", lambda value: is_number(value) and low <= value <= high)


def whole(low: int = -(2**63), high: int = 2**63 - 1) -> Schema:
    """Return the schema of a whole number, with both ends included; 2.0 is none."""
    words = f"a whole number{_range(low, high)}"
    return leaf(words, lambda value: type(value) is int and low <= value <= high)


def nullable(schema: Schema) -> Schema:
    """Return the schema of a value that may be `null`, which means undefined or unknown."""

    def check(value: Any) -> Iterable[Fault]:
        return () if value is None else schema.check(value)

    return Schema(f"{schema.expected} or null", check)


def listed(item: Schema, least: int = 0, most: int = 2**63, *, distinct: bool = False) -> Schema:
    """Return the schema of a list of `least` to `most` items; with `distinct` no text stands there twice."""

    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            yield Fault((), shown(value), expected)
            return
        for i, one in enumerate(value):
            yield from (fault.below(i) for fault in item.check(one))
        texts = Counter(one for one in value if isinstance(one, str)) if distinct else {}
        for one, count in texts.items():
            if count > 1:
                yield Fault((), f"{quoted(one)} stands there {count:,} times", "once")

    several = f" of {least:,}" if least == most else f" of {least:,} to {most:,}" if most < 2**63 else ""
    expected = f"a list{several}, each {item.expected}"
    return Schema(expected, check)


def mapping(values: Schema, keys: Schema | None = None, least: int = 0, most: int = 2**63) -> Schema:
    """Return the schema of a table whose keys are free: names of classes, of runs, of recordings."""

    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, dict) or not least <= len(value) <= most:
            yield Fault((), shown(value), expected)
            return
        for key, inner in value.items():
            if keys is not None:
                yield from (Fault((key,), f"key {fault.found}", fault.expected) for fault in keys.check(key))
            yield from (fault.below(key) for fault in values.check(inner))

    some = f" of {least:,} or more keys" if least else ""
    some = f" of {least:,} to {most:,} keys" if most < 2**63 else some
    expected = f"a table{some}, each {values.expected}"
    return Schema(expected, check)


def table(
    required: Mapping[str, Schema],
    optional: Mapping[str, Schema] | None = None,
    *,
    words: str = "a table",
) -> Schema:
    """Return the schema of a table whose keys are known; what stands in no list is unknown, and a fault."""
    known = {**required, **(optional or {})}

    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield Fault((), shown(value), words)
            return
        unknown = 0
        for key, inner in value.items():
            if key not in known:
                unknown += 1  # of a file of such keys the first tell enough, and each takes time
                yield Fault((key,), f"unknown key{nearest(key, known) if unknown <= SHOWN else ''}")
            else:
                yield from (fault.below(key) for fault in known[key].check(inner))
        yield from (Fault((key,), "missing", known[key].expected) for key in required if key not in value)

    return Schema(words, check)


def sound(value: Mapping[str, Any], faults: Iterable[Fault], place: Place = ()) -> dict[str, Any]:
    """Return the keys of the table at `place` that no fault of the document is about, with their values."""
    inside = [fault.place[len(place) :] for fault in faults if fault.place[: len(place)] == place]
    wrong = {steps[0] for steps in inside if steps}
    return {key: inner for key, inner in value.items() if key not in wrong}


def text_fault(value: Any, limit: int = 100) -> Fault | None:
    """Say why a value is no line of text that any page may show; None where it is one."""
    if not isinstance(value, str):
        return Fault((), shown(value), "text")
    if not value.strip():
        return Fault((), "empty", "text")
    if len(value) > limit:
        return Fault((), f"{len(value):,} characters", f"at most {limit:,}")
    for character in value:
        if kind := _UNSHOWABLE.get(unicodedata.category(character)):
            holds = f"holds U+{ord(character):04X}, a {kind} character"
            return Fault((), holds, "one line of plain text")
    if invisible := _INVISIBLE.search(value):
        holds = f"holds U+{ord(invisible[0]):04X}, an invisible character"
        return Fault((), holds, "one line of plain text")
    if (letter := lookalike(value)) is not None:
        script = unicodedata.name(letter).partition(" ")[0].capitalize()
        holds = f"holds U+{ord(letter):04X}, a {script} letter that looks Latin, in a word of Latin letters"
        return Fault((), holds, "words of one alphabet")
    marks = "".join("m" if unicodedata.category(character) in ("Mn", "Me") else " " for character in value)
    if marks.startswith("m") or "m" * (_MOST_MARKS + 1) in marks:
        words = f"at most {_MOST_MARKS}, on a letter"
        return Fault((), "holds combining marks in a row, or one without a letter", words)
    return None


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a number that a float can hold; true and false are none."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _range(low: float | int, high: float | int) -> str:
    if low in (-math.inf, -(2**63)):
        return "" if high in (math.inf, 2**63 - 1) else f" of at most {high:,}"
    if high == math.inf:
        return f" of at least {low:,}"
    powers = {2**63: "2^63", 2**63 - 1: "2^63 - 1"}
    return f" from {low:,} to {powers.get(int(high), f'{high:,}')}"


def _is_address(value: Any) -> bool:
    return text_fault(value, 300) is None and _ADDRESS.fullmatch(value) is not None


FLAG = leaf("true or false", lambda value: isinstance(value, bool))
ADDRESS = leaf("an address that starts with https://, of at most 300 characters", _is_address)
