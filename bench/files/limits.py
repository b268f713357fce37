"""A bound on the memory that a library may take while it reads a stranger's file.

Sizes that a file states may be lies, and a library asks the system for what it is told. Under the bound the
system refuses, and the library raises. It is one of address space, of the whole process: a thread that
allocates at the same moment counts too. Systems without such a bound (macOS, Windows) read unbounded.
"""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SPARE = 256 * 2**20
"""Bytes for what any library needs beside the content: buffers, code that is loaded, a thread."""
_STATM = Path("/proc/self/statm")


@contextmanager
def limited_memory(most: int) -> Iterator[None]:
    """Let the process take at most `most` bytes, and `SPARE`, more than it has taken by now."""
    if not _STATM.exists():
        yield
        return
    import resource

    taken = int(_STATM.read_text(encoding="ascii").split()[0]) * mmap.PAGESIZE
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    ends = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([taken + most + SPARE, *ends]), hard))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # another thread may have put it back already
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
