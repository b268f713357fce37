"""Locks between processes: a file that one process holds; the system takes it from a dead one."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from bench.files.opening import is_link
from bench.files.writing import make_folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file, after whoever has it; raise `OSError` where it, or its folder, is a link."""
    place = make_folder(path.parent) / path.name
    if is_link(place):
        raise OSError(errno.ELOOP, "a link, expected a lock: links are not followed", str(place))
    with FileLock(place):
        yield
