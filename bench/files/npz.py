"""Arrays in .npz archives, read without trust.

Sizes come from the archive's directory, shape and type from the array's header, and data are read only
where all three agree. Objects, which numpy would unpickle, are refused by their type.
"""

from __future__ import annotations

import io
import math
import os
import struct
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from numpy.lib.format import read_array_header_1_0, read_array_header_2_0

from bench.errors import FileError

_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)  # what `zipfile` raises where the bytes are not those that were written
_HEADER_BYTES = 4096
_VERSIONS = {
    b"\x93NUMPY\x01\x00": (2, read_array_header_1_0),
    b"\x93NUMPY\x02\x00": (4, read_array_header_2_0),
}
_END_BYTES = 22
_ZIP64_LOCATOR_BYTES = 20

Shape = tuple[int, ...]


@contextmanager
def open_npz(
    file: BinaryIO, arrays: int | None = None, unpacked: int | None = None
) -> Iterator[zipfile.ZipFile]:
    """Open an archive; raise `FileError` where it is none, or needs more than `unpacked` bytes of memory.

    Where `arrays` are expected, a list of far more names is refused before it is read.
    """
    if arrays is not None:
        _check_directory(file, arrays)
    try:
        archive = zipfile.ZipFile(file)
    except _UNREADABLE as fault:
        raise FileError(f"not a readable .npz archive ({fault}): save it with numpy.savez") from fault
    with archive:
        needed = sum(member.file_size for member in archive.infolist())
        if unpacked is not None and needed > unpacked:
            raise FileError(f"{needed:,} bytes unpacked, expected at most {unpacked:,}: not read")
        yield archive


def repeated(archive: zipfile.ZipFile) -> dict[str, int]:
    """Return the names that stand in the archive more than once, and how often."""
    counts = Counter(member.orig_filename for member in archive.infolist())
    return {name: count for name, count in counts.items() if count > 1}


def read_array(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    fits: Callable[[np.dtype], bool],
    expected: str,
    wanted: Shape | None = None,
) -> tuple[Shape, np.ndarray | None]:
    """Return the shape that the header says and the data, C-ordered in the machine's byte order.

    `fits` says whether a type will do, `expected` names those that do. Where another shape is wanted no data
    are read. Raises `FileError`.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileError("packed in an unusual way: use numpy.savez or numpy.savez_compressed")
    try:
        with archive.open(member) as stream:
            shape, in_columns, dtype, offset = _read_header(stream.read)
            if not fits(dtype):
                one_column = wanted and len(wanted) > 1 and shape == wanted[:1]
                labels = "; these look like labels, expected a number for each class" if one_column else ""
                raise FileError(f"{_type_name(dtype)}, expected {expected}{labels}")
            size = dtype.itemsize * math.prod(shape)
            if offset + size != member.file_size:
                raise FileError(
                    f"the header says {shape}, {offset + size:,} bytes, "
                    f"the archive holds {member.file_size:,}: truncated or not what it says"
                )
            if wanted not in (None, shape):
                return shape, None
            data = stream.read(size + 1)
    except _UNREADABLE as fault:
        raise FileError(f"truncated or damaged ({fault})") from fault
    if len(data) != size:
        raise FileError(f"{len(data):,} bytes of data, expected {size:,}: truncated")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if in_columns else "C")
    return shape, np.asarray(array, dtype.newbyteorder("="), order="C")


def _read_header(read: Callable[[int], bytes]) -> tuple[Shape, bool, np.dtype, int]:
    """Return shape, whether columns come first, type, and where the data start."""
    start = read(8)
    if start not in _VERSIONS:
        raise FileError("not a numpy array")
    width, parse = _VERSIONS[start]
    length = read(width)
    if (size := int.from_bytes(length, "little")) > _HEADER_BYTES:
        raise FileError(f"a header of {size:,} bytes, expected at most {_HEADER_BYTES:,}")
    text = read(size)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy mends headers of Python 2 with a warning
            shape, in_columns, dtype = parse(io.BytesIO(length + text))
    except Exception as fault:  # a header that is none can raise anything
        raise FileError("the header of the array cannot be read") from fault
    if min(shape, default=0) < 0:
        raise FileError(f"the header of the array cannot be read: shape {shape}")
    return tuple(map(int, shape)), in_columns, dtype, len(start) + width + size


def _type_name(dtype: np.dtype) -> str:
    """Name a type in numpy's words."""
    if dtype.hasobject:
        return "Python objects"
    if dtype.kind == "V":
        return "structured records"
    name = dtype.name if dtype.kind in "fiucb" else f"numpy type '{dtype.str}'"
    return f"big-endian {name}" if dtype.byteorder == ">" else name


def _check_directory(file: BinaryIO, arrays: int) -> None:
    """Look at the size of the archive's directory before `zipfile` reads all of it.

    An archive of this format ends without a comment, so its last 22 bytes say how long the
    directory is; ZIP64, which says it elsewhere, is for more than 65,535 arrays or 2 GiB.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_BYTES - _ZIP64_LOCATOR_BYTES))
    tail = file.read()
    end = tail[-_END_BYTES:]
    if len(end) < _END_BYTES or end[:4] != b"PK\5\6" or end[-2:] != b"\0\0":
        raise FileError("not an .npz archive, or one that was cut off: save it with numpy.savez")
    if tail[:4] == b"PK\6\7":
        raise FileError("an archive of more than 65,535 arrays or 2 GiB: use Parquet")
    directory = int.from_bytes(end[12:16], "little")
    limit = 1024 * (1000 + 4 * arrays)
    if directory > limit:
        raise FileError(f"a list of arrays of {directory:,} bytes, expected at most {limit:,}")
    file.seek(0)
