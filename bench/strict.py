"""What strangers wrote, taken by the letter: JSON as it is defined, and text that a page may show.

JSON has no NaN and no Infinity. Of two entries under one key a lenient reader loses one without a word.
"""

from __future__ import annotations

import gc
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DIGITS = 4_300
"""Of a whole number: Python's own limit; reading more takes the square of the time."""
ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?([/?#][A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]*)?")
_SHOWN = 10
_UNSHOWABLE = {"Cc": "control", "Cf": "format", "Cs": "surrogate", "Zl": "line", "Zp": "paragraph"}


def parse_json(data: bytes) -> Any:
    """Read strict JSON; raise `ValueError` saying what is not."""
    try:
        with uncollected():
            text = data.decode("utf-8-sig")
            return json.loads(text, parse_int=_whole, parse_constant=_refuse, object_pairs_hook=once)
    except RecursionError:
        raise ValueError("nested far too deeply") from None


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave the garbage collector out: it would walk a million rows again and again, none of them garbage."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs, as `json` asks for; raise `ValueError` where a key stands twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = [_quoted(key) for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        more = f" and {len(twice) - _SHOWN} more" if len(twice) > _SHOWN else ""
        raise ValueError(f"keys that stand twice in one object: {', '.join(twice[:_SHOWN])}{more}")
    return made


def text_fault(value: Any, limit: int = 100) -> str | None:
    """Say why a value is no line of text that any page may show; None where it is one."""
    if not isinstance(value, str):
        return f"{type_name(value)}, expected text"
    if not value.strip():
        return "empty, expected text"
    if len(value) > limit:
        return f"{len(value):,} characters, expected at most {limit:,}"
    for character in value:
        if kind := _UNSHOWABLE.get(unicodedata.category(character)):
            return f"holds U+{ord(character):04X}, a {kind} character; expected one line of plain text"
    return None


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a number that a float can hold; true and false are none."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def type_name(value: Any) -> str:
    """Return what TOML calls a value of that type."""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "a date or time")


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits stands in it")
    return int(digits)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} stands in it, which is no JSON number")


def _quoted(key: str) -> str:
    return repr(key if len(key) <= 80 else f"{key[:80]}…")
