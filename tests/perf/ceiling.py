"""How well do people agree? Three raters of 20 open-field videos, each scored against each other.

    python tests/perf/ceiling.py [--data FOLDER]

FOLDER holds `AllLabDataOFT_final.csv` (Sturman et al. 2020; github ETHZ-INS/DLCAnalyzer, GPL-3.0). Rater A is
taken for the truth and rater B for the prediction, all videos pooled, by the frozen metrics: no model that
learns from one rater can be expected to agree with another one better than this. Classes may hold together
and are multi-label here; a frame without any is background. For detection mAP each bout of B is a detection
of score 1: people give no scores, so their detections are one threshold, not a curve.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from tabulate import tabulate

from bench.datasets.oft_labels import BEHAVIOURS, FILE, FPS, Video, read_labels
from bench.metrics import METRICS, Metric
from bench.metrics.bouts import find_bouts
from bench.recordings import Detections, Segments, spans

COLUMNS = {
    "f1": "F1",
    "accuracy": "accuracy",
    "cohen_kappa": "kappa",
    "accuracy_at_transition": "at transition",
    "bout_f1_25": "bout F1 .25",
    "bout_f1_50": "bout F1 .50",
    "onset_bias": "onset bias",
    "onset_error_median": "onset error",
    "offset_bias": "offset bias",
    "offset_error_median": "offset error",
    "bout_coverage": "matched",
    "detection_map": "mAP .3:.7",
}
"""Metric -> what the table calls it; errors are in frames of 40 ms."""


def fleiss_kappa(videos: Mapping[str, Video]) -> tuple[float, int]:
    """Return Fleiss' kappa of all raters and the frames it is over.

    Every frame is of one category, a class or background, so frames in which some rater holds two classes
    at once are left out: that is the reading of the published 0.80.
    Source: Fleiss 1971, Psychological Bulletin 76:378.
    """
    tables = []
    for video in videos.values():
        held = np.stack(list(video.labels.values()))  # (raters, T, C)
        one = (held.sum(axis=2) <= 1).all(axis=0) & video.counted
        categories = np.concatenate([held, ~held.any(axis=2, keepdims=True)], axis=2)
        tables.append(categories.sum(axis=0)[one])
    table = np.concatenate(tables).astype(float)  # (frames, categories): raters who say so
    raters = table[0].sum()
    agreed = ((table**2).sum(axis=1) - raters) / (raters * (raters - 1))
    chance = ((table.sum(axis=0) / table.sum()) ** 2).sum()
    return float((agreed.mean() - chance) / (1 - chance)), len(table)


def score(videos: Mapping[str, Video], truth: str, other: str, metric: Metric) -> np.ndarray:
    """Return the mean and the class values of one rater against another."""
    measures = []
    for video in videos.values():
        for part in spans(video.counted):
            a, b = video.labels[truth][part], video.labels[other][part]
            measures.append(metric.measure(*((a, b) if metric.reads == "labels" else as_segments(a, b))))
    mean, classes = metric.value(measures, np.ones(len(BEHAVIOURS), dtype=bool))
    return np.append(mean, classes) if metric.mean != "none" else np.array([mean])


def as_segments(
    truth: Bool[np.ndarray, "T C"], other: Bool[np.ndarray, "T C"]
) -> tuple[Segments, Detections]:
    """Return the bouts of both in seconds, those of the prediction with score 1."""
    a, b = find_bouts(truth), find_bouts(other)
    seconds = [np.column_stack([side.starts, side.stops]) / FPS for side in (a, b)]
    return (
        Segments(seconds[0], a.classes, len(BEHAVIOURS)),
        Detections(seconds[1], b.classes, np.ones(len(b.classes))),
    )


def agreement(videos: Mapping[str, Video]) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """Return every number of `COLUMNS` for each ordered pair of raters: mean first, then classes."""
    chosen = [metric for name in COLUMNS for metric in METRICS if metric.name == name]
    raters = sorted(next(iter(videos.values())).labels)
    return {
        (a, b): {metric.name: score(videos, a, b, metric) for metric in chosen}
        for a, b in permutations(raters, 2)
    }


def main() -> None:
    """Print Fleiss' kappa, the table of pairs, and F1 by class."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/oft"), help=f"folder of {FILE}")
    videos = read_labels(parser.parse_args().data / FILE)
    kappa, frames = fleiss_kappa(videos)
    print(f"{len(videos)} videos, {sum(v.counted.sum() for v in videos.values()):,} frames")
    print(f"Fleiss' kappa {kappa:.4f} over {frames:,} frames with at most one class per rater\n")
    found = agreement(videos)
    rows = [[*pair, *(values[name][0] for name in COLUMNS)] for pair, values in found.items()]
    rows.append(["mean", "", *np.mean([row[2:] for row in rows], axis=0)])
    print(tabulate(rows, headers=["truth", "prediction", *COLUMNS.values()], floatfmt=".3f"), "\n")
    by_class = [
        [*pair, *values["f1"][1:], *values["bout_f1_50"][1:], *values["detection_map"][1:]]
        for pair, values in found.items()
    ]
    heads = [f"{what} {name}" for what in ("F1", "bout .50", "mAP") for name in BEHAVIOURS]
    print(tabulate(by_class, headers=["truth", "prediction", *heads], floatfmt=".3f"))


if __name__ == "__main__":
    main()
