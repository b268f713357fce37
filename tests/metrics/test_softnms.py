"""Soft-NMS and voting against the reference's outputs and against the definition, step by step."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import SubmissionError
from bench.metrics import softnms
from bench.metrics.softnms import gaussian, score_voting, soft_nms, suppress, vote
from bench.recordings import Detections

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))
FILES = sorted((GOLDEN / "localisation").glob("softnms_*.json"))


def read(path: Path) -> tuple[dict[str, Any], Detections]:
    case = json.loads(path.read_text())
    return case, Detections(
        np.array(case["segs"], float), np.array(case["labels"]), np.array(case["scores"], float)
    )


def decay_of(params: dict[str, Any]) -> softnms.Decay:
    """Build the reference's four forms; only the Gaussian one at sigma 0.5 is frozen in the package."""
    bar, method = params["iou_threshold"], params["method"] if params["use_soft_nms"] else 0
    if method == 0:
        return lambda tiou, length: np.where(tiou >= bar, 0.0, 1.0)
    if method == 1:
        return lambda tiou, length: np.where(tiou >= bar, 1 - tiou, 1.0)
    bell = lambda tiou, length: np.exp(-(tiou**2) / params["sigma"])  # noqa: E731
    if method == 2:
        return bell
    return lambda tiou, length: np.where(
        tiou >= params["t1"] + params["t2"] * length, bell(tiou, length), 1.0
    )


def post_process(params: dict[str, Any], raw: Detections) -> Detections:
    together = params["fn"] != "batched_nms" or not params["multiclass"]
    used = Detections(raw.bounds, np.zeros_like(raw.labels), raw.scores) if together else raw
    allowed = np.arange(len(raw.scores))
    if not params["use_soft_nms"]:
        allowed = np.flatnonzero(raw.scores > params["min_score"])
    rows, scores = suppress(used.take(allowed), decay_of(params), params["min_score"], params["max_seg_num"])
    bounds = raw.bounds[allowed[rows]]
    if params["fn"] == "batched_nms" and not params["multiclass"]:
        by_tiou = params["lib"] == "actionformer"
        bounds = vote(bounds, raw, lambda s, tiou: s * tiou if by_tiou else s * np.ones_like(tiou))
    return Detections(bounds, raw.labels[allowed[rows]], scores)


def as_set(bounds: Any, labels: Any, scores: Any) -> np.ndarray:
    rows = np.column_stack([scores, bounds, labels])
    return rows[np.lexsort(np.round(rows, 4).T)]


@pytest.mark.skipif(not FILES, reason=f"no golden vectors under {GOLDEN}")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_reference_outputs(path: Path) -> None:
    case, raw = read(path)
    out = post_process(case["params"], raw)
    expected = case["expected_segs"], case["expected_labels"], case["expected_scores"]
    assert len(out.scores) == len(case["expected_scores"])
    if "score_ties" in case["flags"]:
        np.testing.assert_allclose(as_set(out.bounds, out.labels, out.scores), as_set(*expected), atol=1e-5)
        return
    np.testing.assert_allclose(out.scores, case["expected_scores"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(out.bounds, case["expected_segs"], rtol=0, atol=1e-4)
    np.testing.assert_array_equal(out.labels, case["expected_labels"])


@pytest.mark.skipif(not FILES, reason=f"no golden vectors under {GOLDEN}")
def test_frozen_form_is_ratseizures() -> None:
    frozen = {"fn": "batched_nms", "multiclass": True, "use_soft_nms": True, "method": 2}
    frozen |= {"sigma": 0.5, "min_score": 0.001, "max_seg_num": 200}
    cases = [read(path) for path in FILES]
    cases = [(case, raw) for case, raw in cases if frozen.items() <= case["params"].items()]
    assert len(cases) >= 4
    for case, raw in cases:
        out = soft_nms(raw)
        expected = as_set(case["expected_segs"], case["expected_labels"], case["expected_scores"])
        np.testing.assert_allclose(as_set(out.bounds, out.labels, out.scores), expected, atol=1e-6)


@pytest.mark.skipif(not FILES, reason=f"no golden vectors under {GOLDEN}")
def test_frozen_voting_is_actionformers() -> None:
    votes = [path for path in FILES if json.loads(path.read_text())["kind"] == "agnostic_vote"]
    assert votes
    case, raw = read(votes[0])
    one_class = Detections(raw.bounds, np.zeros_like(raw.labels), raw.scores)
    voted = score_voting(soft_nms(one_class), one_class)
    np.testing.assert_allclose(voted.bounds, case["expected_segs"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(voted.scores, case["expected_scores"], rtol=0, atol=1e-6)


def step_by_step(raw: Detections) -> list[tuple[float, float, float, int]]:
    """Soft-NMS as the module's head words it, one segment at a time: (score, start, end, class)."""
    out = []
    for label in set(raw.labels.tolist()):
        pool = [
            [float(s), float(a), float(b)]
            for s, (a, b), own in zip(raw.scores, raw.bounds, raw.labels, strict=True)
            if own == label
        ]
        picked = []
        while pool and len(picked) < 200:
            best = min(pool, key=lambda x: (-x[0], x[1], x[2]))
            pool.remove(best)
            picked.append((*best, label))
            for other in pool:
                inter = max(0.0, min(best[2], other[2]) - max(best[1], other[1]))
                union = (best[2] - best[1] + 1e-6) + (other[2] - other[1] + 1e-6) - inter
                other[0] *= np.exp(-((inter / union) ** 2) / 0.5)
            pool = [other for other in pool if other[0] >= 0.001]
        out += picked
    return sorted(out, key=lambda x: (-x[0], x[1], x[2], x[3]))[:200]


def random_raw(rng: np.random.Generator, rows: int, classes: int, decimals: int) -> Detections:
    start = rng.uniform(0, 8, rows).round(decimals)
    return Detections(
        np.column_stack([start, start + rng.uniform(0.2, 5, rows).round(decimals) + 0.1]),
        rng.integers(0, classes, rows),
        (rng.random(rows) ** 4).round(decimals + 1),
    )


@pytest.mark.parametrize("seed", range(30))
def test_equal_to_the_definition_whatever_the_order_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = random_raw(rng, int(rng.integers(1, 90)), int(rng.integers(1, 5)), int(rng.integers(1, 5)))
    expected = step_by_step(raw)
    for rows in (np.arange(len(raw.scores)), rng.permutation(len(raw.scores))):
        out = soft_nms(raw.take(rows))
        found = np.column_stack([out.scores, out.bounds, out.labels])
        np.testing.assert_allclose(found, np.array(expected), rtol=1e-12, atol=0)


def test_caps_per_class_and_per_recording() -> None:
    start = np.arange(0, 1500, 2.0)
    bounds = np.column_stack([start, start + 1])
    one = soft_nms(Detections(bounds, np.zeros(750, int), np.linspace(0.5, 1, 750)))
    assert len(one.scores) == 200
    assert one.scores.min() == pytest.approx(np.sort(np.linspace(0.5, 1, 750))[-200])
    three = soft_nms(Detections(bounds, np.arange(750) % 3, np.linspace(0.5, 1, 750)))
    assert len(three.scores) == 200
    np.testing.assert_array_equal(np.unique(three.labels), [0, 1, 2])


def test_nothing_in_nothing_out() -> None:
    empty = Detections(np.empty((0, 2)), np.empty(0, int), np.empty(0))
    assert len(soft_nms(empty).scores) == 0
    assert len(score_voting(empty, empty).scores) == 0


def test_voting_is_within_class_and_weighted_by_score_and_overlap() -> None:
    raw = Detections(
        np.array([[0.0, 10.0], [0.0, 8.0], [2.0, 10.0], [0.0, 1.0]]),
        np.array([3, 3, 1, 3]),
        np.array([0.5, 0.25, 0.9, 0.8]),
    )
    voted = score_voting(raw.take(np.array([0, 2])), raw)
    end = (10 * 0.5 + 8 * 0.25 * 0.8) / (0.5 + 0.25 * 0.8)
    np.testing.assert_allclose(voted.bounds, [[0.0, end], [2.0, 10.0]])
    np.testing.assert_array_equal(voted.scores, [0.5, 0.9])


def test_segments_that_nobody_votes_for_stay() -> None:
    silent = Detections(np.array([[1.0, 4.0]]), np.array([0]), np.array([0.0]))
    np.testing.assert_array_equal(score_voting(silent, silent).bounds, silent.bounds)


def test_negative_scores_are_refused_by_row() -> None:
    raw = Detections(
        np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 3.0]]), np.array([0, 1, 0]), np.array([-0.5, 0.5, -2.0])
    )
    with pytest.raises(SubmissionError) as caught:
        soft_nms(raw)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["row 0", "row 2"]


def test_gaussian_ignores_length_and_any_threshold() -> None:
    shares = gaussian(np.array([[0.0, 0.05, 1.0]]), np.array([[7.0]]))
    np.testing.assert_allclose(shares, [[1.0, np.exp(-0.005), np.exp(-2)]])
