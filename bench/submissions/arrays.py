"""The .npz form of a run: one float32 array (frames, classes) per `<part>/<recording>`."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from typing import BinaryIO

from bench.errors import SubmissionError
from bench.submissions.archives import UNREADABLE, read_array, repeated
from bench.submissions.faults import Fault, quoted
from bench.submissions.predictions import Found, Key

_END_BYTES = 22
_ZIP64_LOCATOR_BYTES = 20
_EXPECTED = 'little-endian float32: save scores.astype("<f4")'


def read_npz(file: BinaryIO, wanted: Mapping[Key, tuple[int, int]]) -> Found:
    """Read the wanted arrays; raise `SubmissionError` where the file is no archive at all."""
    _check_directory(file, len(wanted))
    found = Found()
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            found.faults.extend(repeated(members))
            for member in members:
                _read_member(archive, member, wanted, found)
    except UNREADABLE as fault:
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
        shape, scores = read_array(archive, member, _is_float32, _EXPECTED, wanted[key])
    except SubmissionError as fault:
        found.faults.append(Fault("arrays", f"{place}: {fault.title}"))
    except UNREADABLE as fault:
        found.faults.append(Fault("arrays", f"{place}: truncated or damaged ({fault})"))
    else:
        found.shapes[key] = shape
        if scores is not None:
            found.arrays[key] = scores


def _is_float32(descr: str) -> bool:
    return descr == "<f4"


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
