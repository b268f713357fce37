"""Which files belong to which recording: patterns, pairs, groups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.datasets.formats.boris import observation_ids
from bench.datasets.formats.names import ID_RULE, recording_id, video_name
from bench.datasets.own.checks import NAME, NAME_RULE
from bench.datasets.own.declaration import Declaration, Files
from bench.errors import DataError, first, nearest
from bench.files.csv_rows import Rows, read_table, width_faults
from bench.files.faults import quoted
from bench.files.litter import is_litter
from bench.recordings import RECORDING_ID

PLACE = "{recording}"
_TOKENS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]", PLACE: "(?P<recording>[^/]+?)"}
_SPLIT_PATTERN = re.compile(r"(\*\*/|\*\*|\*|\?|\{recording\})")


@dataclass(frozen=True)
class Source:
    """One recording and its files."""

    id: str
    group: str
    labels: Path
    poses: Path | None
    observation: str | None = None
    """Which observation of a BORIS export that holds several."""


@dataclass(frozen=True)
class Sources:
    """All recordings of a folder, by id, and what was left out."""

    sources: tuple[Source, ...]
    left_out: tuple[str, ...]
    """Poses that nobody labelled, files that no pattern takes, observations that are of another file."""

    @property
    def group_of(self) -> dict[str, str]:
        """Return recording id -> group."""
        return {source.id: source.group for source in self.sources}


def find(folder: Path, declared: Declaration) -> Sources:
    """Return the recordings of a folder; raise `DataError` listing every file that has no partner."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder", hint="write where the recordings are in `folder`")
    faults, left_out = list[str](), list[str]()
    files = _matching(folder, "labels", declared.labels, faults, left_out)
    poses = _matching(folder, "poses", declared.poses, faults, left_out) if declared.poses else None
    observed: dict[str, str] = {}
    if declared.labels.format == "boris":
        files, observed = _observed(folder, files, faults, left_out)
    labels = dict(sorted(files.items()))
    if poses is not None and not faults:
        faults += [
            f"{_shown(path, folder)}: no poses of recording {id_!r}{nearest(id_, poses)}"
            for id_, path in labels.items()
            if id_ not in poses
        ]
    groups = _groups(folder, declared, labels, faults)
    if faults:
        raise DataError(f"the files of {declared.name!r} do not fit", first(faults), hint=_HINT)
    left_out += [
        f"{_shown(path, folder)}: no labels of {id_!r}"
        for id_, path in sorted((poses or {}).items())
        if id_ not in labels
    ]
    return Sources(
        tuple(
            Source(id_, groups.get(id_, id_), path, poses[id_] if poses else None, observed.get(id_))
            for id_, path in labels.items()
        ),
        tuple(left_out),
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


def _matching(
    folder: Path, what: str, files: Files, faults: list[str], left_out: list[str]
) -> dict[str, Path]:
    """Return recording id -> file; note names that are no ids, ids that two files claim, and what is lost.

    A file that matches but for the case of its letters, or that is a folder, is left out with a word.
    """
    pattern = pattern_of(files.files)
    near = re.compile(pattern.pattern, re.IGNORECASE)
    by_id: dict[str, Path] = {}
    glob = files.files.replace(PLACE, "*")
    above, slash, _ = glob.rpartition("/")
    candidates = {*folder.glob(glob), *folder.glob(f"{above}{slash}*")}
    for path in sorted(candidates):
        place, below = _shown(path, folder), path.relative_to(folder)
        matched = pattern.fullmatch(below.as_posix())
        if is_litter(below) or not (matched or near.fullmatch(below.as_posix())):
            continue
        if not path.exists():
            faults.append(f"{place}: a link that leads to no file")
            continue
        if not matched or not path.is_file():
            told = f"{files.files!r} does not match its letters' case" if path.is_file() else "no file"
            left_out.append(f"{place}: {told}")
            continue
        name = matched["recording"] if PLACE in files.files else _stem(path, files.format)
        id_ = recording_id(name)
        if not RECORDING_ID.fullmatch(id_):
            rule = f"expected {NAME_RULE} ({ID_RULE})"
            faults.append(f"{place}: {quoted(name.lower())} is no name of a recording: {rule}")
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
    return video_name(path.stem) if format_ in ("deeplabcut", "sleap", "movement") else path.stem


def _observed(
    folder: Path, files: Mapping[str, Path], faults: list[str], left_out: list[str]
) -> tuple[dict[str, Path], dict[str, str]]:
    """Return recording id -> file, and -> observation where the file holds several.

    A file that is named like one of its observations is of that one alone; any other file of several
    observations is of all of them, each a recording of its own. Notes an observation that is of another
    recording than its file.
    """
    found: dict[str, Path] = {}
    observed: dict[str, str] = {}
    for id_, path in files.items():
        place = _shown(path, folder)
        try:
            told = observation_ids(path)
        except DataError:
            told = ()  # the reader says what is wrong with it
        names = {recording_id(name): name for name in told}
        if len(names) < len(told):
            faults.append(f"{place}: of {', '.join(map(quoted, told))} two are one recording's name")
            continue
        if len(names) < 2 or id_ in names:
            found[id_] = path
            others = [name for other, name in names.items() if other != id_]
            if id_ in names:
                observed[id_] = names[id_]
                left_out += [
                    f"{place}: observation {quoted(name)}: the file is that of {id_!r}" for name in others
                ]
            elif names and set(names) & set(files):
                faults.append(f"{place}: holds observation {quoted(others[0])}, which is another recording")
            continue
        for own, name in names.items():
            if not RECORDING_ID.fullmatch(own):
                faults.append(f"{place}: observation {quoted(name)} is no name of a recording")
            elif own in files or own in found:
                other = _shown((files.get(own) or found[own]), folder)
                faults.append(f"{place}: observation {quoted(name)} is already in {other}")
            else:
                found[own], observed[own] = path, name
    return found, observed


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
        id_, place = recording_id(recording), f"{declared.groups}: line {line}"
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
