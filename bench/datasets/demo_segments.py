"""Ten-second clips of simulated sessions, in which four behaviours overlap. No animal was ever seen.

`demo-sessions` holds the sessions whole, to be drawn as videos and cut; `demo-segments` their clips.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.about import SPLIT_SOURCE, TITLE
from bench.datasets import demo
from bench.datasets.calms21_json import FPS
from bench.datasets.clips import CUT, clips
from bench.datasets.overlapping import CLASSES, simulate
from bench.datasets.splitting.rules import SplitRule, Summary
from bench.errors import DataError, FileError, first
from bench.files.npz import open_npz, read_array
from bench.files.opening import open_regular
from bench.files.writing import replacing
from bench.metrics import DETECTION_METRICS
from bench.recordings import Recording
from bench.splits import FrozenSplit
from bench.tasks import WHOLE_RECORDINGS, Scene, Task

SESSIONS, FRAMES = 40, 1_800
SEED = 344
ANIMALS = ("mouse",)
_MOST = 2**30  # bytes of one session; an hour has 7 MB
_ARRAYS = ("keypoints", "scores", "labels")


def session_id(number: int) -> str:
    """Return the id of the simulated session of that number, from 1."""
    return f"session{number:05d}"


def write(folder: Path, *, sessions: int = SESSIONS, frames: int = FRAMES, seed: int = SEED) -> None:
    """Simulate sessions of `frames` frames and write one .npz of each, marked as simulated."""
    demo.check_size(sessions, frames, seed)
    for number in range(1, sessions + 1):
        made = simulate(seed, number, frames, FPS)
        with replacing(folder / f"{session_id(number)}.npz") as file:
            np.savez(
                file,
                keypoints=made.keypoints.astype(np.float32),
                scores=made.scores.astype(np.float32),
                labels=made.labels,
                simulated=np.array(True),
            )


def read_sessions(folder: Path) -> Iterator[Recording]:
    """Yield the sessions of `folder` in the order of their names.

    After the last good one, `DataError` lists the faults of all the others.
    """
    paths = sorted(folder.glob("session*.npz"))
    if not paths:
        raise DataError(
            f"no simulated sessions in {folder}",
            ["expected session00001.npz"],
            hint="bench pull demo-segments",
        )
    faults: list[str] = []
    for path in paths:
        try:
            yield _read(path)
        except DataError as error:
            faults += [f"{path.name}: {problem}" for problem in error.problems]
    if faults:
        raise DataError("simulated sessions are not as they should be", first(faults), hint="make them again")


def read_clips(folder: Path) -> Iterator[Recording]:
    """Yield the clips of all sessions; raises what `read_sessions` raises."""
    for session in read_sessions(folder):
        yield from clips(session, CUT)


def scene(id_: str) -> Scene:
    """Return what is around the mouse of a session, or of a clip of it."""
    return demo.empty_scene(id_.partition("-")[0])


def _read(path: Path) -> Recording:
    try:
        with open_regular(path, _MOST, follow=True) as file, open_npz(file, unpacked=_MOST) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            if lacking := [name for name in (*_ARRAYS, "simulated") if name not in members]:
                raise DataError("", [f"without {', '.join(lacking)}: no simulated session"])
            held: dict[str, Any] = {
                name: read_array(archive, members[name], _is_number, "numbers")[1] for name in _ARRAYS
            }
    except FileError as error:
        raise DataError("", [error.title]) from None
    keypoints, scores, labels = (held[name] for name in _ARRAYS)
    frames = len(labels) if labels.ndim else 0
    sizes = (frames, len(ANIMALS), len(demo.DATASET.keypoints))
    expected = {"keypoints": (*sizes, 2), "scores": sizes, "labels": (frames, len(CLASSES))}
    faults = [
        f"{name} of shape {held[name].shape}, expected {shape}"
        for name, shape in expected.items()
        if held[name].shape != shape
    ]
    if faults:
        raise DataError("", faults)
    poses = keypoints.astype(np.float32)
    sure = np.where(np.isnan(poses).any(axis=-1), np.float32(np.nan), scores.astype(np.float32))
    everywhere = np.ones(frames, dtype=bool)
    return Recording(path.stem, path.stem, FPS, CLASSES, labels.astype(bool), everywhere, poses, sure)


def _is_number(kind: np.dtype) -> bool:
    return kind.kind in "fb"


def _choose(recordings: Sequence[Summary]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    groups = list(dict.fromkeys(one.group for one in recordings))
    return {
        "all": {
            subset: [one.id for one in recordings if one.group in chosen]
            for subset, chosen in demo.cut(groups).items()
        }
    }


RULE = SplitRule(
    name="demo-segments",
    source=SPLIT_SOURCE,
    words=(
        "By session, whose clips overlap: the first six tenths of the sessions train, the next tenth "
        "validates, the others test; rounded down."
    ),
    choose=_choose,
)

DATASET = replace(
    demo.DATASET,
    name="demo-segments",
    title=f"Simulated clips of one mouse ({CUT.seconds:g} s every {CUT.every:g} s of {SESSIONS} sessions)",
    animals=ANIMALS,
    classes=CLASSES,
    files="session00001.npz and on, marked as simulated",
    read=read_clips,
    resume=None,
    simulate=partial(write, sessions=SESSIONS, frames=FRAMES),
    scene=scene,
    official=("session*.npz",),
    notes=(
        *demo.DATASET.notes,
        "Clips of a session overlap by half, as RatSeizure's do; a group is a session.",
    ),
)
DATASET_SESSIONS = replace(
    DATASET,
    name="demo-sessions",
    title=f"Simulated sessions of one mouse, whole ({SESSIONS} of {FRAMES / FPS:g} s)",
    read=read_sessions,
    notes=demo.DATASET.notes,
)
"""What `demo-segments` is cut from: `bench render` draws it, `bench features --clips` cuts it as a video."""

TASK = Task(
    name="demo-segments",
    title="Demo: when a simulated mouse runs, shakes, rears and nods",
    question="From when to when does the simulated mouse run, shake, rear or nod? Several may hold at once.",
    dataset=DATASET,
    classes=CLASSES,
    background=None,
    split=FrozenSplit("demo-segments", "1b17f81b01178014b1b298d29e582fcd108301dff3ae8ee9e29867e6fec9aceb"),
    metrics=DETECTION_METRICS,
    kind="segments",
    exclusive=False,
    protocol=WHOLE_RECORDINGS,
    reference=f"made by bench.datasets.overlapping; split by {TITLE}",
)
