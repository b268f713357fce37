"""Writing a file in one step: whoever reads it sees the old one or the new one, never half of one."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from bench.files.opening import folder_fault

_FLAGS = (
    os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)  # a name that is there already, be it a link, is never opened


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a stream that takes the place of `path` when the block ends; on any failure nothing changes.

    The stream can seek. Its bytes are on the disk before the name is given to them. Several writers may be at
    one path: the last to end wins, and each file is whole. The folder is made where it is missing. Raises
    `OSError`, where the folder is a link too.
    """
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    if fault := folder_fault(folder):
        raise NotADirectoryError(errno.ENOTDIR, fault, str(folder))
    unfinished = folder / f".{secrets.token_hex(8)}.part"
    descriptor = os.open(unfinished, _FLAGS, 0o666)  # less what the user's umask takes away
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


@contextmanager
def replacing_text(path: Path) -> Iterator[TextIOWrapper]:
    """Give a stream of UTF-8 text as `replacing` gives one of bytes; line ends stay as they are written."""
    with replacing(path) as file:
        stream = TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            yield stream
        finally:
            stream.detach()  # flushes it; the bytes are closed by `replacing`


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file in one step; raises what `replacing` raises."""
    with replacing(path) as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, its line ends as they are, in one step; raises what `replacing` raises."""
    write_bytes(path, text.encode())
