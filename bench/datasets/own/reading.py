"""Recordings of a user's own files, as declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.datasets.formats.deeplabcut import Poses, read_poses
from bench.datasets.formats.movement import read_movement
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
NO_SKELETON: Skeleton = ((), ())
_FPS_TOLERANCE = 0.005  # files write 29.97 as 29.97003 too; 30 is another rate


def read(folder: Path, *, declared: Declaration) -> Iterator[Recording]:
    """Yield the recordings of a folder, by id; after the last good one `DataError` lists all faults."""
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
            recording = _recording(source, declared, None if wrong else poses)
            if not wrong:
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
    """Read one file in the declared format; raise `DataError` listing what is wrong with it."""
    format_ = declared.poses.format if declared.poses else ""
    if format_ == "deeplabcut":
        return read_poses(path)
    if format_ == "sleap":
        return read_analysis(path)
    return read_movement(path) if format_ == "movement" else _simba_poses(path)


def _recording(source: Source, declared: Declaration, poses: Poses | None) -> Recording:
    """Join the truth and the poses of one recording; the poses say how long it is."""
    table = read_labels(source.labels, declared)
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
    return Recording(
        id=source.id,
        group=source.group,
        fps=declared.fps,
        classes=declared.classes,
        labels=padded,
        annotated=watched,
        keypoints=None if poses is None else poses.xy,
        confidence=None if poses is None else poses.likelihood,
    )


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
    if poses.fps is not None and not abs(poses.fps - declared.fps) <= _FPS_TOLERANCE:
        faults.append(f"{poses.fps:g} frames per second, declared {declared.fps:g}")
    return [f"{quoted(path.name)} {fault}" for fault in faults]


def _simba_poses(path: Path) -> Poses:
    """Part the keypoints of a SimBA table into animals, by the numbers at their ends; else one animal."""
    targets = read_targets(path, ())
    parted = [re.fullmatch(r"(.+)_(\d+)", name) for name in targets.keypoints]
    animals = list(dict.fromkeys(m[2] for m in parted if m))
    names = list(dict.fromkeys(m[1] for m in parted if m))
    if [f"{name}_{animal}" for animal in animals for name in names] != list(targets.keypoints):
        return Poses(("individual",), targets.keypoints, targets.xy[:, None], targets.likelihood[:, None])
    shape = (len(targets.xy), len(animals), len(names))
    return Poses(
        tuple(f"animal {animal}" for animal in animals),
        tuple(names),
        targets.xy.reshape(*shape, 2),
        targets.likelihood.reshape(shape),
    )


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
