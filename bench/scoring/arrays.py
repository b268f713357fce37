"""Arrays by recording from .npz and long tables, and groups from CSV: read before anything is compared."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
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
class Source:
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


def unread_file(text: str) -> Source:
    """Return what is known of a file that cannot be read at all."""
    return Source(faults=[Fault("files", text)], whole=False)


def read_npz(path: Path, most: int = MAX_FILE) -> Source:
    """Read every array of an archive; objects, which would have to be unpickled, are refused.

    Where the arrays need more than `most` bytes of memory none is read. Types are floats of at most 64
    bits, whole numbers and truth values.
    """
    content = Source()
    try:
        with open_regular(path, MAX_FILE, follow=True) as file, open_npz(file, unpacked=most) as archive:
            for name, count in repeated(archive).items():
                content.faults.append(Fault("twice", f"{quoted(name)} stands in the archive {count} times"))
            for member in archive.infolist():
                _read_member(archive, member, content)
    except FileError as fault:
        return unread_file(fault.title)
    return content


def read_table(path: Path, classes: Sequence[str], most: int) -> Source:
    """Read a table of recording, frame and one column per class, in any order, into arrays of float64.

    See `bench.submissions.forms.long_tables` for what cells may hold. A Parquet file that needs more than
    `most` bytes unpacked is not read.
    """
    from bench.submissions.forms import long_tables  # pyarrow is slow to import

    layout = long_tables.Layout(("recording",), tuple(classes), ordered=False, cells="numbers")
    try:
        with open_regular(path, MAX_FILE, follow=True) as file:
            if path.suffix == ".parquet":
                table = long_tables.parquet_table(file, layout, most)
            else:
                table = long_tables.csv_table(file, layout)
    except FileError as fault:
        return unread_file(fault.title)
    if isinstance(table, list):
        return Source(faults=table, whole=False)
    content = Source()
    scores = long_tables.values(table, layout, np.dtype(np.float64))
    for (id_,), rows, frames in long_tables.recordings(table, layout):
        if wrong := long_tables.frame_fault(frames):
            content.skip(id_, "frames", wrong)
        else:
            content.arrays[id_] = scores[rows]
    return content


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


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, content: Source) -> None:
    id_ = member.orig_filename.removesuffix(".npy")
    if id_ == member.orig_filename:
        content.faults.append(Fault("array names", f"{quoted(id_)}: expected arrays, saved with numpy.savez"))
        return
    try:
        _, array = read_array(archive, member, _is_number, "numbers: save one array of them per recording")
    except FileError as fault:
        content.skip(id_, "arrays", fault.title)
    else:
        if array is not None:
            content.arrays[id_] = array


def _is_number(dtype: np.dtype) -> bool:
    return dtype.kind in "iub" or (dtype.kind == "f" and dtype.itemsize <= 8)
