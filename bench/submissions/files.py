"""Opening files that strangers wrote: regular files of a known size, never a link or a pipe.

A link to the hidden truth would be a perfect score, a pipe would be waited for without end. A hard
link is let through: it cannot travel in a repository, and data managers make them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bench.errors import SubmissionError

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe returns at once
    | getattr(os, "O_BINARY", 0)
)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@contextmanager
def open_regular(path: Path, limit: int) -> Iterator[BinaryIO]:
    """Open a regular file of 1 to `limit` bytes; raise `SubmissionError` saying what it is instead."""
    try:
        _refuse_unless_regular(path.lstat().st_mode)
        descriptor = os.open(path, _FLAGS)
    except OSError as fault:
        raise SubmissionError(f"cannot be opened ({fault.strerror})") from fault
    with os.fdopen(descriptor, "rb") as file:
        opened = os.fstat(descriptor)  # what was opened, should the name have changed hands since
        _refuse_unless_regular(opened.st_mode)
        if opened.st_size == 0:
            raise SubmissionError("empty file")
        if opened.st_size > limit:
            raise SubmissionError(
                f"{opened.st_size:,} bytes, expected at most {limit:,}: too large to be read"
            )
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise SubmissionError("a git-lfs pointer, not the file itself: run `git lfs pull`")
        file.seek(0)
        yield file


def why_no_folder(path: Path) -> str | None:
    """Say why this is not a folder to read from; None where it is one."""
    try:
        mode = path.lstat().st_mode
    except OSError as fault:
        return f"cannot be opened ({fault.strerror})"
    if stat.S_ISLNK(mode):
        return "a link, expected a folder: links are not followed, put the folder itself here"
    return None if stat.S_ISDIR(mode) else "not a folder"


def _refuse_unless_regular(mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise SubmissionError("a link, expected a file: links are not followed, put the file itself here")
    if stat.S_ISDIR(mode):
        raise SubmissionError("a folder, expected a file")
    if not stat.S_ISREG(mode):
        raise SubmissionError("a pipe, socket or device, expected a regular file")
