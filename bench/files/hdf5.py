"""HDF5 files and the libraries that open them: what the readers of poses share."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.about import install_hint
from bench.errors import BenchError, DataError, FileError, UsageError, first
from bench.files.faults import quoted
from bench.files.opening import open_regular

LARGEST = 8 * 2**30
"""Bytes of one variable in memory: a day of ten animals with thirty keypoints has a tenth of it."""
UNPACKED = 1_100
"""Bytes in memory for one in the file: deflate packs zeros to a thousandth, and numbers hardly at all."""
SPARE = 16 * 2**20
"""Bytes that are made whatever lies in the file: a missing score, NaN everywhere, is often a fill value."""
MOST_OBJECTS = 10_000
"""Groups and variables of one file."""
Refuse = Callable[[Path, list[str]], DataError]
"""Makes a reader's own error of a path and its faults."""


def library(name: str, files: str) -> Any:
    """Import what reads some files; raise `UsageError` saying what to install where it is absent."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UsageError(f"{files} files need {name}", hint=install_hint("readers")) from None


@contextmanager
def opened(path: Path, files: str, refuse: Refuse) -> Iterator[Any]:
    """Open an HDF5 file for reading; raise what `refuse` makes where it is none, or none that can be read."""
    h5py = library("h5py", files)
    try:
        with open_regular(path, 2**63, follow=True), h5py.File(path, "r") as file:
            if faults := _elsewhere(file, h5py):
                raise refuse(path, first(faults))
            yield file
    except FileError as fault:
        raise refuse(path, [fault.title]) from None
    except BenchError:
        raise
    except Exception as fault:  # noqa: BLE001  # a damaged file can raise anything
        what = f"{type(fault).__name__}: {fault}"
        raise refuse(path, [f"no HDF5 file, cut short, damaged, or compressed otherwise: {what}"]) from None


def _elsewhere(file: Any, h5py: Any) -> list[str]:
    """Say which members of a file lie in other files, where a stranger may point at any; none is followed."""
    found: list[str] = []
    left, count = [file], 0
    while left:
        group = left.pop()
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            count += 1
            if count > MOST_OBJECTS:
                return [f"more than {MOST_OBJECTS:,} groups and variables: not read"]
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                found.append(f"{quoted(place)}: a link, expected the numbers themselves")
                continue
            kind = group.get(name, getclass=True)
            if kind is h5py.Group:
                left.append(group[name])
            elif kind is h5py.Dataset and (group[name].external or group[name].is_virtual):
                found.append(f"{quoted(place)}: numbers in another file, expected them here")
    return found


def read_values(variable: Any) -> np.ndarray:
    """Return all numbers of a variable; raise `ValueError` where its head promises more than a file has.

    Chunks that were never written take no room in the file, so a small one can promise any size.
    """
    most = min(LARGEST, SPARE + UNPACKED * variable.id.get_storage_size())
    if variable.nbytes > most:
        raise ValueError(f"{variable.name}: {variable.nbytes:,} bytes, expected at most {most:,}: not read")
    return np.asarray(variable[()])


def names(values: Any) -> tuple[str, ...]:
    """Return texts, which HDF5 may give as bytes; none for None."""
    found = [] if values is None else np.asarray(values).ravel().tolist()
    return tuple(name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in found)


def twice(kinds: dict[str, tuple[str, ...]]) -> list[str]:
    """Say in which lists of names one stands twice."""
    return [
        f"{kind} {found}: a name stands there twice"
        for kind, found in kinds.items()
        if len(set(found)) < len(found)
    ]
