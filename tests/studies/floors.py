"""Floors that no class prior gives: random segments, and clusters whose frames are shuffled.

    python tests/studies/floors.py ENTRY --task TASK [--times N]

ENTRY is a submission with predictions, whose card the floor borrows. Where the task asks for segments, random
ones take its place: they have the classes, the lengths and, N times, the number of the training segments,
begin anywhere and score at random. Where it asks for clusters they are those of the entry, each recording's
frames in random order: as many and as large, and they tell nothing. Five draws are scored as five runs.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import bench
from bench.datasets import get_task
from bench.recordings import MOST_DETECTIONS, Detections
from bench.store import load
from bench.submissions.card import CARD
from bench.tasks import Task

DRAWS = 5
Predictions = dict[str, dict[str, object]]


def random_segments(entry: Path, task: Task, times: float) -> Iterator[Predictions]:
    """Yield part -> recording -> detections, of every draw."""
    split = task.load_split()
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, 71])
        found: Predictions = {}
        for part in split.parts:
            train = list(load(task.dataset, split.ids(part, "train"), poses=False))
            true = [task.segments(recording) for recording in train]
            lengths = np.concatenate([np.diff(one.bounds, axis=1)[:, 0] for one in true])
            labels = np.concatenate([one.labels for one in true])
            rate = times * len(labels) / sum(recording.frames / recording.fps for recording in train)
            found[part] = {}
            for recording in load(task.dataset, split.ids(part, "test"), poses=False):
                end = recording.frames / recording.fps
                chosen = rng.integers(len(labels), size=min(MOST_DETECTIONS, max(1, round(rate * end))))
                start = rng.uniform(0, end, len(chosen))
                bounds = np.stack([start, np.minimum(start + lengths[chosen], end)], axis=1)
                found[part][recording.id] = Detections(bounds, labels[chosen], rng.random(len(chosen)))
        yield found


def shuffled_clusters(entry: Path, task: Task, times: float) -> Iterator[Predictions]:
    """Yield part -> recording -> clusters, of every draw."""
    with np.load(sorted((entry / task.name).glob("*.npz"))[0]) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for draw in range(DRAWS):
        rng = np.random.default_rng([draw, 72])
        found: Predictions = {}
        for name, ids in arrays.items():
            part, _, recording = name.partition("/")
            found.setdefault(part, {})[recording] = rng.permutation(ids)
        yield found


FLOORS = {"segments": random_segments, "clusters": shuffled_clusters}


def main() -> None:
    """Print every number of the floor: mean over draws, and deviation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("entry", type=Path)
    parser.add_argument("--task", required=True)
    parser.add_argument("--times", type=float, default=1.0)
    given = parser.parse_args()
    task = get_task(given.task)
    with tempfile.TemporaryDirectory() as folder:
        floor = Path(folder) / given.entry.name
        floor.mkdir()
        shutil.copy(given.entry / CARD, floor)
        for draw, predictions in enumerate(FLOORS[task.kind](given.entry, task, given.times)):
            bench.write_run(floor, task.name, f"seed{draw}", predictions)
        (result,) = bench.evaluate(floor, task.name)
    for name, score in result.scores.items():
        print(f"{name}: {score.value:.4f} ± {score.std_runs:.4f}")


if __name__ == "__main__":
    main()
