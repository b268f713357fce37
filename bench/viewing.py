"""A recording to look at: what holds in each frame by a human and by entries, with the poses beside it."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from bench import store
from bench.errors import UsageError, nearest
from bench.evaluation.spans import cut
from bench.evidence import NOBODY, bouts_of, states_of
from bench.kinds import kind_of
from bench.recordings import Recording
from bench.submitting import Submitted, read_submission, recordings_to_answer
from bench.tasks import Task

MOST_ENTRIES = 3
POSES_A_SECOND = 10
MISSING = -(2**15)
"""In place of a coordinate that was not detected."""


@dataclass(frozen=True, eq=False)
class Row:
    """One line of an ethogram."""

    title: str
    source: int
    """0: the truth; from 1 on, the entries."""
    states: Int[np.ndarray, " T"]
    """Class index of each frame, `NOBODY` where none holds."""


@dataclass(frozen=True, eq=False)
class View:
    """One recording, the truth first."""

    task: Task
    recording: Recording
    sources: tuple[str, ...]
    ids: tuple[str, ...]
    """Of the entries, after an empty one for the truth."""
    rows: tuple[Row, ...]
    """One to a source where classes exclude each other, else one to a class of each source."""


def view(task: Task, name: str | None, entries: Sequence[str | Path] = (), *, poses: bool = True) -> View:
    """Return a test recording of a task with what entries say of it, the first run of each.

    `name` is the recording; None: the first. Raises `UsageError` where the task labels no frames, or has no
    such test recording; and what `read_submission` and `store.load` raise.
    """
    if not kind_of(task).labels_frames:
        raise UsageError(
            f"task {task.name!r} asks for {task.kind}, and an ethogram shows labels of frames",
            hint="bench tasks",
        )
    if len(entries) > MOST_ENTRIES:
        raise UsageError(f"{len(entries)} entries, expected at most {MOST_ENTRIES}")
    split = task.load_split()
    parts = list(split.parts)[::-1]  # of several, the first that tests it
    tests = {id_: part for part in parts for id_ in split.ids(part, "test")}
    id_ = name or next(iter(sorted(tests)))
    if id_ not in tests:
        raise UsageError(
            f"no test recording {id_!r} of {task.name!r}{nearest(id_, sorted(tests))}",
            hint=f"one of {', '.join(sorted(tests)[:20])}",
        )
    if named := [path for path in entries if str(path) in tests and not Path(path).exists()]:
        raise UsageError(
            f"{named[0]} is a recording of {task.name!r}, no folder of an entry",
            hint=f"bench view {task.name} --recording {named[0]}",
        )
    submitted = [_of_task(path, task) for path in entries]
    known = submitted[0].recordings if submitted else recordings_to_answer(task)
    annotator = "simulated" if task.dataset.simulated else "human"
    rows = _rows(task, annotator, 0, _truth(task, known[id_]))
    for number, entry in enumerate(submitted, 1):
        rows += _rows(task, entry.side.title, number, _labels(entry, tests[id_], id_))
    held = store.manifest(task.dataset).recordings[id_]
    (recording,) = store.load(task.dataset, [id_], poses=poses and held.poses)
    sources = (annotator, *(one.side.title for one in submitted))
    return View(task, recording, sources, ("", *(one.entry.id for one in submitted)), tuple(rows))


def as_plain(seen: View) -> dict[str, Any]:
    """Return a view as JSON values: bouts by class and length, poses as base64 of int16 pixels."""
    recording, task = seen.recording, seen.task
    drawn = poses_of(task, recording)
    return {
        "recording": recording.id,
        "fps": recording.fps,
        "frames": recording.frames,
        "classes": list(task.classes),
        "background": task.classes.index(task.background) if task.background else NOBODY,
        "sources": list(seen.sources),
        "ids": list(seen.ids),
        "rows": [{"title": row.title, "source": row.source, **bouts_of(row.states)} for row in seen.rows],
        "poses": drawn,
    }


def _of_task(path: str | Path, task: Task) -> Submitted:
    (submitted,) = read_submission(path, task.name)
    return submitted


def _truth(task: Task, recording: Recording) -> Bool[np.ndarray, "T C"]:
    counted = task.protocol.counted(recording)
    return task.truth(recording) & counted[:, np.newaxis]


def _labels(entry: Submitted, part: str, id_: str) -> Bool[np.ndarray, "T C"]:
    """Return the labels of the first run in the frames that count."""
    task, recordings = entry.task, entry.recordings
    of_part = cut(task, task.load_split(), recordings)[part]
    run = min(entry.predictions)
    judged = kind_of(task).judge(task, of_part, entry.predictions[run][part], None)["labels"]
    labels = np.zeros((recordings[id_].frames, len(task.classes)), dtype=bool)
    for span, of_span in zip(of_part.test, judged, strict=True):
        if span.recording == id_:
            labels[span.frames] = of_span
    return labels


def _rows(task: Task, title: str, source: int, labels: Bool[np.ndarray, "T C"]) -> list[Row]:
    titles = [title] if task.exclusive else [f"{title}: {name}" for name in task.classes]
    rows = zip(titles, states_of(labels, exclusive=task.exclusive), strict=True)
    return [Row(name, source, states) for name, states in rows]


def poses_of(task: Task, recording: Recording) -> dict[str, Any] | None:
    """Return the poses of a recording, ten a second, as whole pixels; None where it has none.

    "data" is base64 of zlib of int16 differences: of each coordinate from moment to moment, in turn.
    """
    if recording.keypoints is None:
        return None
    every = max(1, round(recording.fps / POSES_A_SECOND))
    thinned = recording.keypoints[::every]
    whole = np.where(np.isnan(thinned), MISSING, np.clip(np.rint(thinned), MISSING + 1, -MISSING - 1))
    columns = whole.astype("<i2").reshape(len(whole), -1).T
    steps = np.ascontiguousarray(np.diff(columns, axis=1, prepend=np.zeros((len(columns), 1), "<i2")))
    skeleton = task.dataset.skeleton
    return {
        "every": every,
        "animals": list(skeleton.animals),
        "keypoints": list(skeleton.keypoints),
        "edges": [[skeleton.keypoints.index(end) for end in edge] for edge in skeleton.edges],
        "image": list(skeleton.image),
        "moments": len(whole),
        "data": base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode(),
    }
