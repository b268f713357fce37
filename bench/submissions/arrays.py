"""The .npz form of a run: one float32 array (frames, classes) per `<part>/<recording>`.

Nothing is believed before it is checked: sizes come from the archive's directory, shape and type
from the array's header, and data are read only where all three say what the task needs. Objects,
which numpy would unpickle, are refused by their type.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import BinaryIO

import numpy as np

from bench.errors import SubmissionError
from bench.submissions.faults import Fault, quoted
from bench.submissions.predictions import Found, Key, Scores

_END_BYTES = 22
_ZIP64_LOCATOR_BYTES = 20
_HEADER_BYTES = 4096
_HEADER = re.compile(
    rb"\s*\{\s*'descr':\s*(.{1,1000}?),\s*'fortran_order':\s*(True|False),"
    rb"\s*'shape':\s*\(([0-9, ]{0,200})\)\s*,?\s*\}\s*",
    re.DOTALL,
)
_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex", "b": "bool"}
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
)
"""What `zipfile` raises where the bytes are not those that were written."""


def read_npz(file: BinaryIO, wanted: Mapping[Key, tuple[int, int]]) -> Found:
    """Read the wanted arrays; raise `SubmissionError` where the file is no archive at all."""
    _check_directory(file, len(wanted))
    found = Found()
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            names = Counter(member.orig_filename for member in members)
            for name, count in names.items():
                if count > 1:
                    found.faults.append(Fault("twice", f"{quoted(name)} stands in the archive {count} times"))
            for member in members:
                _read_member(archive, member, wanted, found)
    except _UNREADABLE as fault:
        raise SubmissionError(f"not a readable .npz archive ({fault})") from fault
    return found


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, wanted: Mapping[Key, tuple[int, int]], found: Found
) -> None:
    name = member.orig_filename.removesuffix(".npy")
    part, slash, id_ = name.partition("/")
    if not slash or name == member.orig_filename:
        found.faults.append(
            Fault(
                "array names", f"{quoted(member.orig_filename)}: expected an array named <part>/<recording>"
            )
        )
        return
    key = (part, id_)
    found.shapes[key] = None
    if key not in wanted:
        return
    place = f"{part}/{id_}"
    try:
        shape, scores = _read_array(archive, member, wanted[key])
    except SubmissionError as fault:
        found.faults.append(Fault("arrays", f"{place}: {fault.title}"))
    except _UNREADABLE as fault:
        found.faults.append(Fault("arrays", f"{place}: truncated or damaged ({fault})"))
    else:
        found.shapes[key] = shape
        if scores is not None:
            found.arrays[key] = scores


def _read_array(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, wanted: tuple[int, int]
) -> tuple[tuple[int, ...], Scores | None]:
    """Return the shape that the header says and, where it is the wanted one, the data."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SubmissionError("packed in an unusual way: use numpy.savez or numpy.savez_compressed")
    with archive.open(member) as stream:
        header, offset = _read_header(stream.read)
        descr, fortran, dimensions = header
        if descr != b"'<f4'":
            raise SubmissionError(
                f"{_type_name(descr.decode('latin-1'))}, expected little-endian float32: "
                'save scores.astype("<f4")'
            )
        shape = tuple(int(size) for size in dimensions.replace(b" ", b"").split(b",") if size)
        says = offset + 4 * math.prod(shape)
        if says != member.file_size:
            raise SubmissionError(
                f"the header says {shape}, {says:,} bytes, the archive holds {member.file_size:,}: "
                "truncated or not what it says"
            )
        if shape != wanted:
            return shape, None
        data = stream.read(says - offset + 1)
    if len(data) != says - offset:
        raise SubmissionError(f"{len(data):,} bytes of data, expected {says - offset:,}: truncated")
    scores = np.frombuffer(data, dtype="<f4").reshape(shape, order="F" if fortran == b"True" else "C")
    return shape, np.ascontiguousarray(scores, dtype=np.float32)


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
        raise SubmissionError("not an .npz archive, or one that was cut off: save it with numpy.savez")
    if tail[:4] == b"PK\6\7":
        raise SubmissionError("an archive of more than 65,535 arrays or 2 GiB: use Parquet")
    directory = int.from_bytes(end[12:16], "little")
    limit = 1024 * (1000 + 4 * arrays)
    if directory > limit:
        raise SubmissionError(f"a list of arrays of {directory:,} bytes, expected at most {limit:,}")
    file.seek(0)
