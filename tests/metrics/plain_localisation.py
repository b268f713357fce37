"""Detection metrics as a plain loop, written from the ActivityNet definition, and the inputs it is run on.

Slow and independent of the package: it borrows the containers and nothing else. Run as a script, it writes
`tests/golden/localisation.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.recordings import Detections, Segments

Recordings = Sequence[tuple[Segments, Detections]]

THRESHOLDS = (0.3, 0.39999999999999997, 0.5, 0.6, 0.7)
OWN = Path(__file__).parents[1] / "golden" / "localisation.json"


def loop_truth(truth: Segments) -> list[tuple[int, float, float]]:
    kept: list[tuple[int, float, float]] = []
    for label, (start, end) in sorted(zip(truth.labels.tolist(), truth.bounds.tolist(), strict=True)):
        twin = any(c == label and abs(a - start) <= 1e-3 and abs(b - end) <= 1e-3 for c, a, b in kept)
        if end - start >= 1e-3 and not twin:
            kept.append((label, start, end))
    return kept


def loop_tiou(a: tuple[float, float], b: tuple[float, float]) -> float:
    inter = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return inter / ((b[1] - b[0]) + (a[1] - a[0]) - inter)


def loop_hits(truth: Segments, detections: Detections, label: int, tiou: float) -> list[tuple[float, bool]]:
    """(score, hit) of each detection of one class in one recording."""
    free = [(a, b) for c, a, b in loop_truth(truth) if c == label]
    rows = sorted(
        (-s, a, b)
        for s, c, (a, b) in zip(detections.scores, detections.labels, detections.bounds, strict=True)
        if c == label
    )
    out = []
    for score, start, end in rows:
        overlaps = [(loop_tiou((start, end), one), one) for one in free]
        best = max(overlaps, default=(0.0, None))
        if best[0] >= tiou:
            free.remove(best[1])
        out.append((-score, bool(best[0] >= tiou)))
    return out


def loop_ap(recordings: Recordings, label: int, tiou: float) -> float:
    total = sum(c == label for truth, _ in recordings for c, _, _ in loop_truth(truth))
    if total == 0:
        return float("nan")
    marked = [row for truth, found in recordings for row in loop_hits(truth, found, label, tiou)]
    points = []
    for bar in sorted({score for score, _ in marked}, reverse=True):
        above = [hit for score, hit in marked if score >= bar]
        points.append((sum(above) / total, sum(above) / len(above)))
    area, before = 0.0, 0.0
    for i, (recall, _) in enumerate(points):
        area += (recall - before) * max(precision for _, precision in points[i:])
        before = recall
    return area


def loop_recall(recordings: Recordings, label: int, tiou: float, k: int) -> float:
    total = found = 0
    for truth, detections in recordings:
        mine = [(a, b) for c, a, b in loop_truth(truth) if c == label]
        rows = sorted(
            (-s, a, b)
            for s, c, (a, b) in zip(detections.scores, detections.labels, detections.bounds, strict=True)
            if c == label
        )
        shown = [(a, b) for _, a, b in rows[: k * len(mine)]]
        total += len(mine)
        found += sum(any(loop_tiou(seen, one) >= tiou for seen in shown) for one in mine)
    return found / total if total else float("nan")


def loop_table(recordings: Recordings, tious: Sequence[float]) -> dict[str, Any]:
    labels = range(recordings[0][0].classes)
    return {
        "ap": [[loop_ap(recordings, c, t) for c in labels] for t in tious],
        "recall_1": [[loop_recall(recordings, c, t, 1) for c in labels] for t in tious],
        "recall_5": [[loop_recall(recordings, c, t, 5) for c in labels] for t in tious],
    }


def random_recordings(seed: int) -> list[tuple[Segments, Detections]]:
    """Small, and hard: few distinct times and scores, so that scores, tIoU and truths tie; empty ones too."""
    rng = np.random.default_rng(seed)
    classes, step = int(rng.integers(1, 5)), rng.choice([1.0, 0.25, 0.0005, 1e-9])
    levels = int(rng.choice([1, 3, 20, 10**9]))
    out = []
    for _ in range(int(rng.integers(1, 7))):
        truths, rows = int(rng.integers(0, 9)), int(rng.integers(0, 30))
        bounds = np.sort((rng.uniform(0, 12, (truths, 2)) / step).round() * step, axis=1)
        bounds[truths // 2 :] = bounds[: truths - truths // 2] + rng.choice([0.0, 0.0009, 0.002])
        truth = Segments(bounds, rng.integers(0, classes, truths), classes)
        near = rng.uniform(0, 12, (rows, 2))
        if truths:
            near = bounds[rng.integers(0, truths, rows)] + rng.normal(0, 1, (rows, 2))
        seen = np.sort((near / step).round() * step, axis=1)
        seen[:, 1] += (seen[:, 1] <= seen[:, 0]) * max(step, 0.5)
        scores = rng.integers(0, levels, rows) / levels
        out.append((truth, Detections(seen, rng.integers(0, classes, rows), scores)))
    return out


def shuffled(recordings: Recordings, rng: np.random.Generator) -> list[tuple[Segments, Detections]]:
    out = []
    for i in rng.permutation(len(recordings)):
        truth, found = recordings[i]
        rows = rng.permutation(len(truth.labels))
        out.append((
            Segments(truth.bounds[rows], truth.labels[rows], truth.classes),
            found.take(rng.permutation(len(found.labels))),
        ))  # fmt: skip
    return out


def one(
    truth: Sequence[Sequence[float]], found: Sequence[Sequence[float]], classes: int = 3
) -> tuple[Segments, Detections]:
    """Make a recording of rows (start, end, label) and (start, end, label, score)."""
    g, p = np.array(truth, float).reshape(-1, 3), np.array(found, float).reshape(-1, 4)
    return (
        Segments(g[:, :2], g[:, 2].astype(int), classes),
        Detections(p[:, :2], p[:, 2].astype(int), p[:, 3]),
    )


def write_golden() -> None:
    cases = []
    for seed in range(1000, 1016):
        recordings = random_recordings(seed)
        expected = loop_table(recordings, THRESHOLDS)
        rows = [
            {
                "truth": np.column_stack([truth.bounds, truth.labels]).tolist(),
                "found": np.column_stack([found.bounds, found.labels, found.scores]).tolist(),
            }
            for truth, found in recordings
        ]
        null = {
            name: [[None if np.isnan(v) else v for v in line] for line in values]
            for name, values in expected.items()
        }
        head = {"seed": seed, "classes": recordings[0][0].classes, "tiou": THRESHOLDS}
        cases.append({**head, "recordings": rows, "expected": null})
    OWN.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    write_golden()
