"""Writing a file in one step: whoever reads it sees the old one or the new one, never half of one.

Names in a folder may be links that a stranger put there. None is followed: a file takes the place of a link
of its name, and a folder that is a link is refused.
"""

from __future__ import annotations

import errno
import importlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from bench.files.opening import folder_fault

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = (
    os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINKS | getattr(os, "O_BINARY", 0)
)  # a name that is there already, be it a link, is never opened
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.part")
_OLD = 60.0  # seconds
NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
"""Errors of a disk, a quota or a limit that is used up; the system names no file in them."""


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a stream that takes the place of `path` when the block ends; on any failure nothing changes.

    The stream can seek. Its bytes are on the disk before the name is given to them. Several writers may be at
    one path: the last to end wins, and each file is whole. The folder is made where it is missing. Raises
    `OSError`, where the folder is a link too.
    """
    folder = make_folder(path.parent)
    unfinished = folder / f".{secrets.token_hex(8)}.part"
    try:
        descriptor = os.open(unfinished, _FLAGS, 0o666)  # less what the user's umask takes away
    except OSError as fault:
        raise _at(path, fault) from fault
    try:
        with os.fdopen(descriptor, "w+b") as file:
            _hold(descriptor)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name == "posix":  # while the file is held; elsewhere no open file can be renamed
                unfinished.replace(path)
        if os.name != "posix":
            unfinished.replace(path)
    except BaseException as fault:
        with suppress(OSError):
            unfinished.unlink()
        if isinstance(fault, OSError) and fault.errno in NO_ROOM:
            raise _at(path, fault) from fault
        raise


def sweep(folder: Path) -> None:
    """Remove what killed writers left in a folder: files that `replacing` began and that nobody holds.

    A writer holds its file as long as it lives; the system takes the hold from a dead one. An empty file may
    be of a writer that lives and holds it in a moment, so it goes only once it is old.
    """
    for path in folder.glob(".*.part"):
        if not _UNFINISHED.fullmatch(path.name):
            continue
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | _NO_LINKS)
            with os.fdopen(descriptor, "rb"):
                state = os.fstat(descriptor)
                if (state.st_size or time.time() - state.st_mtime > _OLD) and _hold(descriptor):
                    path.unlink()


def _hold(descriptor: int) -> bool:
    """Hold an open file until it is closed; return whether that could be done, and nobody else holds it."""
    try:
        fcntl = importlib.import_module("fcntl")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False  # Windows, or a file system that has no locks: what was left stays
    return True


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


@contextmanager
def appending(path: Path) -> Iterator[TextIOWrapper]:
    """Give a stream that adds lines to a log, each as it is written; raise `OSError` where it is a link."""
    place = make_folder(path.parent) / path.name
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NO_LINKS | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(place, flags, 0o666), "a", buffering=1, encoding="utf-8") as log:
        yield log


@contextmanager
def resuming(path: Path, size: int) -> Iterator[BinaryIO]:
    """Give a stream behind the first `size` bytes of a file, which lose what followed them.

    It is made where it is missing; then `size` is 0. For rows that take hours: those written before a kill
    stay. Raises `OSError` where it, or its folder, is a link.
    """
    place = make_folder(path.parent) / path.name
    flags = os.O_RDWR | os.O_CREAT | _NO_LINKS | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(place, flags, 0o666), "r+b") as file:
        file.truncate(size)
        file.seek(size)
        yield file


def make_folder(root: Path, *names: str) -> Path:
    """Make the folder `root/name/name/...` and return it.

    Raises `NotADirectoryError` where `root`, or a folder of one of these names, is a link or a file.
    """
    folder = root
    root.mkdir(parents=True, exist_ok=True)
    for name in ("", *names):
        folder = folder / name if name else folder
        with suppress(FileExistsError):
            folder.mkdir()
        if fault := folder_fault(folder):
            raise NotADirectoryError(errno.ENOTDIR, fault, str(folder))
    return folder


def room_left(path: Path) -> str:
    """Say which disk a path lies on, and how much of it is free; of a path that is not there, the nearest."""
    place = path.absolute()
    while not place.is_dir():
        place = place.parent
    disk = place
    while not os.path.ismount(disk):
        disk = disk.parent
    usage = shutil.disk_usage(place)
    return f"the disk of {place}, mounted at {disk}: {usage.free:,} of {usage.total:,} bytes are free"


def _at(path: Path, fault: OSError) -> OSError:
    """Return the same fault, of the file that was to be written."""
    return OSError(fault.errno, fault.strerror, str(path))
