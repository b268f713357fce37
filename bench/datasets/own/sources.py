"""Which files belong to which recording: patterns, pairs, groups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.datasets.own.checks import NAME, NAME_RULE
from bench.datasets.own.declaration import Declaration, Files
from bench.errors import DataError, first, nearest
from bench.files.csv_rows import Rows, read_table, width_faults
from bench.files.faults import quoted
from bench.recordings import RECORDING_ID

PLACE = "{recording}"
_TOKENS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]", PLACE: "(?P<recording>[^/]+?)"}
_SPLIT_PATTERN = re.compile(r"(\*\*/|\*\*|\*|\?|\{recording\})")
_DEEPLABCUT = re.compile(r"(.+?)(?:DLC|DeepCut)_.*")
"""The name that DeepLabCut gives its files: that of the video, the scorer, and how it was made."""


@dataclass(frozen=True)
class Source:
    """One recording and its files."""

    id: str
    group: str
    labels: Path
    poses: Path | None


@dataclass(frozen=True)
class Sources:
    """All recordings of a folder, by id, and what was left out."""

    sources: tuple[Source, ...]
    left_out: tuple[str, ...]
    """Poses that nobody labelled."""

    @property
    def group_of(self) -> dict[str, str]:
        """Return recording id -> group."""
        return {source.id: source.group for source in self.sources}


def find(folder: Path, declared: Declaration) -> Sources:
    """Return the recordings of a folder; raise `DataError` listing every file that has no partner."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder", hint="write where the recordings are in `folder`")
    faults: list[str] = []
    labels = _matching(folder, "labels", declared.labels, faults)
    poses = _matching(folder, "poses", declared.poses, faults) if declared.poses else None
    if poses is not None and not faults:
        faults += [
            f"{_shown(path, folder)}: no poses of recording {id_!r}{nearest(id_, poses)}"
            for id_, path in labels.items()
            if id_ not in poses
        ]
    groups = _groups(folder, declared, labels, faults)
    if faults:
        raise DataError(f"the files of {declared.name!r} do not fit", first(faults), hint=_HINT)
    pairs = [(id_, path, poses[id_] if poses is not None else None) for id_, path in sorted(labels.items())]
    left_out = sorted(set(poses or {}) - set(labels))
    return Sources(
        tuple(Source(id_, groups.get(id_, id_), path, posed) for id_, path, posed in pairs),
        tuple(f"{_shown((poses or {})[id_], folder)}: no labels of {id_!r}" for id_ in left_out),
    )


_HINT = "mend the names, or the patterns: files = 'labels/{recording}_events.csv' says what names a recording"


def pattern_of(files: str) -> re.Pattern[str]:
    """Return what matches the same paths as a pattern of a declaration.

    >>> pattern_of("raw/{recording}_annot*.txt").fullmatch("raw/m07_annotated.txt")["recording"]
    'm07'
    """
    parts = _SPLIT_PATTERN.split(files)
    return re.compile("".join(_TOKENS.get(part, re.escape(part)) for part in parts))


def read_keyed(path: Path, columns: Iterable[tuple[str, ...]]) -> tuple[list[str], Rows]:
    """Return the header and the rows of a csv whose columns are one of `columns`.

    Raises `DataError` listing what is wrong with the file or its rows.
    """
    title, expected = f"{path} cannot be used", " or ".join(",".join(names) for names in columns)
    if not path.is_file():
        raise DataError(title, ["no such file"])
    header, rows = read_table(path)
    if tuple(header) not in columns:
        raise DataError(title, [f"line 1: {quoted(','.join(header))}, expected {expected}"])
    faults = width_faults(header, rows) or ([] if rows else ["no rows below the names of the columns"])
    if faults:
        raise DataError(title, first(faults))
    return header, rows


def _matching(folder: Path, what: str, files: Files, faults: list[str]) -> dict[str, Path]:
    """Return recording id -> file; note names that are no ids, and ids that two files claim."""
    pattern = pattern_of(files.files)
    by_id: dict[str, Path] = {}
    for path in sorted(folder.glob(files.files.replace(PLACE, "*"))):
        place = _shown(path, folder)
        matched = pattern.fullmatch(path.relative_to(folder).as_posix())
        if not matched or not path.is_file():
            continue
        id_ = (matched["recording"] if PLACE in files.files else _stem(path, files.format)).lower()
        if not RECORDING_ID.fullmatch(id_):
            faults.append(f"{place}: {quoted(id_)} is no name of a recording: expected {NAME_RULE}")
        elif id_ in by_id:
            faults.append(f"{place}: recording {id_!r} is already in {_shown(by_id[id_], folder)}")
        else:
            by_id[id_] = path
    if not by_id and not faults:
        beside = sorted({other.suffix for other in (folder / files.files).parent.glob("*.*")})
        suffixes = f"; beside it: {', '.join(beside)[:100]}" if beside else ""
        faults.append(f"{what}: no file matches {files.files!r} in {folder}{ascii(suffixes)[1:-1]}")
    return by_id


def _stem(path: Path, format_: str) -> str:
    cut = _DEEPLABCUT.fullmatch(path.stem) if format_ == "deeplabcut" else None
    return cut[1] if cut else path.stem


def _groups(
    folder: Path, declared: Declaration, labels: Mapping[str, Path], faults: list[str]
) -> dict[str, str]:
    """Return recording id -> group as the csv says; nothing without one."""
    if declared.groups is None:
        return {}
    try:
        _, rows = read_keyed(folder / declared.groups, [("recording", "group")])
    except DataError as error:
        faults += [f"{declared.groups}: {problem}" for problem in error.problems]
        return {}
    groups: dict[str, str] = {}
    for line, (recording, group) in rows:
        id_, place = recording.lower(), f"{declared.groups}: line {line}"
        if id_ not in labels:
            faults.append(f"{place}: no labels of recording {quoted(recording)}{nearest(id_, labels)}")
        elif id_ in groups:
            faults.append(f"{place}: recording {id_!r} a second time")
        elif wrong := NAME.faults(group):
            faults.append(f"{place}: group: {wrong[0]}")
        groups[id_] = group
    faults += [f"{declared.groups}: no group of recording {id_!r}" for id_ in labels if id_ not in groups]
    return groups


def _shown(path: Path, folder: Path) -> str:
    return quoted(path.relative_to(folder).as_posix())[1:-1]
