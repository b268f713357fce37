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

from bench.errors import DataError, FileError

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # opening a pipe returns at once
    | getattr(os, "O_BINARY", 0)
)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"


@contextmanager
def open_regular(path: Path, limit: int, *, follow: bool = False) -> Iterator[BinaryIO]:
    """Open a regular file of 1 to `limit` bytes; raise `FileError` saying what it is instead.

    With `follow` a link is followed: for a path that the user typed, not for one in a stranger's folder.
    """
    try:
        _refuse_unless_regular((path.stat() if follow else path.lstat()).st_mode)
        descriptor = os.open(path, _FLAGS if follow else _FLAGS | _NO_LINKS)
    except OSError as fault:
        raise FileError(f"cannot be opened ({fault.strerror})") from fault
    with os.fdopen(descriptor, "rb") as file:
        opened = os.fstat(descriptor)  # what was opened, should the name have changed hands since
        _refuse_unless_regular(opened.st_mode)
        if opened.st_size == 0:
            raise FileError("empty file")
        if opened.st_size > limit:
            raise FileError(f"{opened.st_size:,} bytes, expected at most {limit:,}: too large to be read")
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise FileError("a git-lfs pointer, not the file itself: run `git lfs pull`")
        file.seek(0)
        yield file


def folder_fault(path: Path) -> str | None:
    """Say why this is not a folder to read from or to write in; None where it is one."""
    try:
        mode = path.lstat().st_mode
    except OSError as fault:
        return f"cannot be opened ({fault.strerror})"
    if stat.S_ISLNK(mode):
        return "a link, expected a folder: links are not followed, put the folder itself here"
    return None if stat.S_ISDIR(mode) else "not a folder"


def is_absent(path: Path) -> bool:
    """Whether nothing has this name, not even a link that leads nowhere."""
    return not os.path.lexists(path)


def is_link(path: Path) -> bool:
    """Whether a link has this name, wherever it leads."""
    return path.is_symlink()


def holds(path: Path, data: bytes) -> bool:
    """Whether a regular file holds exactly these bytes; one of another size is not read."""
    try:
        with open_regular(path, len(data)) as file:
            return file.read() == data
    except FileError:
        return False


def present(path: Path) -> Path | None:
    """Return the path where it is a file, or a link to one; None where nothing is there.

    Raises `DataError` for a folder, for a link that leads nowhere or in a circle, and the like: they are
    neither the file nor its absence.
    """
    if path.is_file():
        return path
    if path.is_dir():
        what = "a folder"
    elif path.is_symlink():
        what = "a link that leads to no file, or in a circle"
    elif path.exists():
        what = "neither a file nor a folder"
    else:
        return None
    raise DataError(f"{path} is no file", [f"{path.name}: {what}, expected a file"], hint="put a file there")


def _refuse_unless_regular(mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise FileError("a link, expected a file: links are not followed, put the file itself here")
    if stat.S_ISDIR(mode):
        raise FileError("a folder, expected a file")
    if not stat.S_ISREG(mode):
        raise FileError("a pipe, socket or device, expected a regular file")
