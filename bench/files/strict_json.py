"""JSON as it is defined, and nothing that a lenient reader would guess at.

JSON has no NaN and no Infinity; of two values under one key a lenient reader loses one without a word; half a
character (a lone surrogate) is text that nothing can write.

Source: RFC 8259.
"""

from __future__ import annotations

import gc
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from bench.errors import FileError
from bench.files.faults import Fault, Place, quoted
from bench.files.opening import open_regular

DIGITS = 4_300
"""Of a whole number: Python's own limit; reading more takes the square of the time."""
_WEIGHTS = {b"{": 240, b"[": 88, b",": 40, b'"': 32}
"""Bytes that each sign stands for in memory: an object, a list, a value, half a text."""
_SHOWN = 10
_HALF = re.compile(r"[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def read_json(path: Path, limit: int, *, follow: bool = False, memory: int | None = None) -> Any:
    """Return the content of a regular file of at most `limit` bytes; raise `FileError` saying what is wrong.

    `follow` is that of `open_regular`, `memory` that of `parse_json`.
    """
    with open_regular(path, limit, follow=follow) as file:
        return parse_json(file.read(), memory)


def memory_needed(data: bytes) -> int:
    """Return about how many bytes the content of a JSON text takes in memory, which is not parsed for it.

    A text of `[],` needs some thirty times its own length.
    """
    return len(data) + sum(weight * data.count(sign) for sign, weight in _WEIGHTS.items())


def parse_json(data: bytes, memory: int | None = None) -> Any:
    """Read strict JSON in UTF-8, with or without a byte order mark.

    Every number is finite, every text whole, and no key is repeated. A text whose content takes more than
    `memory` bytes is not read. Raises `FileError` saying what is wrong, with the places of the values that
    JSON cannot hold.
    """
    if memory is not None and (needed := memory_needed(data)) > memory:
        raise FileError(f"some {needed:,} bytes of memory, expected at most {memory:,}: not read")
    strange = _ESCAPED_HALF.search(data) is not None

    def number(text: str) -> float:
        nonlocal strange
        value = float(text)
        if not math.isfinite(value):
            strange = True
        return value

    try:
        with uncollected():
            text = data.decode("utf-8-sig")
            content = json.loads(
                text, parse_float=number, parse_int=_whole, parse_constant=number, object_pairs_hook=once
            )
    except UnicodeDecodeError as fault:
        raise FileError(f"not UTF-8: byte {fault.start:,} is {data[fault.start]:#04x}") from None
    except json.JSONDecodeError as fault:
        raise FileError(f"not JSON, or cut short: {fault}") from None
    except RecursionError:
        raise FileError("nested far too deeply") from None
    if strange and (faults := [*map(str, islice(_strange(content), _SHOWN + 1))]):
        more = " and more" if len(faults) > _SHOWN else ""
        raise FileError(f"values that JSON does not have: {'; '.join(faults[:_SHOWN])}{more}")
    return content


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
    """Make an object of its pairs, as `json` asks for; raise `FileError` where a key stands twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = [quoted(key) for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        more = f" and {len(twice) - _SHOWN} more" if len(twice) > _SHOWN else ""
        raise FileError(f"keys that stand twice in one object: {', '.join(twice[:_SHOWN])}{more}")
    return made


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise FileError(f"a number of {len(digits):,} digits, expected at most {DIGITS:,}")
    return int(digits)


def _strange(content: Any) -> Iterator[Fault]:
    """Yield the values that JSON cannot hold, in the order of the text; without recursion."""
    left: list[tuple[Place, Any]] = [((), content)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            left += [((*place, key), inner) for key, inner in reversed(value.items())]
            yield from (Fault(place, f"key {quoted(key)}", "whole characters") for key in value if _half(key))
        elif isinstance(value, list):
            left += [((*place, i), inner) for i, inner in reversed([*enumerate(value)])]
        elif isinstance(value, str) and _half(value):
            yield Fault(place, quoted(value), "whole characters")
        elif isinstance(value, float) and not math.isfinite(value):
            yield Fault(place, str(value), "a finite number")


def _half(text: str) -> bool:
    return _HALF.search(text) is not None
