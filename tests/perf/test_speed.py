"""The metrics against scikit-learn, torchmetrics and plain loops, in one run on one input.

    make perf                                      CalMS21 Task 1: 262,107 frames, 4 classes, 19 recordings
    ETHOBENCH_PERF=10 .venv/bin/pytest tests/perf     the same, each recording ten times as long

Without the variable, as `make test` runs it, sizes are a hundredth, every call is made once, and what is
tested is that all contestants give the same numbers. Times of calls are printed by pytest-benchmark; only two
ratios are asserted, each with a wide margin. `linear.py` measures whole processes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from linear import FRAMES, labels, scores
from sklearn import metrics as theirs

from bench.metrics import agreement, frames, localisation, ranking
from bench.metrics.sampling.resampling import bootstrap_weights
from bench.recordings import Detections, Segments, one_hot

sys.path.append(str(Path(__file__).parents[1] / "metrics"))
from plain_localisation import loop_ap

TIMES = float(os.environ.get("ETHOBENCH_PERF", "0.01"))
FULL = TIMES >= 1
ROUNDS = 5 if TIMES == 1 else 1
OURS = "ethobench"


@dataclass(frozen=True, eq=False)
class Pool:
    """Recordings, and their frames in one piece."""

    recordings: list[tuple[np.ndarray, np.ndarray]]
    truth: np.ndarray
    scores: np.ndarray
    y: np.ndarray
    hard: np.ndarray


@cache
def pool() -> Pool:
    rng = np.random.default_rng(0)
    truths = [labels(rng, int(TIMES * frames)) for frames in FRAMES]
    pairs = [(truth, scores(rng, truth)) for truth in truths]
    truth, score = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return Pool(pairs, truth, score, truth.argmax(axis=1), score.argmax(axis=1))


def ours(metric: Any, weights: np.ndarray | None = None) -> np.ndarray:
    """Measure and reduce every recording, from scores to values."""
    read = [
        (truth, one_hot(score.argmax(axis=1), 4) if metric.reads == "labels" else score)
        for truth, score in pool().recordings
    ]
    rows = np.ones((1, len(read))) if weights is None else weights
    return metric.reduce([metric.measure(*pair) for pair in read], rows)


@cache
def tensors() -> Any:
    torch = pytest.importorskip("torch")
    p = pool()
    return torch.from_numpy(p.scores), torch.from_numpy(p.y)


def torchmetrics(name: str, *, ranks: bool, **options: Any) -> np.ndarray:
    functional = pytest.importorskip("torchmetrics.functional.classification")
    score, y = tensors()
    read = score if ranks else score.argmax(dim=1)
    return getattr(functional, f"multiclass_{name}")(read, y, num_classes=4, **options).numpy()


CONTESTS: Mapping[str, Mapping[str, Callable[[], Any]]] = {
    "F1": {
        OURS: lambda: ours(frames.F1)[0],
        "scikit-learn": lambda: theirs.f1_score(pool().y, pool().scores.argmax(axis=1), average=None),
        "torchmetrics": lambda: torchmetrics("f1_score", ranks=False, average="none"),
    },
    "accuracy": {
        OURS: lambda: ours(agreement.ACCURACY)[0],
        "scikit-learn": lambda: theirs.accuracy_score(pool().y, pool().scores.argmax(axis=1)),
        "torchmetrics": lambda: torchmetrics("accuracy", ranks=False, average="micro"),
    },
    "kappa": {
        OURS: lambda: ours(agreement.COHEN_KAPPA)[0],
        "scikit-learn": lambda: theirs.cohen_kappa_score(pool().y, pool().scores.argmax(axis=1)),
        "torchmetrics": lambda: torchmetrics("cohen_kappa", ranks=False),
    },
    "average precision": {
        OURS: lambda: ours(ranking.MAP)[0],
        "scikit-learn": lambda: theirs.average_precision_score(pool().truth, pool().scores, average=None),
        "torchmetrics": lambda: torchmetrics("average_precision", ranks=True, average="none"),
    },
    "AUROC": {
        OURS: lambda: ours(ranking.AUROC)[0],
        "scikit-learn": lambda: theirs.roc_auc_score(pool().truth, pool().scores, average=None),
        "torchmetrics": lambda: torchmetrics("auroc", ranks=True, average="none"),
    },
}


@pytest.mark.parametrize(
    ("contest", "who"), [(name, who) for name, calls in CONTESTS.items() for who in calls]
)
def test_frames(benchmark: Any, contest: str, who: str) -> None:
    if who == "torchmetrics" and not FULL:
        pytest.skip("importing torch takes longer than all other tests of this file: ETHOBENCH_PERF=1")
    benchmark.group = contest
    pool()  # is made once, by nobody's clock
    if who == "torchmetrics":
        tensors()
    found = benchmark.pedantic(CONTESTS[contest][who], rounds=ROUNDS, warmup_rounds=int(TIMES == 1))
    rounding = 1e-4 if who == "torchmetrics" else 1e-12  # float32 there
    np.testing.assert_allclose(np.ravel(found), CONTESTS[contest][OURS](), rtol=0, atol=rounding)


# --- A thousand resamples ----------------------------------------------------------------------------------


def resampled_by_scikit_learn(rows: np.ndarray) -> np.ndarray:
    out = []
    for row in rows:
        drawn = [pair for pair, times in zip(pool().recordings, row, strict=True) for _ in range(int(times))]
        truth, score = (np.concatenate(side) for side in zip(*drawn, strict=True))
        out.append(theirs.average_precision_score(truth, score, average=None))
    return np.array(out)


@pytest.mark.parametrize("metric", [frames.F1, ranking.MAP, ranking.AUROC], ids=lambda metric: metric.name)
def test_a_thousand_resamples(benchmark: Any, metric: Any) -> None:
    benchmark.group = "1,000 resamples"
    weights = bootstrap_weights(len(FRAMES), 1_000, seed=0).astype(float)
    pool()
    found = benchmark.pedantic(ours, args=(metric, weights), rounds=min(ROUNDS, 3))
    assert found.shape == (1_000, 4)
    assert np.nanstd(found, axis=0).min() > 0


def test_resamples_are_those_of_scikit_learn_and_a_hundred_times_faster() -> None:
    """Two resamples, of those that drew every class, are timed there and scaled to a thousand."""
    weights = bootstrap_weights(len(FRAMES), 1_000, seed=0)
    held = np.stack([truth.any(axis=0) for truth, _ in pool().recordings])
    two = np.flatnonzero((weights @ held > 0).all(axis=1))[:2]
    before = time.perf_counter()
    found = ours(ranking.MAP, weights.astype(float))
    middle = time.perf_counter()
    expected = resampled_by_scikit_learn(weights[two])
    after = time.perf_counter()
    np.testing.assert_allclose(found[two], expected, rtol=0, atol=1e-12)
    if FULL:
        assert 500 * (after - middle) > 100 * (middle - before)


# --- Detections --------------------------------------------------------------------------------------------


def detections(videos: int, each: int, classes: int, truths: int) -> list[tuple[Segments, Detections]]:
    """Draw so many detections a video, half of them near a true segment, and so many true segments in all."""
    rng = np.random.default_rng(0)
    per_video = np.bincount(rng.integers(0, videos, truths), minlength=videos)
    made = []
    for count in per_video:
        start, length = rng.uniform(0, 100, (count, 1)), rng.uniform(2, 20, (count, 1))
        truth = np.concatenate([start, start + length], axis=1)
        of = rng.integers(0, classes, count)
        begin = rng.uniform(0, 100, each)
        bounds, mine = (
            np.stack([begin, begin + rng.uniform(1, 20, each)], axis=1),
            rng.integers(0, classes, each),
        )
        if count:
            near = rng.integers(0, count, each // 2)
            bounds[: each // 2] = truth[near] + rng.normal(0, 0.4, (each // 2, 2))
            mine[: each // 2] = of[near]
        bounds[:, 1] = np.maximum(bounds[:, 1], bounds[:, 0] + 0.1)
        made.append((Segments(truth, of, classes), Detections(bounds, mine, rng.random(each))))
    return made


def our_map(recordings: list[tuple[Segments, Detections]]) -> np.ndarray:
    measures = [localisation.measure(*pair) for pair in recordings]
    matches = localisation.match_all(measures)
    return localisation.average_precision(matches, np.ones((1, len(measures))))[0]


@pytest.mark.parametrize(
    ("videos", "each", "classes", "truths"),
    [(281, 200, 14, 451), (5_000, 200, 200, 7_787)],
    ids=["281", "5000"],
)
def test_detections(benchmark: Any, videos: int, each: int, classes: int, truths: int) -> None:
    if not FULL:
        videos, truths = videos // 20, truths // 20
    benchmark.group = "detections, five thresholds"
    made = detections(videos, each, classes, truths)
    found = benchmark.pedantic(our_map, args=(made,), rounds=min(ROUNDS, 3))
    assert found.shape == (5, classes)
    assert 0.1 < np.nanmean(found[0]) < 1.0
    assert (np.diff(found, axis=0)[:, ~np.isnan(found[0])] <= 1e-12).all()


def test_detections_are_those_of_the_plain_loop_and_ten_times_faster() -> None:
    """The loop grows with the square of the detections, so at any larger size the ratio is larger."""
    made = detections(videos=40, each=60, classes=14, truths=70)
    our_map(made[:2])
    before = time.perf_counter()
    found = our_map(made)
    middle = time.perf_counter()
    expected = np.array([[loop_ap(made, c, tiou) for c in range(14)] for tiou in localisation.TIOU])
    after = time.perf_counter()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert after - middle > 10 * (middle - before)
