"""What reading a file gives, before it is compared with anything; and the reading of .npz and of groups."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.errors import FileError
from bench.files.faults import quoted
from bench.files.npz import open_npz, read_array, repeated
from bench.files.opening import open_regular
from bench.submissions.faults import Fault

GIB = 2**30
MAX_FILE = 16 * GIB
MAX_GROUPS_FILE = GIB // 16


@dataclass(frozen=True, eq=False)
class Read:
    """The arrays of one file, by recording, and what is wrong with the file."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """Recordings that are there and could not be read: each is among the faults, none is missing."""
    whole: bool = True
    """Whether the file could be opened: where not, nothing is known of what it holds."""

    def skip(self, id_: str, kind: str, text: str) -> None:
        """Note a recording that cannot be read."""
        self.unread.append(id_)
        self.faults.append(Fault(kind, f"{quoted(id_)}: {text}"))


def closed(text: str) -> Read:
    """Return what is known of a file that cannot be read at all."""
    return Read(faults=[Fault("files", text)], whole=False)


def read_npz(path: Path, most: int = MAX_FILE) -> Read:
    """Read every array of an archive; objects, which would have to be unpickled, are refused.

    Where the arrays need more than `most` bytes of memory none is read. Types are floats of at most 64
    bits, whole numbers and truth values.
    """
    found = Read()
    try:
        with open_regular(path, MAX_FILE, follow=True) as file, open_npz(file, unpacked=most) as archive:
            for name, count in repeated(archive).items():
                found.faults.append(Fault("twice", f"{quoted(name)} stands in the archive {count} times"))
            for member in archive.infolist():
                _read_member(archive, member, found)
    except FileError as fault:
        return closed(fault.title)
    return found


def read_groups(path: Path | None) -> tuple[dict[str, str] | None, list[Fault]]:
    """Read a CSV of recording,group; None where none is given."""
    if path is None:
        return None, []
    try:
        with open_regular(path, MAX_GROUPS_FILE, follow=True) as file:
            rows = list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"), newline=""), strict=True))
    except (FileError, csv.Error, UnicodeDecodeError) as fault:
        why = fault.title if isinstance(fault, FileError) else str(fault)
        return None, [Fault("groups", f"{path}: {why}")]
    if not rows or rows[0] != ["recording", "group"]:
        found = ",".join(rows[0]) if rows else ""
        return None, [Fault("groups", f"{path}: first line {quoted(found)}, expected recording,group")]
    groups: dict[str, str] = {}
    faults = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not all(row):
            faults.append(Fault("rows", f"{path}: row {number}: {quoted(','.join(row))}, expected two cells"))
        elif row[0] in groups:
            faults.append(Fault("rows", f"{path}: row {number}: {quoted(row[0])} has a group already"))
        else:
            groups[row[0]] = row[1]
    return groups, faults


def to_mend(faults: Mapping[Path | None, Collection[Fault]], again: str) -> str:
    """Name the files that have faults, and the command to give then."""
    return f"mend {' and '.join(str(path) for path, of in faults.items() if of)}, then: {again}"


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, found: Read) -> None:
    id_ = member.orig_filename.removesuffix(".npy")
    if id_ == member.orig_filename:
        found.faults.append(Fault("array names", f"{quoted(id_)}: expected arrays, saved with numpy.savez"))
        return
    try:
        _, array = read_array(archive, member, _is_number, "numbers: save one array of them per recording")
    except FileError as fault:
        found.skip(id_, "arrays", fault.title)
    else:
        if array is not None:
            found.arrays[id_] = array


def _is_number(dtype: np.dtype) -> bool:
    return dtype.kind in "iub" or (dtype.kind == "f" and dtype.itemsize <= 8)
