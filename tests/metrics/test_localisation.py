"""Detection metrics against the reference evaluators, a plain loop, and the properties they promise."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_localisation import OWN, Recordings, loop_table, one, random_recordings, shuffled

from bench.errors import SubmissionError, UsageError
from bench.metrics import localisation
from bench.metrics.kernels.pooling import product
from bench.metrics.localisation import (
    METRICS,
    TIOU,
    average_precision,
    match_all,
    measure,
    recall_at,
)
from bench.metrics.segments import clean
from bench.recordings import Detections, Segments

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))
FILES = sorted((GOLDEN / "localisation").glob("case_*.json"))
UNDEFINED_IN_REFERENCE = {
    "score_ties", "tie_sensitive", "invalid_detection", "nan_tiou", "label_collision_in_actionformer"
}  # fmt: skip


def table(recordings: Recordings, tious: Sequence[float]) -> dict[str, np.ndarray]:
    matches = match_all([measure(*pair) for pair in recordings], tious)
    ones = np.ones((1, len(recordings)))
    return {
        "ap": average_precision(matches, ones)[0],
        "recall_1": recall_at(matches, ones, 1)[0],
        "recall_5": recall_at(matches, ones, 5)[0],
    }


def golden_recordings(case: dict[str, Any], folder: Path) -> list[tuple[Segments, Detections]]:
    """Every recording of a golden case, those included that only the detections name."""
    if "data" in case:
        arrays = np.load(folder / case["data"])
        names = [str(name) for name in arrays["video_names"]]
        columns = [arrays[f"gt_{name}"].tolist() for name in ("video", "start", "end", "label")]
        truth = [(names[v], *rest) for v, *rest in zip(*columns, strict=True)]
        columns = [arrays[f"pred_{name}"].tolist() for name in ("video", "start", "end", "label", "score")]
        found = [(names[v], *rest) for v, *rest in zip(*columns, strict=True)]
        videos = [str(name) for name in arrays["videos"]]
    else:
        truth = [(g["video"], g["start"], g["end"], g["label"]) for g in case["gt"]]
        found = [(p["video"], p["start"], p["end"], p["label"], p["score"]) for p in case["pred"]]
        videos = case["videos"]
    classes = 1 + max([g[3] for g in truth] + [p[3] for p in found])
    by_video: dict[str, tuple[list[Any], list[Any]]] = {v: ([], []) for v in videos}
    for g in truth:
        by_video.setdefault(g[0], ([], []))[0].append(g[1:])
    for p in found:
        by_video.setdefault(p[0], ([], []))[1].append(p[1:])
    return [one(gt, pred, classes) for gt, pred in by_video.values()]


# --- Golden vectors ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not FILES, reason=f"no golden vectors under {GOLDEN}")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_reference_evaluators(path: Path) -> None:
    case = json.loads(path.read_text())
    flags, expected = set(case["flags"]), case.get("expected_canonical")
    if flags & {"invalid_detection", "nan_tiou"} or (expected and "error" in expected):
        with pytest.raises(SubmissionError):
            golden_recordings(case, path.parent)
        return
    recordings = golden_recordings(case, path.parent)
    found = table(recordings, case["tiou"])
    if expected is None and not flags & UNDEFINED_IN_REFERENCE:
        expected = case["expected"]
    if expected is None:  # tied scores: no evaluator is right, so the plain loop and the order of rows decide
        again = table(shuffled(recordings, np.random.default_rng(8)), case["tiou"])
        np.testing.assert_allclose(again["ap"], found["ap"], rtol=0, atol=1e-12)
        if len(recordings) <= 20:
            np.testing.assert_allclose(
                found["ap"], loop_table(recordings, case["tiou"])["ap"], rtol=0, atol=1e-12
            )
        return
    present = [int(label) for label in sorted(expected["per_class_ap"], key=int)]
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(found["ap"][0])), present)
    ap = np.array([expected["per_class_ap"][str(label)] for label in present]).T
    np.testing.assert_allclose(found["ap"][:, present], ap, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.nanmean(found["ap"], axis=1), expected["mAP"], rtol=0, atol=1e-12)
    for k in ("1", "5"):
        recall = np.nanmean(found[f"recall_{k}"], axis=1)
        np.testing.assert_allclose(recall, expected["recall"][k], rtol=0, atol=1e-12)
    assert sum(len(clean(truth).labels) for truth, _ in recordings) == expected["n_gt"]


def test_own_golden_file() -> None:
    cases = json.loads(OWN.read_text())
    assert len(cases) >= 10
    for case in cases:
        recordings = [one(r["truth"], r["found"], case["classes"]) for r in case["recordings"]]
        found = table(recordings, case["tiou"])
        for name, values in case["expected"].items():
            np.testing.assert_allclose(found[name], np.array(values, float), rtol=0, atol=1e-12)


def test_scores_far_apart_are_only_compared() -> None:
    found = Detections(
        np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), np.zeros(3, int), np.array([1e308, -1e308, 0.0])
    )
    truth = Segments(np.array([[0.0, 1.0], [2.0, 3.0]]), np.zeros(2, int), 1)
    np.testing.assert_allclose(table([(truth, found)], [0.5])["ap"], [[(1 + 2 / 3) / 2]])


@pytest.mark.parametrize("shape", [(70, 3, 5), (33, 281, 60), (7, 1_100, 4), (0, 2, 3)])
def test_tiles_give_the_product(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    rows, inner, columns = shape
    a, b = rng.integers(0, 9, (rows, inner)) / 1.0, rng.integers(0, 9, (inner, columns)) / 1.0
    np.testing.assert_array_equal(product(a, b), a @ b)


# --- The plain loop ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", range(10))
def test_equal_to_the_plain_loop(block: int) -> None:
    for seed in range(30 * block, 30 * block + 30):
        recordings = random_recordings(seed)
        tious = TIOU if seed % 2 else (0.05, 0.5, 1.0)
        found, expected = table(recordings, tious), loop_table(recordings, tious)
        for name, values in expected.items():
            np.testing.assert_allclose(
                found[name], values, rtol=0, atol=1e-12, err_msg=f"{name}, seed {seed}"
            )


@pytest.mark.parametrize("rows", [3, 400])
def test_weights_are_repeated_recordings(rows: int) -> None:
    for seed in range(40):
        recordings = random_recordings(seed)
        rng = np.random.default_rng(seed)
        weights = rng.integers(0, 4, (rows, len(recordings))).astype(float)
        matches = match_all([measure(*pair) for pair in recordings])
        ap, recall = average_precision(matches, weights), recall_at(matches, weights, 1)
        for r in range(3):
            repeated = [pair for pair, n in zip(recordings, weights[r], strict=True) for _ in range(int(n))]
            if repeated:
                expected = table(repeated, TIOU)
                np.testing.assert_allclose(ap[r], expected["ap"], rtol=0, atol=1e-12)
                np.testing.assert_allclose(recall[r], expected["recall_1"], rtol=0, atol=1e-12)
            else:
                assert np.isnan(ap[r]).all()


def test_both_ways_to_add_weights_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = [pair for seed in range(12) for pair in random_recordings(seed) if pair[0].classes == 3]
    assert len(recordings) >= 3
    weights = np.random.default_rng(4).integers(0, 5, (37, len(recordings))).astype(float)
    matches = match_all([measure(*pair) for pair in recordings])
    values = []
    for gather, block in ((1e-9, 1 << 22), (1e9, 1 << 22), (1e-9, 50)):
        monkeypatch.setattr(localisation, "GATHER", gather)
        monkeypatch.setattr(localisation, "BLOCK", block)
        values.append(average_precision(matches, weights))
    np.testing.assert_allclose(values[1], values[0], rtol=0, atol=1e-13)
    np.testing.assert_array_equal(values[2], values[0])


def test_pairs_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(20):
        recordings = random_recordings(seed)
        whole = table(recordings, TIOU)
        with monkeypatch.context() as patch:
            patch.setattr("bench.metrics.kernels.matching.CHUNK", 3)
            np.testing.assert_array_equal(table(recordings, TIOU)["ap"], whole["ap"])


# --- Properties --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_order_of_rows_and_recordings_changes_nothing(metric: Any) -> None:
    for seed in range(25):
        recordings = random_recordings(seed)
        ones = np.ones((1, len(recordings)))
        value = metric.reduce([metric.measure(*pair) for pair in recordings], ones)
        other = shuffled(recordings, np.random.default_rng(seed))
        again = metric.reduce([metric.measure(*pair) for pair in other], ones)
        np.testing.assert_allclose(again, value, rtol=0, atol=1e-12)
        assert np.all(np.isnan(value) | ((value >= 0) & (value <= 1)))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_cleaned_truth_as_detections_is_perfect(metric: Any) -> None:
    for seed in range(25):
        truths = [clean(truth) for truth, _ in random_recordings(seed)]
        perfect = [(t, Detections(t.bounds, t.labels, np.full(len(t.labels), 0.5))) for t in truths]
        value = metric.reduce([metric.measure(*pair) for pair in perfect], np.ones((1, len(perfect))))
        np.testing.assert_array_equal(value[~np.isnan(value)], 1.0)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_undefined_depends_on_the_truth_alone(metric: Any) -> None:
    nothing = Detections(np.empty((0, 2)), np.empty(0, int), np.empty(0))
    for seed in range(25):
        recordings = random_recordings(seed)
        ones = np.ones((1, len(recordings)))
        value = metric.reduce([metric.measure(*pair) for pair in recordings], ones)
        silent = metric.reduce([metric.measure(truth, nothing) for truth, _ in recordings], ones)
        np.testing.assert_array_equal(np.isnan(value), np.isnan(silent))
        np.testing.assert_array_equal(silent[~np.isnan(silent)], 0.0)


def test_one_matching_gives_every_metric() -> None:
    recordings = random_recordings(11)
    measures = [measure(*pair) for pair in recordings]
    weights = np.random.default_rng(1).integers(0, 3, (5, len(recordings))).astype(float)
    (shared,) = {metric.shared for metric in METRICS}
    assert shared is not None
    together = shared.reduce(shared.prepare(measures), weights)
    assert list(together) == [metric.name for metric in METRICS]
    matches = match_all(measures)
    precision = average_precision(matches, weights)
    expected = [precision.mean(axis=1), *np.moveaxis(precision, 1, 0)]
    expected += [recall_at(matches, weights, k).mean(axis=1) for k in (1, 5)]
    for metric, values in zip(METRICS, expected, strict=True):
        np.testing.assert_array_equal(together[metric.name], values)
        np.testing.assert_array_equal(metric.reduce(measures, weights), values)


def test_scores_count_by_order_alone() -> None:
    recordings = random_recordings(3)
    bent = [(t, Detections(d.bounds, d.labels, np.arctan(50 * d.scores) - 9)) for t, d in recordings]
    np.testing.assert_array_equal(table(bent, TIOU)["ap"], table(recordings, TIOU)["ap"])


# --- Single rules ------------------------------------------------------------------------------------------


def test_whole_clip_hits_thresholds_exactly() -> None:
    for length, hits in ((3.0, 1), (4.0, 2), (5.0, 3), (6.0, 4), (7.0, 5)):
        found = table([one([(2.0, 2.0 + length, 1)], [(0.0, 10.0, 1, 0.4)])], TIOU)["ap"][:, 1]
        assert found.sum() == hits


def test_the_mean_counts_the_background_and_skips_what_truth_never_shows() -> None:
    pair = one([(0, 4, 0), (5, 9, 2)], [(0, 4, 0, 0.9), (0, 4, 1, 0.8)])
    values = METRICS[0].reduce([measure(*pair)], np.ones((1, 1)))
    np.testing.assert_array_equal(values, [[1.0, np.nan, 0.0]])
    assert METRICS[0].value([measure(*pair)], np.array([False, True, True]))[0] == 0.5


def test_detections_where_the_class_is_not_are_false() -> None:
    hit = one([(0, 4, 1)], [(0, 4, 1, 0.5)])
    elsewhere = one([], [(0, 4, 1, 0.9)])
    assert table([hit, elsewhere], (0.5,))["ap"][0, 1] == 0.5


def test_equal_scores_are_one_threshold() -> None:
    pair = one([(0, 4, 0)], [(6, 9, 0, 0.5), (0, 4, 0, 0.5), (5, 7, 0, 0.5)])
    assert table([pair], (0.5,))["ap"][0, 0] == pytest.approx(1 / 3)


def test_recall_is_of_the_best_scored_and_not_one_to_one() -> None:
    pair = one([(0, 4, 0), (1, 4, 0)], [(0, 4, 0, 0.9), (8, 9, 0, 0.8), (1, 4, 0, 0.1)])
    found = table([pair], (0.7,))
    assert found["recall_1"][0, 0] == 1.0
    late = one([(0, 4, 0)], [(8, 9, 0, 0.9), (0, 4, 0, 0.8)])
    assert table([late], (0.7,))["recall_1"][0, 0] == 0.0
    assert table([late], (0.7,))["recall_5"][0, 0] == 1.0


def test_long_chain_of_second_choices() -> None:
    truth = [(float(i), i + 3.0, 0) for i in range(40)]
    found = [(0.0, 3.0 + 0.01 * i, 0, 1 - 0.001 * i) for i in range(60)]
    recordings = [one(truth, found)]
    np.testing.assert_allclose(
        table(recordings, (0.05,))["ap"], loop_table(recordings, (0.05,))["ap"], atol=1e-12
    )


def test_detections_of_classes_that_the_task_does_not_have() -> None:
    truth, found = one([(0, 4, 0)], [(0, 4, 7, 0.5), (0, 4, 1, 0.5), (0, 4, 3, 0.5)])
    with pytest.raises(SubmissionError) as caught:
        measure(truth, found)
    assert caught.value.problems == ("label 3, expected 0..2", "label 7, expected 0..2")


@pytest.mark.parametrize("tiou", [(), (0.0, 0.5), (0.5, 1.5), (float("nan"),)])
def test_thresholds_that_mean_nothing(tiou: tuple[float, ...]) -> None:
    with pytest.raises(UsageError):
        match_all([measure(*one([(0, 4, 0)], []))], tiou)
