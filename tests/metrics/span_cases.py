"""Random small spans, and the properties that every metric over spans must have.

A slow reference is a function of a list of spans (truth, prediction) that returns the class values by
plain loops written from the definition. It knows no weights: it is given repeated spans instead.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.metrics.metric import Metric

Span = tuple[np.ndarray, np.ndarray]
Slow = Callable[[Sequence[Span]], list[float]]
Predict = Callable[[np.random.Generator, np.ndarray], np.ndarray]

GOLDEN = Path(__file__).parent.parent / "golden"
KINDS = ("exclusive", "overlapping", "frames", "absent", "single")


def random_labels(rng: np.random.Generator, frames: int, classes: int, kind: str) -> np.ndarray:
    """Draw runs of labels: one class a frame, any number of them, one-frame runs, some never, or one only."""
    run = 1 if kind == "frames" else int(rng.integers(2, 9))
    runs = frames // run + 2
    if kind == "overlapping":
        rows = rng.random((runs, classes)) < 0.4
    else:
        used = {"absent": max(1, classes - 2), "single": 1}.get(kind, classes)
        rows = np.eye(classes, dtype=bool)[rng.integers(0, used, runs)]
    lengths = rng.integers(1, 2 * run, runs)
    return np.resize(np.repeat(rows, lengths, axis=0), (frames, classes))


def random_prediction(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """Draw a perfect, shifted, noisy, unrelated or empty prediction of labels."""
    kind = rng.choice(["perfect", "shifted", "noisy", "unrelated", "empty"], p=[0.1, 0.3, 0.3, 0.2, 0.1])
    if kind == "perfect":
        return truth.copy()
    if kind == "shifted":
        return np.roll(truth, rng.integers(-4, 5), axis=0)
    if kind == "noisy":
        other = truth[rng.integers(0, len(truth), len(truth))]
        return np.where(rng.random((len(truth), 1)) < 0.15, other, truth)
    if kind == "unrelated":
        return random_labels(rng, *truth.shape, kind=str(rng.choice(KINDS)))
    return np.zeros_like(truth)


def random_spans(rng: np.random.Generator, predict: Predict = random_prediction) -> list[Span]:
    """Draw one to four spans of one task, of 1 to 45 frames each, in one case of six of a single frame."""
    classes, kind = int(rng.integers(2, 6)), str(rng.choice(KINDS))
    spans = []
    for _ in range(rng.integers(1, 5)):
        frames = 1 if rng.random() < 1 / 6 else int(rng.integers(6, 46))
        truth = random_labels(rng, frames, classes, kind)
        spans.append((truth, predict(rng, truth)))
    return spans


def cases(count: int, predict: Predict = random_prediction, seed: int = 0) -> Iterator[list[Span]]:
    """Draw `count` lists of spans, the same ones each time."""
    for case in range(count):
        yield random_spans(np.random.default_rng([seed, case]), predict)


def values(metric: Metric, spans: Sequence[Span], weights: np.ndarray | None = None) -> np.ndarray:
    """Return the class values of each row of weights, one row of ones unless given."""
    rows = np.ones((1, len(spans))) if weights is None else weights
    return metric.reduce([metric.measure(*span) for span in spans], rows)


def assert_equal(found: np.ndarray, expected: np.ndarray | Sequence[float], tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, equal_nan=True)


def check_against_slow(
    metric: Metric, slow: Slow, predict: Predict = random_prediction, count: int = 150
) -> None:
    """Check that the value is that of the slow reference on many random lists of spans."""
    for spans in cases(count, predict):
        assert_equal(values(metric, spans)[0], slow(spans))


def check_repetition(metric: Metric, predict: Predict = random_prediction) -> None:
    """Check that whole-number weights give what repeating and leaving out spans gives."""
    for case, spans in enumerate(cases(25, predict, seed=1)):
        weights = np.random.default_rng([2, case]).integers(0, 4, (3, len(spans))).astype(float)
        weights[:, 0] += 1
        found = values(metric, spans, weights)
        for row, weight in zip(found, weights, strict=True):
            repeated = [span for span, times in zip(spans, weight, strict=True) for _ in range(int(times))]
            assert_equal(row, values(metric, repeated)[0])


def check_nothing_counts(metric: Metric, predict: Predict = random_prediction) -> None:
    """Check that a row of zeros has no value at all."""
    for spans in cases(5, predict):
        assert np.isnan(values(metric, spans, np.zeros((1, len(spans))))).all()


def check_order(metric: Metric, predict: Predict = random_prediction) -> None:
    """Check that the order of spans changes nothing."""
    for spans in cases(25, predict, seed=3):
        assert_equal(values(metric, spans[::-1]), values(metric, spans))


def check_undefined(metric: Metric, predict: Predict = random_prediction) -> None:
    """Check that the truth alone decides which values are NaN."""
    for case, spans in enumerate(cases(40, predict, seed=4)):
        rng = np.random.default_rng([5, case])
        other = [(truth, predict(rng, truth)) for truth, _ in spans]
        assert (np.isnan(values(metric, spans)) == np.isnan(values(metric, other))).all()


def check_perfect(metric: Metric, perfect: Predict, best: float) -> None:
    """Check that the truth itself has the best value wherever one is defined, and that some are."""
    seen = 0
    for spans in cases(30, perfect, seed=6):
        found = values(metric, spans)
        defined = ~np.isnan(found)
        assert_equal(found[defined], np.full(defined.sum(), best))
        seen += defined.sum()
    assert seen > 10


def golden_spans(name: str) -> Iterator[tuple[list[Span], dict[str, list[float]]]]:
    """Read the golden cases of one family: spans and the class values of each metric."""
    for case in json.loads((GOLDEN / f"{name}.json").read_text()):
        spans = [tuple(np.array(side) for side in span) for span in case["spans"]]
        spans = [
            (truth.astype(bool), other.astype(bool) if other.ndim == 2 else other) for truth, other in spans
        ]
        yield spans, {metric: [_read(v) for v in row] for metric, row in case["values"].items()}


def write_golden(name: str, slow: dict[str, Slow], predict: Predict = random_prediction) -> None:
    """Write 24 cases with the values of the slow references, which nothing else may compute."""
    written = []
    for spans in cases(24, predict, seed=7):
        found = {metric: [_write(v) for v in function(spans)] for metric, function in slow.items()}
        sides = [[side.astype(int).tolist() for side in span] for span in spans]
        written.append({"spans": sides, "values": found})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in written)
    (GOLDEN / f"{name}.json").write_text(f"[\n{lines}\n]\n")


def _write(value: float) -> float | str | None:
    return None if math.isnan(value) else "infinite" if math.isinf(value) else value


def _read(value: float | str | None) -> float:
    return math.nan if value is None else math.inf if value == "infinite" else float(value)
