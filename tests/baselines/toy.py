"""A task small enough to train in seconds: three classes that differ by where two animals stand.

Run as a script it is the process that a test kills: `toy.py OUT BASELINE`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from baselines.contract import Baseline
from baselines.models import get_baseline
from baselines.recipes.windows import Recipe
from baselines.runs.train import train
from bench.metrics import Metric
from bench.recordings import Recording, one_hot
from bench.splits import Split
from bench.store import pull
from bench.tasks import Dataset, Part, Task

CLASSES = ("chase", "rest", "groom")
FRAMES = {"a": 211, "b": 157, "c": 303, "d": 97, "e": 64}
"""Recording -> frames; a, b, c train, d and e test."""


def recording(id_: str, classes: tuple[str, ...] = CLASSES) -> Recording:
    """Bouts of 16 frames; a class shifts all keypoints; the first five frames nobody annotated."""
    frames, rng = FRAMES[id_], np.random.default_rng(sum(id_.encode()))
    label = np.repeat(rng.integers(0, 3, frames // 16 + 1), 16)[:frames]
    annotated = np.arange(frames) >= 5
    keypoints = rng.normal(100, 8, (frames, 2, 3, 2)) + 60 * label[:, None, None, None]
    keypoints[rng.random((frames, 2, 3)) < 0.1] = np.nan
    return Recording(
        id=id_,
        group=id_,
        fps=30.0,
        classes=classes,
        labels=one_hot(np.where(annotated, label, -1), 3),
        annotated=annotated,
        keypoints=keypoints.astype(np.float32),
    )


def read(folder: Path) -> Iterator[Recording]:
    """Make the recordings; no file is read."""
    yield from map(recording, FRAMES)


DATASET = Dataset(
    name="toy",
    title="Toy",
    url="https://example.org",
    licence="CC0",
    citation="none",
    fps=30.0,
    animals=("one", "two"),
    keypoints=("nose", "neck", "tail"),
    image=(400, 300),
    classes=CLASSES,
    files="none",
    read=read,
)

METRIC = Metric("unused", "unused", "labels", lambda *_: None, lambda *_: None, "none", "unused")


def task(**parts: str) -> Task:
    """Return the task; each keyword is a part and the letters of its train recordings."""
    chosen = parts or {"all": "abc"}
    split = Split(
        name="toy",
        source="own",
        rule="by letter",
        parts={
            part: {"train": {i: (i,) for i in ids}, "test": {"d": ("d",), "e": ("e",)}}
            for part, ids in chosen.items()
        },
    )
    return Task(
        name="toy",
        title="Toy",
        question="Where do they stand?",
        dataset=DATASET,
        classes=CLASSES,
        background=None,
        split=split,
        metrics=(METRIC,),
        parts=tuple(Part(part, part) for part in chosen),
    )


CONV = MSGL = None  # where torch is not installed, its tests are skipped
if find_spec("torch"):
    from baselines.engine import windows
    from baselines.models.conv1d import Conv1D

    CONV = windows.baseline(
        module="toy",
        name="conv",
        title="Small convolution",
        description="a small convolution",
        reference="none",
        recipe=Recipe(past=20, future=16, gap=1, epochs=10, batch=16),
        network=windows.plain(Conv1D),
    )
    MSGL = replace(get_baseline("msgl"), recipe=replace(get_baseline("msgl").recipe, past=11, epochs=6))


def dies(run: object, data: object, workspace: object) -> None:
    """End the process that trains, as a machine out of memory would."""
    os.kill(os.getpid(), signal.SIGKILL)


DEADLY = replace(get_baseline("prior"), model="toy:deadly", name="deadly", learn=dies)
TRAINED = {"conv": CONV, "msgl": MSGL}


def run(out: Path, baseline: Baseline | None = None, asked: Task | None = None, **changed: Any) -> Path:
    """Train one run, seed 1 where nothing else is said; return the path of its predictions."""
    arguments = {"seed": 1, "device": "cpu", "out": out, **changed}
    return train(baseline or CONV, asked or task(), **arguments)


if __name__ == "__main__":
    pull(DATASET, Path())
    train(TRAINED[sys.argv[2]], task(), seed=1, device="cpu", out=Path(sys.argv[1]))
