"""Own tasks: a declaration, what its files showed, and a frozen split make a `Task`; kept as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.about import TITLE
from bench.datasets.own.checks import DATASET, plugin_formats, plugin_modules
from bench.datasets.own.declaration import Declaration, files_of
from bench.datasets.own.reading import Skeleton, read
from bench.datasets.own.sources import PLACE
from bench.errors import DataError, FileError
from bench.files.faults import Fault
from bench.files.schema import leaf, listed
from bench.files.strict_json import parse_json, read_json
from bench.metrics import FRAME_METRICS
from bench.recordings import RECORDING_ID
from bench.resources import home
from bench.splits import from_json
from bench.tasks import Dataset, Part, Task

FORMAT = 1
_MOST = 2**27  # bytes: some million recordings
_SKELETON = listed(listed(leaf("text", lambda value: isinstance(value, str))), 2, 2)
MARK = "(own task)"
"""In the title of every own task, and so in lists, results and pages: no benchmark of this project."""
_NOTE = f"An own task: recordings, classes and split are its owner's, and no part of {TITLE}."


@dataclass(frozen=True)
class OwnTask:
    """All that `$BENCH_HOME/tasks/<name>.json` keeps."""

    declared: Declaration
    skeleton: Skeleton
    split: str
    """The text of the split file."""

    @property
    def digest(self) -> str:
        """The SHA-256 of the split file."""
        return hashlib.sha256(self.split.encode()).hexdigest()

    def task(self) -> Task:
        """Return the task."""
        declared, split = self.declared, from_json(parse_json(self.split.encode()), self.digest)
        question = f"Which of {', '.join(declared.classes)} holds in each frame?"
        if declared.overlap:
            question = f"Which of {', '.join(declared.classes)} hold in each frame? Several may, or none."
        return Task(
            name=declared.name,
            title=f"{declared.title or declared.name} {MARK}",
            question=declared.question or question,
            dataset=self.dataset(),
            classes=declared.classes,
            background=declared.background,
            split=split,
            metrics=FRAME_METRICS,
            parts=tuple(
                Part(name, "all test recordings" if len(split.parts) == 1 else name) for name in split.parts
            ),
            exclusive=not declared.overlap,
            reference=declared.url or "own recordings",
        )

    def dataset(self) -> Dataset:
        """Return the data set; it reads a folder by the declaration."""
        declared = self.declared
        notes = [_NOTE]
        if declared.tolerance:
            notes.append(
                f"Labels and poses may differ by up to {declared.tolerance} frames: the poses say how long."
            )
        if declared.poses and declared.poses.animals:
            notes.append(f"Animals, as declared: {', '.join(declared.poses.animals)}.")
        if declared.labels.ignore:
            notes.append(f"Labels left out: {', '.join(declared.labels.ignore)}.")
        return Dataset(
            name=declared.name,
            title=f"{declared.title or declared.name} {MARK}",
            url=declared.url,
            licence=declared.licence,
            citation=declared.citation,
            fps=declared.fps,
            animals=self.skeleton[0],
            keypoints=self.skeleton[1],
            image=declared.image,
            classes=declared.classes,
            files=" and ".join(
                f"{part.files} ({part.format})" for part in (declared.poses, declared.labels) if part
            ),
            read=partial(read, declared=declared),
            redistributable=False,
            official=self._patterns(),
            notes=tuple(notes),
            modules=plugin_modules(*_formats(declared)),
        )

    def _patterns(self) -> tuple[str, ...]:
        """Return the patterns of all that decides the recordings: an import keeps their digests."""
        declared = self.declared
        files = [kind.files.replace(PLACE, "*") for kind in (declared.poses, declared.labels) if kind]
        return (*files, *([declared.groups] if declared.groups else []))


def to_json(own: OwnTask) -> str:
    """Return the text of the file that keeps an own task; the same task gives the same bytes."""
    content = {"format": FORMAT, **asdict(own)}
    if added := plugin_formats(*_formats(own.declared)):
        content["plugins"] = added
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _formats(declared: Declaration) -> list[str]:
    return [part.format for part in (declared.labels, declared.poses) if part]


def own_task(name: str) -> OwnTask | None:
    """Return the own task of that name that `$BENCH_HOME` keeps; None where it keeps none.

    Raises `DataError` where its file cannot be read.
    """
    path = own_path(name)
    if not RECORDING_ID.fullmatch(name) or not path.is_file():
        return None
    try:
        data = read_json(path, _MOST, follow=True)
        if data["format"] != FORMAT or data["declared"]["name"] != name:
            raise ValueError(f"format {data['format']} of task {data['declared']['name']!r}")
        if faults := _faults(data):
            raise ValueError("; ".join(map(str, faults)))
        animals, keypoints = data["skeleton"]
        own = OwnTask(_declaration(data["declared"]), (tuple(animals), tuple(keypoints)), data["split"])
        own.task()
    except (FileError, KeyError, TypeError, ValueError, AttributeError) as fault:
        raise DataError(
            f"{path} does not hold an own task of this version",
            [f"{type(fault).__name__}: {fault}"],
            hint="delete it, then: bench add FILE.toml",
        ) from fault
    return own


def own_tasks() -> tuple[Task, ...]:
    """Return the own tasks that `$BENCH_HOME` keeps, by name."""
    names = sorted(path.stem for path in own_path("").parent.glob("*.json"))
    return tuple(own.task() for own in map(own_task, names) if own is not None)


def own_path(name: str) -> Path:
    """Return the file that keeps an own task."""
    return home() / "tasks" / f"{name}.json"


def _faults(data: Mapping[str, Any]) -> list[Fault]:
    """Compare what was declared with the rules of a declaration; what is empty was left out there.

    A format of a plugin is no fault where its reader is gone: the files were read.
    """
    added = data.get("plugins")
    given = {key: _given(value) for key, value in data["declared"].items() if key != "name"}
    fields = {key: value for key, value in given.items() if value not in (None, "", [], [0, 0])}
    faults = DATASET.faults({**fields, "name": "any"})
    return [
        *(fault.below("declared") for fault in faults if not (added and _names_a_format(given, fault))),
        *(fault.below("skeleton") for fault in _SKELETON.faults(data["skeleton"])),
    ]


def _names_a_format(given: Mapping[str, Any], fault: Fault) -> bool:
    key, *inner = fault.place
    return inner == ["format"] and isinstance(given[str(key)].get("format"), str)


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: inner for key, inner in value.items() if inner not in (None, [])}
    return value


def _declaration(data: Mapping[str, Any]) -> Declaration:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
    for key in ("poses", "labels"):
        if fields[key] is not None:
            fields[key] = files_of(fields[key])
    return Declaration(**fields)
