"""Recordings of a user's own files, as declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from bench.datasets.formats.animals import guessed, hint, with_animals
from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.formats.keypoints import Poses, odd_values
from bench.datasets.formats.movement import read_movement
from bench.datasets.formats.plugged import read_poses as read_plugged
from bench.datasets.formats.simba import read_targets
from bench.datasets.formats.sleap import read_analysis
from bench.datasets.own.checks import NAME
from bench.datasets.own.declaration import Declaration
from bench.datasets.own.labels import read_labels, truth
from bench.datasets.own.sources import Source, find
from bench.errors import DataError, first
from bench.files.faults import quoted
from bench.recordings import Recording

Skeleton = tuple[tuple[str, ...], tuple[str, ...]]
"""Names of the animals and of the keypoints."""
Note = Callable[[str, str], None]
"""Is told the id of a recording and what a reader decided."""
NO_SKELETON: Skeleton = ((), ())
_FPS_TOLERANCE = 0.005  # files write 29.97 as 29.97003 too; 30 is another rate


def read(folder: Path, *, declared: Declaration, note: Note | None = None) -> Iterator[Recording]:
    """Yield the recordings of a folder, by id; after the last good one `DataError` lists all faults.

    `note` is told what the readers decided, recording by recording.
    """
    tell = note or (lambda _id, _text: None)
    faults: list[str] = []
    first_skeleton = NO_SKELETON
    for source in find(folder, declared).sources:
        wrong: list[str] = []
        poses = None
        if source.poses is not None:
            with _noting(source.poses, wrong):
                poses = read_pose_file(source.poses, declared)
                if not any(first_skeleton):
                    first_skeleton = (poses.individuals, poses.keypoints)
                wrong += _pose_faults(source.poses, poses, first_skeleton, declared)
        with _noting(source.labels, wrong):
            recording, notes = _recording(source, declared, None if wrong else poses)
            if not wrong:
                for text in (*(() if poses is None else poses.notes), *notes):
                    tell(source.id, text)
                yield recording
        faults += [f"{source.id}: {fault}" for fault in wrong]
    if faults:
        raise DataError(
            f"the recordings of {declared.name!r} are not as declared",
            first(faults),
            hint="mend the files or the declaration",
        )


def skeleton(folder: Path, declared: Declaration) -> Skeleton:
    """Return the animals and keypoints of the first recording that has poses."""
    for source in find(folder, declared).sources:
        if source.poses is not None:
            poses = read_pose_file(source.poses, declared)
            return poses.individuals, poses.keypoints
    return NO_SKELETON


def read_pose_file(path: Path, declared: Declaration) -> Poses:
    """Read one file in the declared format; raise `DataError` listing what is wrong with it.

    Its animals are those that are declared, where any are.
    """
    if declared.poses is None:
        raise ValueError("no poses are declared")
    format_, animals = declared.poses.format, declared.poses.animals
    if format_ == "deeplabcut":
        poses = read_poses(path, animals)
    elif format_ in READERS:
        poses = READERS[format_](path)
    else:
        poses = read_plugged(format_, path)
    if animals:
        poses = with_animals(poses, animals)
    elif format_ == "simba":
        poses = guessed(poses)
    told = [*poses.notes, *([] if animals else hint(poses)), *odd_values(poses, declared.image)]
    return replace(poses, notes=tuple(told))


def _recording(
    source: Source, declared: Declaration, poses: Poses | None
) -> tuple[Recording, tuple[str, ...]]:
    """Join the truth and the poses of one recording; the poses say how long it is.

    Return what the reader of the labels decided too.
    """
    table = read_labels(source, declared, None if poses is None else len(poses.xy))
    labels, annotated = truth(table, declared)
    faults = []
    if table.fps is not None and not abs(table.fps - declared.fps) <= _FPS_TOLERANCE:
        faults.append(f"{table.fps:g} frames per second, declared {declared.fps:g}")
    frames = len(labels) if poses is None else len(poses.xy)
    if (apart := abs(frames - len(labels))) > declared.tolerance:
        many = f"labels of {len(labels):,} frames, {frames:,} frames of poses"
        faults.append(f"{many}; tolerance = {apart} takes the frames of the poses")
    if faults:
        raise DataError("", faults)
    padded = np.zeros((frames, len(declared.classes)), dtype=bool)
    watched = np.zeros(frames, dtype=bool)
    both = min(frames, len(labels))
    padded[:both], watched[:both] = labels[:both], annotated[:both]
    recording = Recording(
        id=source.id,
        group=source.group,
        fps=declared.fps,
        classes=declared.classes,
        labels=padded,
        annotated=watched,
        keypoints=None if poses is None else poses.xy,
        confidence=None if poses is None else poses.likelihood,
    )
    return recording, table.notes


def _pose_faults(path: Path, poses: Poses, expected: Skeleton, declared: Declaration) -> list[str]:
    faults = []
    if (poses.individuals, poses.keypoints) != expected:
        animals, keypoints = (", ".join(names) for names in expected)
        faults.append(
            f"animals {', '.join(poses.individuals)} with {', '.join(poses.keypoints)}; "
            f"the recordings before have {animals} with {keypoints}"
        )
    wrong = (fault for name in (*poses.individuals, *poses.keypoints) for fault in NAME.faults(name))
    faults += [f"name of an animal or keypoint: {fault}" for fault in wrong]
    rate = poses.fps or poses.row_rate
    if rate is not None and not abs(rate - declared.fps) <= _FPS_TOLERANCE:
        faults.append(f"{rate:g} frames per second, declared {declared.fps:g}")
    return [f"{quoted(path.name)} {fault}" for fault in faults]


def _simba_poses(path: Path) -> Poses:
    targets = read_targets(path, ())
    return Poses(("individual",), targets.keypoints, targets.xy[:, None], targets.likelihood[:, None])


READERS: Mapping[str, Callable[[Path], Poses]] = MappingProxyType(
    {"sleap": read_analysis, "movement": read_movement, "simba": _simba_poses}
)
"""Format, as a declaration names it -> its reader; that of DeepLabCut is told of the animals too."""


@contextmanager
def _noting(path: Path, faults: list[str]) -> Iterator[None]:
    """Note what is wrong with a file instead of raising it."""
    try:
        yield
    except DataError as error:
        what = error.title.removeprefix(str(path)).strip()
        faults += [
            f"{quoted(path.name)} {f'{what}: ' if what else ''}{problem}" for problem in error.problems
        ]
