"""How well do people agree? Three raters of 20 open-field videos, each scored against each other.

    python tests/perf/ceiling.py [--data FOLDER]

FOLDER holds `AllLabDataOFT_final.csv` (Sturman et al. 2020; github ETHZ-INS/DLCAnalyzer, GPL-3.0). Rater A is
taken for the truth and rater B for the prediction, all videos pooled, by the frozen metrics: no model that
learns from one rater can be expected to agree with another one better than this. Classes may hold together
and are multi-label here; a frame without any is background. For detection mAP each bout of B is a detection
of score 1: people give no scores, so their detections are one threshold, not a curve.

Reading the labels
------------------
Seconds become frames, round(25 * seconds), half-open. The trial is from the end of each rater's first
start mark to the beginning of the last end mark, over all raters; no other frame counts. (In two videos one
rater marked no end.) "Jumping" and "_DEFAULT" are no class: where anybody says so nobody's label counts, and
bouts do not reach across.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from tabulate import tabulate

from bench.metrics import METRICS, Metric
from bench.metrics.bouts import find_bouts
from bench.metrics.segments import Detections, Segments
from bench.recordings import spans

FPS = 25
FILE = "AllLabDataOFT_final.csv"
CLASSES = ("Supported", "Unsupported", "Grooming")
EXCLUDED = ("Jumping", "_DEFAULT")
MARKS = ("StartEnd", "Start/End")
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


@dataclass(frozen=True, eq=False)
class Video:
    """One video inside its trial window, as each rater labelled it."""

    labels: Mapping[str, Bool[np.ndarray, "T C"]]
    counted: Bool[np.ndarray, " T"]


def read(path: Path) -> dict[str, Video]:
    """Return the videos by name; all 20 have three raters, so anything else is not this file."""
    rows: dict[str, dict[str, list[tuple[str, float, float]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            if row["to"] not in ("", "NA"):  # one bout was never ended
                bout = (row["type"], float(row["from"]), float(row["to"]))
                rows[row["ID"]][row["Experimenter"]].append(bout)
    if len(rows) != 20 or any(len(raters) != 3 for raters in rows.values()):
        raise SystemExit(f"{path}: expected 20 videos of three raters")
    return {name: _video(raters) for name, raters in sorted(rows.items())}


def _video(raters: Mapping[str, Sequence[tuple[str, float, float]]]) -> Video:
    marks = {
        rater: sorted((start, stop) for type_, start, stop in bouts if type_ in MARKS)
        for rater, bouts in raters.items()
    }
    first = frame(max(found[0][1] for found in marks.values()))
    last = frame(min(found[-1][0] for found in marks.values() if len(found) > 1))
    labels = {rater: np.zeros((last, len(CLASSES)), dtype=bool) for rater in sorted(raters)}
    counted = np.ones(last, dtype=bool)
    for rater, bouts in raters.items():
        for type_, start, stop in bouts:
            if type_ in CLASSES:
                labels[rater][frame(start) : frame(stop), CLASSES.index(type_)] = True
            elif type_ in EXCLUDED:
                counted[frame(start) : frame(stop)] = False
    return Video({rater: array[first:] for rater, array in labels.items()}, counted[first:])


def frame(seconds: float) -> int:
    """Return the frame that is nearest in time."""
    return round(seconds * FPS)


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
    mean, classes = metric.value(measures, np.ones(len(CLASSES), dtype=bool))
    return np.append(mean, classes) if metric.mean != "none" else np.array([mean])


def as_segments(
    truth: Bool[np.ndarray, "T C"], other: Bool[np.ndarray, "T C"]
) -> tuple[Segments, Detections]:
    """Return the bouts of both in seconds, those of the prediction with score 1."""
    a, b = find_bouts(truth), find_bouts(other)
    seconds = [np.column_stack([side.starts, side.stops]) / FPS for side in (a, b)]
    return (
        Segments(seconds[0], a.classes, len(CLASSES)),
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
    videos = read(parser.parse_args().data / FILE)
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
    heads = [f"{what} {name}" for what in ("F1", "bout .50", "mAP") for name in CLASSES]
    print(tabulate(by_class, headers=["truth", "prediction", *heads], floatfmt=".3f"))


if __name__ == "__main__":
    main()
