"""What a timing error costs: the official CalMS21 Task 1 test labels against themselves, k frames late.

    python tests/perf/shifted.py [--data FOLDER]

FOLDER holds `task1_test_labels.csv`. Every bout is found, in the right order, and only its borders are wrong:
the table says how far each number feels borders. The first k frames of a recording repeat its first label.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from tabulate import tabulate

from bench.datasets.calms21 import TASK1, read_label_table
from bench.metrics import CONCATENATED_METRICS, FRAME_METRICS, Metric

SHIFTS = (1, 5, 15, 30)
LATE = [metric for metric in (*FRAME_METRICS, *CONCATENATED_METRICS) if metric.reads == "labels"]


def late(labels: Bool[np.ndarray, "T C"], frames: int) -> Bool[np.ndarray, "T C"]:
    """Return the labels `frames` frames later; the first one stands in front of them."""
    return labels[np.maximum(np.arange(len(labels)) - frames, 0)]


def value(metric: Metric, truth: Sequence[Bool[np.ndarray, "_ C"]], frames: int) -> float:
    """Return the metric's value for the labels of all recordings, `frames` frames late."""
    measures = [metric.measure(labels, late(labels, frames)) for labels in truth]
    return metric.value(measures, TASK1.foreground)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = os.environ.get("ETHOBENCH_DATA", Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default) / "calms21")
    folder = parser.parse_args().data
    truth = [recording.labels for recording in read_label_table(folder / "task1_test_labels.csv")]
    rows = [
        [metric.name, metric.unit, *(f"{value(metric, truth, frames):.4f}" for frames in SHIFTS)]
        for metric in LATE
    ]
    headers = ["metric", "unit", *(f"{frames} late" for frames in SHIFTS)]
    print(f"{len(truth)} recordings, {sum(map(len, truth)):,} frames")
    print(tabulate(rows, headers, disable_numparse=True, colalign=("left", "left", *["right"] * len(SHIFTS))))


if __name__ == "__main__":
    main()
