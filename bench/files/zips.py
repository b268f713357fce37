"""Official files out of zip archives, read without trust.

Only members that a data set asks for leave the archive, under a name made here: the last parts of their
path, as many as the pattern has that they match. Nothing is written but plain files below one folder.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from bench.errors import DataError, first
from bench.files.litter import is_litter
from bench.files.writing import replacing

LARGEST = 32 * 2**30
"""Bytes that the wanted members of an archive may have unpacked; the largest official set has some 2 GB."""
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)
_LINK_OR_DEVICE = (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)

Members = Mapping[str, zipfile.ZipInfo]
"""Name to be written -> member."""


def members(path: Path, patterns: Sequence[str]) -> Members:
    """Return the members of an archive that match a pattern.

    Raises `DataError` naming every fault: an archive that cannot be read, a path that leaves the folder, a
    link, an encrypted member, two different members of one name, and more bytes than any data set has.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.infolist()
    except _UNREADABLE as fault:
        raise _bad(path, [f"not a zip archive, or cut short: {fault}"]) from fault
    wanted: dict[str, zipfile.ZipInfo] = {}
    faults = []
    for member in listed:
        beside = member.is_dir() or is_litter(member.filename.replace("\\", "/"))
        name = None if beside else _name(member.filename, patterns)
        if name is None:
            continue
        if problem := _problem(member):
            faults.append(f"{member.filename!r}: {problem}")
        elif (other := wanted.setdefault(name, member)) is not member and _content(other) != _content(member):
            faults.append(f"{member.filename!r} and {other.filename!r} are two files for one place")
    if (total := sum(member.file_size for member in wanted.values())) > LARGEST:
        faults.append(f"{total:,} bytes unpacked, expected at most {LARGEST:,}")
    if faults:
        raise _bad(path, faults)
    return wanted


def unpack(path: Path, patterns: Sequence[str], folder: Path) -> None:
    """Write the members that match a pattern into `folder`, each compared with its checksum.

    Raises `DataError` as `members` does, where a member is damaged, where its place is taken already, and
    where the disk has no room.
    """
    wanted = members(path, patterns)
    folder.mkdir(parents=True, exist_ok=True)
    total, free = sum(member.file_size for member in wanted.values()), shutil.disk_usage(folder).free
    if total > free:
        raise _bad(path, [f"{total:,} bytes unpacked, but only {free:,} are free on the disk of {folder}"])
    faults = []
    with zipfile.ZipFile(path) as archive:
        for name, member in wanted.items():
            target = folder / name
            if target.exists():
                faults.append(f"{member.filename!r}: another archive holds it too")
                continue
            try:
                with archive.open(member) as packed, replacing(target) as out:
                    shutil.copyfileobj(packed, out, 2**20)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as fault:
                faults.append(f"{member.filename!r}: damaged: {fault}")
    if faults:
        raise _bad(path, faults)


def _name(path: str, patterns: Sequence[str]) -> str | None:
    """Return the last parts of a member's path that match a pattern; None where it matches none."""
    parts = path.replace("\\", "/").split("/")
    for pattern in patterns:
        tail = "/".join(parts[-1 - pattern.count("/") :])
        if tail and PurePosixPath(tail).match(pattern) and tail.count("/") == pattern.count("/"):
            return tail
    return None


def _problem(member: zipfile.ZipInfo) -> str:
    """Say what keeps a member from being unpacked; empty where nothing does."""
    path = member.filename
    if "\\" in path or ":" in path or not path.isprintable():
        return "a name with a backslash, a colon or a sign that cannot be shown"
    if path.startswith("/") or {".", ".."} & set(path.split("/")):
        return "a path that leads out of the folder"
    if stat.S_IFMT(member.external_attr >> 16) in _LINK_OR_DEVICE:
        return "a link or a device, not a file"
    if member.flag_bits & 1:
        return "encrypted"
    return ""


def _content(member: zipfile.ZipInfo) -> tuple[int, int]:
    return member.file_size, member.CRC


def _bad(path: Path, faults: Sequence[str]) -> DataError:
    return DataError(
        f"{path.name} is not an archive to import from; nothing was written",
        first(faults),
        hint="get the archive again from where the data set officially lives: bench pull --list",
    )
