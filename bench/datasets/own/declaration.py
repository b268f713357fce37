"""What a user says of their own recordings, in TOML; everything that is wrong with it in one error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.datasets.own.checks import DATASET
from bench.errors import SHOWN, FileError, UsageError, first, nearest
from bench.files.faults import quoted
from bench.files.schema import sound
from bench.files.strict_toml import read_toml
from bench.resources import expanded

_BYTES = 64 * 1024


@dataclass(frozen=True)
class Files:
    """Which files hold poses or labels, and in which format."""

    format: str
    files: str
    """A pattern below the folder: `*`, `?`, `**` and, once, `{recording}`."""
    channel: str | None = None
    """Of a Caltech or Bento annotation that has several."""
    subject: str | None = None
    """Whose events count in a BORIS file; None = everybody's."""
    ignore: tuple[str, ...] = ()
    """Labels of the files that are no class of the task."""
    times: str | None = None
    """In which unit the bouts of Bento files are; None = as their numbers show."""
    animals: tuple[str, ...] = ()
    """Individuals of the files of poses, or parts of keypoints' names, that are the animals; () = all."""


@dataclass(frozen=True)
class Declaration:
    """A user's own data set and the task asked of it."""

    name: str
    fps: float
    labels: Files
    classes: tuple[str, ...]
    poses: Files | None = None
    image: tuple[int, int] = (0, 0)
    """Width and height in pixels; (0, 0) without poses."""
    background: str | None = None
    """The class that holds where no other does."""
    overlap: bool = False
    """Whether classes may hold together."""
    tolerance: int = 0
    """By how many frames labels and poses of a recording may differ in length."""
    groups: str | None = None
    """A csv of recording,group; each recording its own group without it."""
    split: str | None = None
    """A csv of recording,subset or recording,subset,part."""
    test: tuple[str, ...] = ()
    """Groups or recordings; `val` likewise, and all others train."""
    val: tuple[str, ...] = ()
    title: str = ""
    question: str = ""
    licence: str = "not stated: ask the owners"
    citation: str = "not published"
    url: str = ""


def read_declaration(path: Path) -> tuple[Declaration, Path]:
    """Read a TOML file; return what it declares and the folder of the recordings.

    Raises `UsageError` listing every key that is missing, unknown or wrong, with its line.
    """
    content, text = _read(path)
    others = [key for key in content if key != "dataset"]
    faults = [
        f"line {_line(text, key, '[')}: unknown table {quoted(key)}{nearest(key, ['dataset'])}"
        for key in others[:SHOWN]
    ] + others[SHOWN:]
    table = content.get("dataset")
    if not isinstance(table, dict):
        raise _error(path, [*faults, "no table [dataset]"])
    wrong = DATASET.faults(table)
    for fault in wrong:
        key = str(fault.place[0])
        told = key in table and len(faults) < SHOWN  # the others are only counted
        faults.append(f"line {_line(text, key)}: {fault}" if told else str(fault))
    right = sound(table, wrong)
    faults += [f"line {_line(text, key)}: {fault}" for key, fault in _together(right, set(table))]
    if faults:
        raise _error(path, faults)
    folder = expanded(right.pop("folder", "."))
    for key in ("poses", "labels"):
        if key in right:
            right[key] = _files(right[key])
    tuples = {key: tuple(value) for key, value in right.items() if isinstance(value, list)}
    return Declaration(**{**right, **tuples, "fps": float(right["fps"])}), path.parent / folder


def _read(path: Path) -> tuple[dict[str, Any], str]:
    if not path.exists():
        others = sorted(other.name for other in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        near = nearest(path.name, others)
        raise UsageError(f"{path}: no such file{near}", hint="bench add mylab.toml")
    try:
        return read_toml(path, _BYTES, follow=True)
    except FileError as fault:
        raise _error(path, [fault.title]) from None


def _together(right: Mapping[str, Any], keys: set[str]) -> list[tuple[str, str]]:
    """Say what does not fit among values that are right by themselves."""
    faults = []
    classes, background = right.get("classes"), right.get("background")
    if classes and background is not None and background not in classes:
        near = nearest(background, classes)
        faults.append(("background", f"background: {quoted(background)} is not among the classes{near}"))
    if classes == [background]:
        faults.append(("classes", "classes: the background alone, expected one to recognise"))
    if _is_given(right.get("poses")) and "image" not in keys:
        faults.append(("poses", "poses without image: expected image = [width, height] in pixels"))
    if "split" in keys and keys & {"test", "val"}:
        faults.append(("split", "split: expected either a csv or test = [...] and val = [...]"))
    if not keys & {"split", "test"}:
        faults.append(("name", "neither test nor split: expected test = [...], the groups that test"))
    ignored = right.get("labels", {}).get("ignore", [])
    faults += [
        ("labels", f"labels: {quoted(name)} is ignored and a class")
        for name in ignored
        if name in (classes or [])
    ]
    return faults


def _is_given(poses: Mapping[str, Any] | None) -> bool:
    return poses is not None and poses["format"] != "none"


def _files(table: Mapping[str, Any]) -> Files | None:
    return files_of(table) if _is_given(table) else None


def files_of(table: Mapping[str, Any]) -> Files:
    """Return what a table of TOML or JSON says of files: its lists become tuples."""
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    return Files(**fields)


def _line(text: str, key: str, before: str = "") -> int:
    """Return the first line that sets a key, 1 where it is written some other way."""
    match = re.search(
        rf"^\s*{re.escape(before)}\s*[\"']?(?:dataset\.)?{re.escape(key)}\b", text, re.MULTILINE
    )
    return text.count("\n", 0, match.end()) + 1 if match else 1


def _error(path: Path, faults: list[str]) -> UsageError:
    return UsageError(
        f"{path} does not declare a task", first(faults), hint=f"mend it, then: bench add {path}"
    )
