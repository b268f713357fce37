"""TOML, with what would make its parser slow or deep refused before."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from bench.errors import FileError
from bench.files.opening import open_regular
from bench.files.texts import encoding_of

DOTS = 200
"""In one line: time and memory that `tomllib` takes grow with the square of the parts of a key."""


def read_toml(path: Path, limit: int, *, follow: bool = False) -> tuple[dict[str, Any], str]:
    """Return the content of a regular file of at most `limit` bytes, and its text, to count lines in.

    A byte order mark is no part of it; `follow` is that of `open_regular`. Raises `FileError` saying what is
    wrong.
    """
    with open_regular(path, limit, follow=follow) as file:
        data = file.read()
    try:
        text = data.decode(encoding_of(data))
    except UnicodeDecodeError as fault:
        raise FileError(f"not UTF-8: byte {fault.start:,} is {data[fault.start]:#04x}") from None
    return parse_toml(text), text


def parse_toml(text: str) -> dict[str, Any]:
    """Return the content of a text; raise `FileError` saying what is wrong."""
    if max(line.count(".") for line in text.split("\n")) > DOTS:
        raise FileError(f"a line of more than {DOTS} dots: not read")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise FileError("not a TOML file (nested too deep)") from None
    except ValueError as fault:  # bad TOML, or a number of ten thousand digits
        raise FileError(f"not a TOML file ({fault})") from None
