"""Text files that strangers wrote: a byte order mark says how one is encoded, and is no part of it."""

from __future__ import annotations

import codecs
from pathlib import Path

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Notepad writes the first, PowerShell's `>` and Excel's "Unicode text" the second."""


def encoding_of(head: bytes) -> str:
    """Return the encoding that the first bytes of a text ask for: UTF-8 where they ask for none."""
    return next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8")


def file_encoding(path: Path) -> str:
    """Return the encoding of a text file, as its first bytes say."""
    with path.open("rb") as file:
        return encoding_of(file.read(3))


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file; what cannot be decoded is replaced."""
    return path.read_text(encoding=file_encoding(path), errors="replace").splitlines()
