"""How long Soft-NMS takes for a whole test set, beside a plain loop over segments, and whether both agree.

    python tests/studies/suppression.py                      281 clips of 2,000 candidates
    python tests/studies/suppression.py --clips 20           fewer
    python tests/studies/suppression.py --save NAME          keep a record in records/NAME.json

Candidates are those of a localiser with the settings of RatSeizure: 14 classes, clips of 10 s, two thousand
pairs of point and class, scores from 0.001 on.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.metrics.softnms import EXTRA_LENGTH, MIN_SCORE, MOST, SIGMA, soft_nms
from bench.recordings import Detections

COMPILED = 0.28
"""Seconds that the compiled loop of ActionFormer's code took for 281 clips, on another such machine."""
RECORDS = Path(__file__).parent / "records"
SECONDS, CLASSES, CANDIDATES = 10.0, 14, 2000


def made(clips: int) -> list[Detections]:
    """Return candidates as points of a pyramid make them: centres everywhere, lengths of all sizes."""
    rng = np.random.default_rng(0)
    answers = []
    for _ in range(clips):
        centre = rng.uniform(0, SECONDS, CANDIDATES)
        half = SECONDS / 2 * 2.0 ** rng.uniform(-5, 0, CANDIDATES)
        bounds = np.column_stack([centre - half, centre + half])
        labels = rng.integers(0, CLASSES, CANDIDATES)
        answers.append(Detections(bounds, labels, 10.0 ** rng.uniform(-3, 0, CANDIDATES)))
    return answers


def plain(given: Detections) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores of what remains, one segment after the other."""
    kept: list[tuple[float, float, float, int]] = []
    for label in range(CLASSES):
        rows = np.flatnonzero(given.labels == label)
        pool = [(*given.bounds[row].tolist(), float(given.scores[row])) for row in rows]
        for _ in range(MOST):
            if not pool:
                break
            best = max(range(len(pool)), key=lambda i: (pool[i][2], -pool[i][0], -pool[i][1]))
            start, end, score = pool.pop(best)
            kept.append((-score, start, end, label))
            left = []
            for other_start, other_end, other in pool:
                shared = max(min(end, other_end) - max(start, other_start), 0.0)
                lengths = (end - start + EXTRA_LENGTH) + (other_end - other_start + EXTRA_LENGTH)
                tiou = shared / (lengths - shared)
                if (weighed := other * math.exp(-tiou * tiou / SIGMA)) >= MIN_SCORE:
                    left.append((other_start, other_end, weighed))
            pool = left
    best_first = sorted(kept)[:MOST]
    return np.array([row[3] for row in best_first]), np.array([-row[0] for row in best_first])


def timed(function: Callable[[], Sequence[object]], repeats: int) -> tuple[float, Sequence[object]]:
    """Return the shortest time of the processor, and the answer."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        answer = function()
        times.append(time.process_time() - began)
    return min(times), answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=281)
    parser.add_argument("--save")
    asked = parser.parse_args()
    clips = made(asked.clips)
    loop, expected = timed(lambda: [plain(clip) for clip in clips], 1)
    ours, answers = timed(lambda: [soft_nms(clip) for clip in clips], 3)
    for (labels, scores), answer in zip(expected, answers, strict=True):
        np.testing.assert_array_equal(answer.labels, labels)
        np.testing.assert_allclose(answer.scores, scores, rtol=1e-9)
    record = {
        "clips": asked.clips,
        "candidates": CANDIDATES,
        "processor_seconds": {"plain loop": loop, "ours": ours, "compiled loop, elsewhere": COMPILED},
        "machine": platform.machine(),
        "numpy": np.__version__,
    }
    print(json.dumps(record, indent=2))
    if asked.save:
        (RECORDS / f"{asked.save}.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
