"""Floors of the tasks that no class prior answers: random segments, and clusters whose frames are shuffled.

    python tests/studies/floors.py segments --task rat-dyads-bouts
    python tests/studies/floors.py clusters submissions/pose_kmeans --task rat-dyads-clusters

Random segments have the classes, the lengths and, times `--times`, the number of the training segments; they
begin anywhere, and their scores are random. Shuffled clusters are those of an entry, each recording's frames
in random order: as many and as large, and they tell nothing. Five draws each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bench.datasets import get_task
from bench.metrics.softnms import soft_nms
from bench.recordings import Detections, Recording
from bench.store import load
from bench.tasks import Task

SEEDS = range(5)


def random_segments(task: Task, times: float) -> dict[str, list[float]]:
    """Return metric -> its mean over classes, of every draw."""
    split = task.load_split()
    train = [
        (task.segments(recording), recording.frames / recording.fps)
        for recording in load(task.dataset, split.ids("all", "train"), poses=False)
    ]
    lengths = np.concatenate([np.diff(segments.bounds, axis=1)[:, 0] for segments, _ in train])
    labels = np.concatenate([segments.labels for segments, _ in train])
    rate = times * len(labels) / sum(seconds for _, seconds in train)
    test = list(load(task.dataset, split.ids("all", "test"), poses=False))

    def drawn(recording: Recording, rng: np.random.Generator) -> Detections:
        end = recording.frames / recording.fps
        number = min(2000, max(1, round(rate * end)))
        chosen = rng.integers(len(labels), size=number)
        start = rng.uniform(0, end, number)
        stop = np.minimum(start + lengths[chosen], end)
        return soft_nms(Detections(np.stack([start, stop], axis=1), labels[chosen], rng.random(number)))

    found: dict[str, list[float]] = {}
    for seed in SEEDS:
        rng = np.random.default_rng([seed, 71])
        told = [(task.segments(recording), drawn(recording, rng)) for recording in test]
        for metric in task.metrics:
            measures = [metric.measure(truth, detections) for truth, detections in told]
            found.setdefault(metric.name, []).append(_mean(metric.reduce(measures, np.ones((1, len(test))))))
    return found


def shuffled_clusters(task: Task, entry: Path) -> dict[str, list[float]]:
    """Return metric -> its mean over classes, of every draw, for the first run of an entry."""
    path = sorted((entry / task.name).glob("*.npz"))[0]
    with np.load(path) as archive:
        ids = {name.partition("/")[2]: archive[name] for name in archive.files}
    test = list(load(task.dataset, task.load_split().ids("all", "test"), poses=False))
    found: dict[str, list[float]] = {}
    for seed in SEEDS:
        rng = np.random.default_rng([seed, 72])
        for metric in task.metrics:
            if metric.reads != "clusters":
                continue
            measures = [metric.measure(task.truth(r), rng.permutation(ids[r.id])) for r in test]
            found.setdefault(metric.name, []).append(_mean(metric.reduce(measures, np.ones((1, len(test))))))
    return found


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values))


def main() -> None:
    """Print a line for each metric: mean and largest of the draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=["segments", "clusters"])
    parser.add_argument("entry", nargs="?", type=Path)
    parser.add_argument("--task", required=True)
    parser.add_argument("--times", type=float, default=1.0)
    given = parser.parse_args()
    task = get_task(given.task)
    if given.what == "segments":
        found = random_segments(task, given.times)
    else:
        found = shuffled_clusters(task, given.entry)
    for name, values in found.items():
        print(f"{name}: mean {np.mean(values):.4f}, largest {max(values):.4f} of {len(values)} draws")


if __name__ == "__main__":
    main()
