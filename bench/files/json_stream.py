"""Large JSON files `{group: {key: value}}`, one value at a time, in the memory of the largest value.

Own code, because the streaming parsers must be told the object whose members they shall yield, while the
groups have other names in every file, and because they cannot pass over a value without parsing it, which an
import that goes on where it was killed wants. They would not be quicker: on 210,000 frames of simulated mice
(70 MB), on two busy cores, ijson 3.6 took 7.7 and 8.9 s with its C backend, this file and `json` 4.9 and
7.1 s, and 0.4 s to pass over them all.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import FileError
from bench.files.strict_json import memory_needed, parse_json

_BLANK = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_WORD = re.compile(rb"[^,}\]\s]++")
# numbers hold no mark of these: in an object of arrays only the braces need to be counted
_MARKS = {b"{": re.compile(rb'[{}"]'), b"[": re.compile(rb'[{}\[\]"]')}


LARGEST = 512 * 2**20
"""Bytes of one value: a recording of a million frames of two mice has some 0.2 GB."""
MEMORY = 6 * 2**30
"""Bytes that one value may take once it is parsed; that recording takes some 2 GB."""
Place = tuple[str, str, int, int]
"""Group, key, and where the text of the value starts and ends, in bytes."""


def entries(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield (group, key, text of the value); the text is not parsed, only its end is found.

    Raises `FileError` where the layout is another, or where the text ends before it does.
    """
    with _mapped(path) as text:
        for group, key, start, end in _places(text):
            yield group, key, _bounded(text[start : min(end, start + LARGEST + 1)])


def index(path: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """Return (group, key) -> where the text of the value is, for `read_at`.

    Raises what `entries` raises, and `FileError` where a key stands twice.
    """
    found: dict[tuple[str, str], tuple[int, int]] = {}
    with _mapped(path) as text:
        for group, key, start, end in _places(text):
            if found.setdefault((group, key), (start, end)) != (start, end):
                raise FileError(f"{key!r} of {group!r} a second time, at byte {start:,}")
    return found


def read_at(path: Path, place: tuple[int, int]) -> bytes:
    """Return the text of a value whose place is known."""
    with path.open("rb") as file:
        file.seek(place[0])
        return _bounded(file.read(min(place[1] - place[0], LARGEST + 1)))


def _bounded(text: bytes) -> bytes:
    """Return the text of a value; raise `FileError` where parsing it would take too much memory."""
    if len(text) > LARGEST:
        raise FileError(f"a value of more than {LARGEST:,} bytes: not read")
    if (needed := memory_needed(text)) > MEMORY:
        raise FileError(f"a value that takes some {needed:,} bytes of memory, at most {MEMORY:,}: not read")
    return text


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    if path.stat().st_size == 0:
        raise FileError("an empty file")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        yield text


def _places(text: mmap.mmap) -> Iterator[Place]:
    at = _after(text, 0, b"{")
    while not _next_is(text, at, b"}"):
        group, at = _name(text, at)
        at = _after(text, at, b"{")
        while not _next_is(text, at, b"}"):
            key, at = _name(text, at)
            end = _end(text, at)
            yield group, key, at, end
            _release(text, end)
            at = _separator(text, end)
        at = _separator(text, _after(text, at, b"}"))
    at = _blank(text, _after(text, at, b"}"))
    if at != len(text):
        raise FileError(f"more text after the end, at byte {at:,}")


def _blank(text: mmap.mmap, at: int) -> int:
    matched = _BLANK.match(text, at)
    return matched.end() if matched else at


def _next_is(text: mmap.mmap, at: int, mark: bytes) -> bool:
    at = _blank(text, at)
    return text[at : at + 1] == mark


def _after(text: mmap.mmap, at: int, mark: bytes) -> int:
    if not _next_is(text, at, mark):
        raise FileError(f"expected {mark.decode()!r} at byte {_blank(text, at):,}")
    return _blank(text, _blank(text, at) + 1)


def _separator(text: mmap.mmap, at: int) -> int:
    return _blank(text, at) if _next_is(text, at, b"}") else _after(text, at, b",")


def _name(text: mmap.mmap, at: int) -> tuple[str, int]:
    at = _blank(text, at)
    matched = _STRING.match(text, at)
    if matched is None:
        raise FileError(f"expected a name in quotes at byte {at:,}")
    try:
        name = parse_json(matched[0])
    except FileError as fault:
        raise FileError(f"no name at byte {at:,}: {fault.title}") from fault
    return name, _after(text, matched.end(), b":")


def _end(text: mmap.mmap, at: int) -> int:
    """Return where the value that starts at `at` ends."""
    marks = _MARKS.get(text[at : at + 1])
    if marks is None:
        matched = _STRING.match(text, at) or _WORD.match(text, at)
        if matched is None:
            raise FileError(f"expected a value at byte {at:,}")
        return matched.end()
    start, depth = at, 0
    while True:
        found = marks.search(text, at)
        string = _STRING.match(text, found.start()) if found and found[0] == b'"' else None
        if found is None or (found[0] == b'"' and string is None):
            raise FileError(f"the value at byte {start:,} does not end")
        at = string.end() if string else found.end()
        if string is None:
            depth += 1 if found[0] in b"{[" else -1
            if depth == 0:
                return at


def _release(text: mmap.mmap, end: int) -> None:
    """Let the pages before `end` go, where the system can be told: they count as memory of the process."""
    pages = end - end % mmap.PAGESIZE
    if pages and hasattr(mmap, "MADV_DONTNEED"):
        text.madvise(mmap.MADV_DONTNEED, 0, pages)
