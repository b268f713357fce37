"""The .npz form of a run: one float32 array (frames, classes) per `<part>/<recording>`."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from bench.errors import FileError
from bench.files.npz import open_npz, read_array, repeated
from bench.submissions.faults import Fault, quoted
from bench.submissions.predictions import Found, Key

_EXPECTED = 'little-endian float32: save scores.astype("<f4")'


def read_npz(file: BinaryIO, wanted: Mapping[Key, tuple[int, int]]) -> Found:
    """Read the wanted arrays; raise `FileError` where the file is no archive at all."""
    found = Found()
    with open_npz(file, len(wanted)) as archive:
        for name, count in repeated(archive).items():
            found.faults.append(Fault("twice", f"{quoted(name)} stands in the archive {count} times"))
        for member in archive.infolist():
            _read_member(archive, member, wanted, found)
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
    try:
        shape, scores = read_array(archive, member, _is_float32, _EXPECTED, wanted[key])
    except FileError as fault:
        found.faults.append(Fault("arrays", f"{part}/{id_}: {fault.title}"))
    else:
        found.shapes[key] = shape
        if scores is not None:
            found.arrays[key] = scores


def _is_float32(dtype: np.dtype) -> bool:
    return dtype == np.dtype("<f4")
