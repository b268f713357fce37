"""An own task of recordings that are in memory: for a lab's script, with no file and no store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.datasets.own.checks import NAME
from bench.datasets.own.declaration import Declaration, Files
from bench.datasets.own.reading import NO_SKELETON, Skeleton
from bench.datasets.own.splitting import PART, by_name
from bench.datasets.own.tasks import OwnTask
from bench.datasets.splitting.rules import SplitRule, frozen_text
from bench.errors import UsageError, first
from bench.files.faults import quoted
from bench.recordings import Recording
from bench.tasks import TASK_NAME, TASK_NAME_RULE, Task


def task_of(
    name: str,
    recordings: Sequence[Recording],
    *,
    test: Sequence[str],
    val: Sequence[str] = (),
    background: str | None = None,
    overlap: bool = False,
) -> Task:
    """Return the task of labelling these recordings, by the same rules as `bench add`.

    `test` and `val` name groups or recordings; all others train. Raises `UsageError` listing every name
    that nothing has, and `SplitError` where a group would be on two sides.

    >>> import numpy as np
    >>> from bench.evaluation import evaluate
    >>> from bench.recordings import Recording, one_hot
    >>> classes, watched = ("attack", "other"), np.ones(6, dtype=bool)
    >>> labels = one_hot(np.array([0, 0, 1, 1, 1, 0]), 2)
    >>> mice = [Recording(f"m0{i}", f"m0{i}", 30.0, classes, labels, watched) for i in range(1, 7)]
    >>> task = task_of("mylab", mice, background="other", test=["m05", "m06"])
    >>> scores = {mouse.id: labels.astype(np.float32) for mouse in mice}
    >>> held = {mouse.id: mouse for mouse in mice}
    >>> result = evaluate(task, {"id": "mine", "name": "Mine"}, {"seed0": {"all": scores}}, held)
    >>> result.scores["f1"].value, result.interval["groups"]
    (1.0, 2)
    """
    faults = _faults(name, recordings, background)
    group_of = {recording.id: recording.group for recording in recordings}
    choice = {PART: by_name(test, val, group_of, faults)}
    if not faults and not choice[PART]["test"]:
        faults.append("test: no recording")
    if faults:
        raise UsageError(f"no task {quoted(name)} can be made of these recordings", first(faults))
    every = tuple(recordings)
    rule = SplitRule(name, "own task", "Of its owners.", lambda _: choice)
    posed = next((r.keypoints for r in every if r.keypoints is not None), None)
    declared = Declaration(
        name=name,
        fps=every[0].fps,
        labels=Files("frames", "recordings in memory"),
        classes=every[0].classes,
        background=background,
        overlap=overlap,
    )
    skeleton = NO_SKELETON if posed is None else _numbered(*posed.shape[1:3])
    task = OwnTask(declared, skeleton, frozen_text(rule, every)).task()
    return replace(task, dataset=replace(task.dataset, read=partial(_in_memory, every)))


def _in_memory(recordings: tuple[Recording, ...], _: Path) -> Iterator[Recording]:
    return iter(recordings)


def _numbered(animals: int, keypoints: int) -> Skeleton:
    return (
        tuple(f"animal {number}" for number in range(1, animals + 1)),
        tuple(f"keypoint {number}" for number in range(1, keypoints + 1)),
    )


def _faults(name: str, recordings: Sequence[Recording], background: str | None) -> list[str]:
    faults = [] if TASK_NAME.fullmatch(name) else [f"name {quoted(name)}, expected {TASK_NAME_RULE}"]
    if not recordings:
        return [*faults, "no recordings"]
    head = recordings[0]
    ids = [recording.id for recording in recordings]
    faults += [f"two recordings {id_!r}" for id_ in sorted({id_ for id_ in ids if ids.count(id_) > 1})]
    faults += [
        f"{r.id}: {', '.join(r.classes)} at {r.fps:g} per second; "
        f"{head.id} has {', '.join(head.classes)} at {head.fps:g}"
        for r in recordings
        if (r.classes, r.fps) != (head.classes, head.fps)
    ]
    faults += [f"class: {fault}" for name in head.classes for fault in NAME.faults(name)]
    if background is not None and background not in head.classes:
        faults.append(f"background {quoted(background)}, expected one of {', '.join(head.classes)}")
    return faults
