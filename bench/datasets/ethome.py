"""ethome: one video of an adult and a juvenile mouse, with DeepLabCut poses and BORIS events.

One video cannot be split: its task has a test recording and nothing to train on. It is here because
both formats are real.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.about import SPLIT_SOURCE
from bench.datasets.formats.boris import read_events
from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.formats.intervals import paint
from bench.datasets.splitting.rules import SplitRule, Summary
from bench.errors import DataError
from bench.files.opening import present
from bench.metrics import FRAME_METRICS
from bench.recordings import Recording
from bench.splits import FrozenSplit
from bench.tasks import Dataset, Task

STEM = "e3v813a-20210610T122332-122642"
EVENTS = f"{STEM}_reencode.csv"
POSES = f"{STEM}DLC_dlcrnetms5_pilot_studySep24shuffle1_100000_el_filtered.csv"
ANIMALS = ("adult", "juvenile")
KEYPOINTS = ("nose", "leftear", "rightear", "neck", "lefthip", "righthip", "tail")
EDGES = (
    *(("nose", "leftear"), ("nose", "rightear"), ("leftear", "neck"), ("rightear", "neck")),
    *(("neck", "lefthip"), ("neck", "righthip"), ("lefthip", "tail"), ("righthip", "tail")),
)
CLASSES = ("interact", "other")
ID = STEM.lower()
FPS = 30.0
URL = "https://github.com/benlansdell/ethome"


def read(folder: Path) -> Iterator[Recording]:
    """Yield the one recording; both files are needed."""
    absent = [f"{name} is missing" for name in (EVENTS, POSES) if present(folder / name) is None]
    if absent:
        raise DataError(f"no ethome recording in {folder}", absent, hint=f"download them from {URL}")
    events, poses = read_events(folder / EVENTS), read_poses(folder / POSES)
    faults = []
    if (poses.individuals, poses.keypoints) != (ANIMALS, KEYPOINTS):
        faults.append(f"{poses.individuals} x {poses.keypoints}, expected {ANIMALS} x {KEYPOINTS}")
    if events.fps != FPS:
        faults.append(f"events at {events.fps} frames per second, expected {FPS}")
    if events.frames != len(poses.xy):
        faults.append(f"events of {events.frames:,} frames, {len(poses.xy):,} frames of poses")
    unknown = {interval.label for interval in events.intervals} - {CLASSES[0]}
    faults += [f"unknown behaviour {name!r}, expected {CLASSES[0]!r}" for name in sorted(unknown)]
    if faults:
        raise DataError("the files of ethome do not fit", faults, hint="download them again")
    interaction = paint(events.intervals, CLASSES[:1], events.frames)
    yield Recording(
        id=ID,
        group=ID,
        fps=FPS,
        classes=CLASSES,
        labels=np.concatenate([interaction, ~interaction], axis=1),
        annotated=np.ones(events.frames, dtype=bool),
        keypoints=poses.xy,
        confidence=poses.likelihood,
    )


def _choose(_: Sequence[Summary]) -> Mapping[str, Mapping[str, Sequence[str]]]:
    return {"all": {"test": (ID,)}}


RULE = SplitRule(
    name="ethome",
    source=SPLIT_SOURCE,
    words="Ours: one video, which tests; there is none to train on.",
    choose=_choose,
)

DATASET = Dataset(
    name="ethome",
    title="ethome: one video of two mice",
    url=URL,
    licence="MIT",
    citation="Lansdell B. ethome, its sample data. github benlansdell/ethome.",
    fps=FPS,
    animals=ANIMALS,
    keypoints=KEYPOINTS,
    edges=EDGES,
    image=(1600, 1200),
    classes=CLASSES,
    files=f"{EVENTS} and {POSES}",
    read=read,
    official=(EVENTS, POSES),
    notes=(
        "One video of 5,700 frames and ten bouts: a test of the readers, not a benchmark.",
        "The size of the image is not stated; 1600 x 1200 is assumed from the reach of the keypoints.",
    ),
)

TASK = Task(
    name="ethome",
    title="ethome: interaction of two mice",
    question="Do the adult and the juvenile interact in each frame?",
    dataset=DATASET,
    classes=CLASSES,
    background="other",
    split=FrozenSplit("ethome", "82892ea1b6349eb9f15feea89d2f137f731dabfd90db334dd2cd6f9c52643858"),
    metrics=FRAME_METRICS,
    reference="github benlansdell/ethome, sample data",
)
