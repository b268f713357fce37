"""Formats that packages of other people read: the entry points `bench.readers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Bool

from bench.datasets.formats.keypoints import Poses
from bench.errors import DataError
from bench.plugins import plugins


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The labels of one file, N of them, in the file's own names."""

    names: tuple[str, ...]
    labels: Bool[np.ndarray, "T N"]
    annotated: Bool[np.ndarray, " T"]
    fps: float | None = None
    """Frames per second; None where the file does not say."""
    notes: tuple[str, ...] = ()
    """What the reader decided."""


@dataclass(frozen=True)
class PoseReader:
    """Reads the poses of one recording; `bench add` finds it by the name of its entry point."""

    read: Callable[[Path], Poses]
    """Raises `DataError` listing what is wrong with the file."""


@dataclass(frozen=True)
class LabelReader:
    """Reads the labels of one recording; `bench add` finds it by the name of its entry point."""

    read: Callable[[Path], LabelTable]
    """Raises `DataError` listing what is wrong with the file."""


Content = TypeVar("Content", Poses, LabelTable)


@dataclass(frozen=True)
class Format:
    """A reader, and the package that it is from."""

    reader: PoseReader | LabelReader
    package: str
    module: str


@cache
def formats() -> Mapping[str, Format]:
    """Return the formats of plugins by name; one that cannot be used is left out with a warning."""
    found: dict[str, Format] = {}
    for plugin in plugins("bench.readers"):
        reader = plugin.load()
        if isinstance(reader, PoseReader | LabelReader):
            found[plugin.name] = Format(reader, plugin.package, plugin.module)
        elif reader is not None:
            plugin.refuse(f"{type(reader).__name__}, expected a PoseReader or a LabelReader")
    return found


def names_of(kind: type[PoseReader] | type[LabelReader]) -> tuple[str, ...]:
    """Return the names of the formats of one kind."""
    return tuple(name for name, held in formats().items() if isinstance(held.reader, kind))


def read_poses(name: str, path: Path) -> Poses:
    """Read a file by the plugin of that name; raise `DataError` for whatever goes wrong."""
    held = _held(name)
    if not isinstance(held.reader, PoseReader):
        raise DataError("", [f"format {name!r} of {held.package} reads labels, not poses"])
    return _checked(held, held.reader.read, path, Poses)


def read_labels(name: str, path: Path) -> LabelTable:
    """Read a file by the plugin of that name; raise `DataError` for whatever goes wrong."""
    held = _held(name)
    if not isinstance(held.reader, LabelReader):
        raise DataError("", [f"format {name!r} of {held.package} reads poses, not labels"])
    return _checked(held, held.reader.read, path, LabelTable)


def _held(name: str) -> Format:
    if name not in formats():
        raise DataError("", [f"no reader of format {name!r}: the package that brings it is not installed"])
    return formats()[name]


def _checked(held: Format, read: Callable[[Path], Content], path: Path, expected: type[Content]) -> Content:
    try:
        content = read(path)
    except DataError:
        raise
    except Exception as fault:
        raise DataError(
            "", [f"the reader of {held.package} failed: {type(fault).__name__}: {fault}"]
        ) from fault
    if not isinstance(content, expected):
        kind = type(content).__name__
        raise DataError("", [f"the reader of {held.package} gave {kind}, expected {expected.__name__}"])
    return content
