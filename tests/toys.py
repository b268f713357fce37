"""One toy for the tests of every room: a data set, its split and task, recordings and noisy scores.

Seven recordings of three classes; no two are of the same length.
"""

from __future__ import annotations

import numpy as np

from bench.metrics import FRAME_METRICS
from bench.recordings import Recording, one_hot
from bench.splits import Split
from bench.tasks import Dataset, Part, Task

CLASSES = ("attack", "mount", "other")
FRAMES = {"m1": 211, "m2": 97, "m3": 151, "m4": 83, "m5": 127, "m6": 61, "m7": 173}
DATASET = Dataset(
    name="toy",
    title="Toy",
    url="https://example.org",
    licence="CC0",
    citation="nobody",
    fps=25.0,
    animals=("a", "b"),
    keypoints=("nose",),
    image=(640, 480),
    classes=CLASSES,
    files="toy.json",
    read=lambda folder: iter(()),
)
CARD = {"id": "entry", "name": "Entry"}
FEW = 20
"""Resamples where a test reads values and no interval: a tenth of the time."""


def split(**parts: tuple[str, ...]) -> Split:
    """Test all recordings, each a group of its own: part -> ids, or one part of all."""
    tests = parts or {"all": tuple(FRAMES)}
    return Split(
        name="toy",
        source="own",
        rule="all",
        parts={
            part: {"train": {}, "val": {}, "test": {id_: (id_,) for id_ in ids}}
            for part, ids in tests.items()
        },
    )


def task(**parts: tuple[str, ...]) -> Task:
    """Ask for every frame metric of these parts, or of one part of all recordings."""
    return Task(
        name="toy",
        title="Toy",
        question="what?",
        dataset=DATASET,
        classes=CLASSES,
        background="other",
        split=split(**parts),
        metrics=FRAME_METRICS,
        parts=tuple(Part(part, part) for part in parts or ("all",)),
    )


def recordings(seed: int = 0) -> dict[str, Recording]:
    """Draw labels that last seven frames; every frame is annotated, and there are no poses."""
    rng = np.random.default_rng(seed)
    made = {}
    for id_, frames in FRAMES.items():
        labels = np.repeat(rng.integers(0, 3, frames // 7 + 1), 7)[:frames]
        made[id_] = Recording(
            id=id_,
            group=id_,
            fps=25.0,
            classes=CLASSES,
            labels=one_hot(labels, 3),
            annotated=np.ones(frames, dtype=bool),
        )
    return made


def scores(truth: dict[str, Recording], seed: int, skill: float = 1.0) -> dict[str, np.ndarray]:
    """Draw scores with ties, of one decimal, that are higher for the true class by `skill`."""
    rng = np.random.default_rng(seed)
    return {
        id_: (rng.normal(size=(r.frames, 3)).round(1) + skill * r.labels).astype(np.float32)
        for id_, r in truth.items()
    }
