"""Arrays in .npz archives, read without trust: what reading them has in common, whoever wants them.

Sizes come from the archive's directory, shape and type from the array's header, and data are read only
where all three agree. Objects, which numpy would unpickle, are refused by their type.
"""

from __future__ import annotations

import math
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bench.errors import SubmissionError
from bench.submissions.faults import Fault, quoted

UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` raises where the bytes are not those that were written."""

_HEADER_BYTES = 4096
_HEADER = re.compile(
    rb"\s*\{\s*'descr':\s*(.{1,1000}?),\s*'fortran_order':\s*(True|False),"
    rb"\s*'shape':\s*\(([0-9, ]{0,200})\)\s*,?\s*\}\s*",
    re.DOTALL,
)
_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex", "b": "bool"}


def repeated(members: Sequence[zipfile.ZipInfo]) -> Iterator[Fault]:
    """Name what stands in the archive more than once."""
    for name, count in Counter(member.orig_filename for member in members).items():
        if count > 1:
            yield Fault("twice", f"{quoted(name)} stands in the archive {count} times")


def read_array(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    fits: Callable[[str], bool],
    expected: str,
    wanted: tuple[int, ...] | None = None,
) -> tuple[tuple[int, ...], np.ndarray | None]:
    """Return the shape that the header says and the data, C-ordered in the machine's byte order.

    `fits` says whether a type such as "<f4" will do, `expected` names those that do. Where another
    shape is wanted no data are read. Raises `SubmissionError`, or one of `UNREADABLE`.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SubmissionError("packed in an unusual way: use numpy.savez or numpy.savez_compressed")
    with archive.open(member) as stream:
        (descr, fortran, dimensions), offset = _read_header(stream.read)
        plain = re.fullmatch(r"'([<>|=]?[a-zA-Z][0-9]{0,4})'", descr.decode("latin-1"))
        if not plain or not fits(plain[1]):
            raise SubmissionError(f"{_type_name(descr.decode('latin-1'))}, expected {expected}")
        dtype = np.dtype(plain[1])
        shape = tuple(int(size) for size in dimensions.replace(b" ", b"").split(b",") if size)
        says = offset + dtype.itemsize * math.prod(shape)
        if says != member.file_size:
            raise SubmissionError(
                f"the header says {shape}, {says:,} bytes, the archive holds {member.file_size:,}: "
                "truncated or not what it says"
            )
        if wanted not in (None, shape):
            return shape, None
        data = stream.read(says - offset + 1)
    if len(data) != says - offset:
        raise SubmissionError(f"{len(data):,} bytes of data, expected {says - offset:,}: truncated")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran == b"True" else "C")
    return shape, np.asarray(array, dtype.newbyteorder("="), order="C")


def _read_header(read: Callable[[int], bytes]) -> tuple[tuple[bytes, ...], int]:
    """Return type, order and shape as written, and where the data start."""
    start = read(8)
    if start not in (b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00"):
        raise SubmissionError("not a numpy array")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(read(width), "little")
    if length > _HEADER_BYTES:
        raise SubmissionError(f"a header of {length:,} bytes, expected at most {_HEADER_BYTES:,}")
    text = read(length)
    match = _HEADER.fullmatch(text)
    if len(text) != length or not match:
        raise SubmissionError("the header of the array cannot be read")
    return match.groups(), len(start) + width + length


def _type_name(descr: str) -> str:
    """Say in numpy's words what a header calls '<f8', '>f4' or '|O'."""
    match = re.fullmatch(r"'([<>|=])?([a-zA-Z])([0-9]{0,4})(\[[0-9a-zA-Z]*\])?'", descr)
    if not match:
        return "structured records"
    order, kind, size, _ = match.groups()
    if kind == "O":
        return "Python objects"
    if kind not in _KINDS or not size:
        return f"numpy type {descr}"
    name = _KINDS[kind] + ("" if kind == "b" else str(8 * int(size)))
    return f"big-endian {name}" if order == ">" else name
