"""Runs as .npz: one array per `<part>/<recording>`."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bench.errors import FileError
from bench.files.faults import quoted
from bench.files.npz import open_npz, read_array, repeated
from bench.files.writing import replacing
from bench.submissions.faults import Fault
from bench.submissions.predictions import Content, Key, Shape

Fits = Callable[[np.dtype[Any]], bool]
"""Whether a type will do."""


def read_npz(file: BinaryIO, shapes: Mapping[Key, Shape], fits: Fits, expected: str) -> Content:
    """Read the arrays of these keys and shapes; raise `FileError` where the file is no archive at all.

    `fits` says which types will do, `expected` names them.
    """
    content = Content()
    with open_npz(file, len(shapes)) as archive:
        for name, count in repeated(archive).items():
            content.faults.append(Fault("twice", f"{quoted(name)} stands in the archive {count} times"))
        for member in archive.infolist():
            key = _key(member, content)
            if key is not None and key in shapes:
                _read_member(archive, member, key, shapes[key], (fits, expected), content)
    return content


def write_npz(path: Path, arrays: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
    """Write part -> recording id -> array in one step; the same arrays give the same bytes."""
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for part, recordings in sorted(arrays.items()):
            for id_, array in sorted(recordings.items()):
                member = zipfile.ZipInfo(f"{part}/{id_}.npy")  # dated 1980: no clock in the bytes
                with archive.open(member, "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
    return path


def npz_limit(shapes: Mapping[Key, Shape]) -> int:
    """Return a size that still lets a file of float64 with the training recordings be explained."""
    return 16 * 2**20 + 8 * sum(4 * math.prod(shape) for shape in shapes.values())


def _key(member: zipfile.ZipInfo, content: Content) -> Key | None:
    """Return the part and the recording that a member is of; None, and a fault, where its name is none."""
    name = member.orig_filename.removesuffix(".npy")
    part, slash, id_ = name.partition("/")
    if not slash or name == member.orig_filename:
        text = f"{quoted(member.orig_filename)}: expected an array named <part>/<recording>"
        content.faults.append(Fault("array names", text))
        return None
    content.shapes[part, id_] = None
    return part, id_


def _read_member(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    key: Key,
    wanted: Shape,
    type_: tuple[Fits, str],
    content: Content,
) -> None:
    try:
        shape, array = read_array(archive, member, *type_, wanted)
    except FileError as fault:
        content.faults.append(Fault("arrays", f"{'/'.join(key)}: {fault.title}"))
    else:
        content.shapes[key] = shape
        if array is not None:
            content.answers[key] = array
