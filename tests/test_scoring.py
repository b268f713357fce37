"""Score anything, from arrays: equal to independent code, undefined by the truth, every fault at once."""

from __future__ import annotations

import doctest
import importlib
import math
from dataclasses import replace
from itertools import groupby
from types import ModuleType

import numpy as np
import pytest
from sklearn.metrics import (
    adjusted_mutual_info_score,
    average_precision_score,
    completeness_score,
    f1_score,
    homogeneity_score,
    recall_score,
)

from bench.errors import BenchError, DataError, SubmissionError, UsageError
from bench.evaluation import Measured, anyone, score_all
from bench.evaluation.anyone import to_json
from bench.kinds import MAX_CLUSTERS
from bench.metrics import CLUSTER_METRICS, DELAY_METRICS, DETECTION_METRICS, FRAME_METRICS, thresholds
from bench.metrics.localisation import TIOU, measure
from bench.metrics.softnms import score_voting, soft_nms
from bench.recordings import Detections, Segments
from bench.results import canonical
from bench.scoring import score_clusters, score_frames, score_segments
from bench.text import scores_text
from tests.metrics.plain_localisation import THRESHOLDS, loop_table, random_recordings

CLASSES = ("attack", "mount it", "other")
FRAMES = {"Cage 3.avi": 211, "m/2": 97, "mäuse 4": 151, "m 10": 83, "m5": 127, "m6": 61}

Arrays = dict[str, np.ndarray]


def labels(seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    made = {id_: np.repeat(rng.integers(0, 3, n // 7 + 1), 7)[:n] for id_, n in FRAMES.items()}
    made["m/2"][20:31] = -1
    return made


def noisy(truth: Arrays, seed: int = 1) -> Arrays:
    rng = np.random.default_rng(seed)
    return {id_: np.eye(3)[of.clip(0)] + rng.normal(0, 0.6, (len(of), 3)) for id_, of in truth.items()}


def pooled(truth: Arrays, found: Arrays) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.concatenate([of[of >= 0] for of in truth.values()]),
        np.concatenate([found[id_][of >= 0] for id_, of in truth.items()]),
    )


def test_frames_equal_scikit_learn_on_the_annotated_frames() -> None:
    truth = labels()
    scores = noisy(truth)
    found = score_frames(truth, scores, CLASSES, background="other", fps=30.0, resamples=20)
    true, said = pooled(truth, scores)
    f1 = f1_score(true, said.argmax(1), average=None)
    precision = [average_precision_score(true == c, said[:, c]) for c in range(3)]
    np.testing.assert_allclose(list(found.scores["f1"].per_class.values()), f1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(list(found.scores["map"].per_class.values()), precision, rtol=0, atol=1e-12)
    assert found.scores["f1"].value == pytest.approx(f1[:2].mean(), abs=1e-12)
    assert found.scores["recall_mean"].value == pytest.approx(
        recall_score(true, said.argmax(1), average="macro"), abs=1e-12
    )
    assert list(found.scores) == [metric.name for metric in (*FRAME_METRICS, *DELAY_METRICS)]
    assert found.support == dict(zip(CLASSES, np.bincount(true).tolist(), strict=True))
    assert found.counts == {"frames": len(true), "unannotated": 11}
    assert (found.recordings, found.groups) == (6, 6)


def test_unannotated_frames_cut_bouts_apart() -> None:
    whole, cut = {"a": np.zeros(30, dtype=int)}, {"a": np.zeros(30, dtype=int)}
    cut["a"][14] = -1
    scores = {"a": np.eye(2)[np.r_[[0] * 14, 1, [0] * 15]]}
    assert score_frames(whole, scores, ("a", "b")).scores["edit"].value < 1
    assert score_frames(cut, scores, ("a", "b")).scores["edit"].value == 1


def test_scores_keep_the_precision_they_came_in() -> None:
    truth = {"a": np.array([0, 1])}
    close = np.array([[0.1 + 1e-12, 0.0], [0.1, 0.0]])
    assert score_frames(truth, {"a": close}, ("x", "y")).scores["map"].per_class["x"] == 1.0
    tied = {"a": close.astype(np.float32)}
    assert score_frames(truth, tied, ("x", "y")).scores["map"].per_class["x"] == 0.5


def test_perfect_frames_are_best_and_an_absent_class_is_undefined() -> None:
    truth = {id_: of.clip(0) % 2 for id_, of in labels().items()}
    perfect = {id_: np.eye(3)[of] for id_, of in truth.items()}
    found = score_frames(truth, perfect, CLASSES)
    for metric in FRAME_METRICS:
        value = found.scores[metric.name].value
        if not math.isnan(value):
            assert value == (1.0 if metric.higher_is_better else 0.0), metric.name
    assert math.isnan(found.scores["f1"].per_class["other"])
    assert to_json(found)["scores"]["f1"]["per_class"]["other"] is None


def test_groups_are_the_unit_of_the_intervals() -> None:
    truth = labels()
    scores = noisy(truth)
    alone = score_frames(truth, scores, CLASSES, resamples=50)
    named = score_frames(truth, scores, CLASSES, groups={id_: id_[:1] for id_ in truth}, resamples=50)
    assert not math.isnan(alone.scores["f1"].low)
    assert (named.groups, named.interval["reason"]) == (2, "2 groups, and an interval needs at least 5")
    assert math.isnan(named.scores["f1"].low)
    assert named.scores["f1"].value == alone.scores["f1"].value


def test_same_input_same_bytes_in_whatever_order() -> None:
    truth = labels()
    scores = noisy(truth)
    one = score_frames(truth, scores, CLASSES, resamples=30)
    other = score_frames(
        dict(reversed(truth.items())), dict(sorted(scores.items())), list(CLASSES), resamples=30
    )
    assert canonical(to_json(one)) == canonical(to_json(other))


def test_frames_come_in_milliseconds_and_rates_per_minute() -> None:
    truth = labels()
    shifted = {id_: np.eye(3)[np.roll(of, 3).clip(0)] for id_, of in truth.items()}
    found = to_json(score_frames(truth, shifted, CLASSES, fps=25.0, resamples=20))["scores"]
    onset = found["onset_error_median"]
    assert onset["unit"] == "frames"
    assert onset["milliseconds"]["value"] == pytest.approx(onset["value"] * 40)
    assert onset["milliseconds"]["per_class"]["attack"] == pytest.approx(onset["per_class"]["attack"] * 40)
    rates = [one for one in found.values() if one["unit"] == "per frame"]
    assert rates
    assert all(one["per_minute"]["value"] == pytest.approx(one["value"] * 1500) for one in rates)
    without = to_json(score_frames(truth, shifted, CLASSES, resamples=20))["scores"]
    assert not any("milliseconds" in one or "per_minute" in one for one in without.values())
    assert "ms" in scores_text(score_frames(truth, shifted, CLASSES, fps=25.0, resamples=20))


def test_what_was_never_matched_is_infinite_in_words() -> None:
    truth = {"a": np.r_[np.ones(5, int), np.zeros(9, int), np.ones(5, int)]}
    nothing = {"a": np.eye(2)[np.ones(19, int)]}
    found = score_frames(truth, nothing, ("groom", "rest"), background="rest")
    infinite = [name for name, score in found.scores.items() if math.isinf(score.value)]
    assert infinite
    assert to_json(found)["scores"][infinite[0]]["value"] == "inf"
    assert "∞" in scores_text(found)


def test_clusters_equal_scikit_learn() -> None:
    truth = labels()
    clusters = {id_: of.argmax(1) * 2 - 3 + np.arange(len(of)) % 2 for id_, of in noisy(truth).items()}
    found = score_clusters(truth, clusters, CLASSES, background="other", resamples=20)
    true, said = pooled(truth, clusters)
    for name, reference in {
        "cluster_ami": adjusted_mutual_info_score,
        "cluster_homogeneity": homogeneity_score,
        "cluster_completeness": completeness_score,
    }.items():
        assert found.scores[name].value == pytest.approx(reference(true, said), abs=1e-10)
    mapping = {k: np.bincount(true[said == k]).argmax() for k in np.unique(said)}
    f1 = f1_score(true, [mapping[k] for k in said], average=None, labels=range(3))
    np.testing.assert_allclose(list(found.scores["cluster_f1"].per_class.values()), f1, atol=1e-12)
    assert found.counts == {"frames": len(true), "unannotated": 11, "clusters": 6}
    assert list(found.scores) == [metric.name for metric in CLUSTER_METRICS]


def test_clusters_without_class_names_are_counted() -> None:
    found = score_clusters({"a": np.array([0, 2, -1])}, {"a": np.array([5, 6, 7], dtype=np.uint8)})
    assert found.question.classes == ("0", "1", "2")
    assert math.isnan(found.scores["cluster_f1"].per_class["1"])
    assert "2 clusters" in scores_text(found)


@pytest.mark.parametrize("seed", range(6))
def test_segments_equal_the_plain_loop(seed: int) -> None:
    recordings = random_recordings(seed)
    classes = [f"c{c}" for c in range(recordings[0][0].classes)]
    truth = {f"v {i}": one for i, (one, _) in enumerate(recordings)}
    if not sum(len(one.labels) for one in truth.values()):
        pytest.skip("nothing to find in this one")
    found = score_segments(truth, {f"v {i}": one for i, (_, one) in enumerate(recordings)}, classes)
    expected = loop_table(recordings, THRESHOLDS)
    values = [[*found.scores[f"detection_map_{t}"].per_class.values()] for t in (30, 40, 50, 60, 70)]
    np.testing.assert_allclose(values, expected["ap"], rtol=0, atol=1e-12)
    for k in (1, 5):
        mean = [*found.scores[f"detection_recall_{k}"].per_class.values()]
        np.testing.assert_allclose(mean, np.mean(expected[f"recall_{k}"], axis=0), rtol=0, atol=1e-12)


def many() -> tuple[dict[str, Segments], dict[str, Detections], list[str]]:
    rng = np.random.default_rng(3)
    truth, found = {}, {}
    for i in range(7):
        start = np.sort(rng.uniform(0, 90, 5 + i))
        bounds = np.column_stack([start, start + rng.uniform(1, 9, len(start))])
        own = rng.integers(0, 3, len(start))
        truth[f"v {i}"] = Segments(bounds, own, 3)
        seen = np.repeat(bounds, 4, axis=0) + rng.normal(0, 0.4, (4 * len(start), 2))
        found[f"v {i}"] = Detections(seen, np.repeat(own, 4), rng.random(len(seen)))
    return truth, found, ["rear", "lick", "dig"]


def test_segments_are_the_frozen_metrics_interval_and_all() -> None:
    truth, found, classes = many()
    pairs = [measure(truth[id_], found[id_]) for id_ in sorted(truth)]
    shows = np.stack([np.isin(np.arange(3), pair.truth.labels) for pair in pairs])
    measured = Measured(
        classes=tuple(classes),
        foreground=np.ones(3, bool),
        runs=("r",),
        group={"p": np.arange(7)},
        shows={"p": shows},
        groups=7,
        measures={(measure, "r", "p"): pairs},
    )
    expected, how = score_all(DETECTION_METRICS, measured, 60)
    scored = score_segments(truth, found, classes, resamples=60)
    assert scored.interval == how
    for name, score in expected.items():
        mine = replace(scored.scores[name], per_part=score.per_part, per_run=score.per_run)
        assert repr(mine) == repr(score)


def test_other_thresholds_have_other_names_and_their_own_reduce() -> None:
    truth, found, classes = many()
    scored = score_segments(truth, found, classes, tiou=[0.75, 0.3], resamples=20)
    names = [
        "map_over_tiou_0.3_0.75",
        "map_at_tiou_0.3",
        "map_at_tiou_0.75",
        "recall_1_over_tiou_0.3_0.75",
        "recall_5_over_tiou_0.3_0.75",
    ]
    assert list(scored.scores) == names
    frozen = score_segments(truth, found, classes, resamples=20)
    assert repr(scored.scores["map_at_tiou_0.3"]) == repr(frozen.scores["detection_map_30"])
    pairs = [measure(truth[id_], found[id_]) for id_ in sorted(truth)]
    for metric in scored.metrics:
        reduced = metric.reduce(pairs, np.ones((1, 7)))[0]
        np.testing.assert_array_equal(reduced, list(scored.scores[metric.name].per_class.values()))
    one = score_segments(truth, found, classes, tiou=[0.5], resamples=20)
    assert list(one.scores) == ["map_at_tiou_0.5", "recall_1_at_tiou_0.5", "recall_5_at_tiou_0.5"]


def test_the_frozen_thresholds_written_as_people_write_them_are_the_frozen_ones() -> None:
    truth, found, classes = many()
    scored = score_segments(truth, found, classes, tiou=[0.7, 0.4, 0.5, 0.6, 0.3], resamples=5)
    assert list(scored.scores) == [metric.name for metric in DETECTION_METRICS]
    assert scored.counts["tiou"] == list(TIOU) != [0.3, 0.4, 0.5, 0.6, 0.7]


def test_a_threshold_that_reads_like_a_frozen_one_has_its_value() -> None:
    """A detection over 0.4 of its true segment meets both, although 0.4 and the frozen number differ."""
    truth = {"a": Segments(np.array([[0.0, 1.0]]), np.array([0]), 1)}
    found = {"a": Detections(np.array([[0.0, TIOU[1]]]), np.array([0]), np.array([0.5]))}
    alone = score_segments(truth, found, ["rear"], tiou=[0.4], resamples=0)
    frozen = score_segments(truth, found, ["rear"], resamples=0)
    assert alone.scores["map_at_tiou_0.4"].value == frozen.scores["detection_map_40"].value == 1.0
    assert alone.counts["tiou"] == [TIOU[1]]
    assert repr(TIOU[1]) in alone.metrics[0].definition
    with pytest.raises(UsageError):
        score_segments(truth, found, ["rear"], tiou=[0.4, TIOU[1]], resamples=0)


def test_post_processing_is_the_frozen_one_and_is_said() -> None:
    truth, found, classes = many()
    soft = {id_: soft_nms(one) for id_, one in found.items()}
    voted = {id_: score_voting(soft[id_], one) for id_, one in found.items()}
    for by_hand, options, form in [
        (found, {}, "raw"),
        (soft, {"soft_nms": True}, "soft-nms"),
        (voted, {"soft_nms": True, "score_voting": True}, "soft-nms+score-voting"),
    ]:
        expected = score_segments(truth, by_hand, classes, resamples=20)
        scored = score_segments(truth, found, classes, resamples=20, **options)
        assert repr(scored.scores) == repr(expected.scores)
        assert scored.counts["detections"] == form
        assert f"({'scored as they are, without Soft-NMS' if form == 'raw' else form})" in scores_text(scored)
    raw = score_segments(truth, found, classes, resamples=20)
    assert scored.scores["detection_map"].value != raw.scores["detection_map"].value


def test_perfect_detections_give_one_and_nothing_found_gives_zero() -> None:
    truth, _, classes = many()
    perfect = {
        id_: Detections(one.bounds, one.labels, np.ones(len(one.labels))) for id_, one in truth.items()
    }
    assert {one.value for one in score_segments(truth, perfect, classes).scores.values()} == {1.0}
    missed = score_segments(truth, {}, classes)
    assert {one.value for one in missed.scores.values()} == {0.0}
    assert missed.counts["recordings_without_detections"] == 7
    assert score_segments(truth, {}, classes, soft_nms=True).counts["detections_scored"] == 0


def test_truth_that_is_there_twice_is_counted_as_dropped() -> None:
    truth = {"v": Segments(np.array([[0.0, 2.0], [0.0005, 2.0], [3.0, 3.0]]), np.array([0, 0, 0]), 1)}
    scored = score_segments(truth, {}, ["a"])
    assert (scored.counts["segments"], scored.counts["dropped"]) == (1, 2)
    assert "2 dropped" in scores_text(scored)


def frames_with(**change: object) -> object:
    truth = labels()
    asked = {"truth": truth, "scores": noisy(truth), "classes": CLASSES, **change}
    return score_frames(**asked)  # type: ignore[arg-type]


def swapped() -> Arrays:
    scores = noisy(labels())
    scores["m5"], scores["m6"] = scores["m6"], scores["m5"]
    return scores


def changed(id_: str, array: np.ndarray) -> Arrays:
    return {**noisy(labels()), id_: array}


def spoiled(value: float) -> np.ndarray:
    array = noisy(labels())["m5"]
    array[17, 2] = value
    return array


M5 = noisy(labels())["m5"]
FAULTS: list[tuple[dict[str, object], type[BenchError], list[str]]] = [
    ({"classes": ("a", "a", "b")}, UsageError, ["'a' is named 2 times"]),
    ({"classes": "attack,mount"}, UsageError, ["one text, 'attack,mount'", "['attack', 'mount']"]),
    ({"classes": ()}, UsageError, ["expected names"]),
    ({"classes": ("a", "", "b")}, UsageError, ["none of them empty"]),
    ({"background": "othr"}, UsageError, ["'othr' is not one of", "did you mean 'other'?"]),
    ({"fps": math.nan}, UsageError, ["fps nan"]),
    ({"truth": {}}, DataError, ["no recording"]),
    ({"truth": {"a": np.array([-1, -1])}}, DataError, ["no annotated frame"]),
    ({"truth": {"a": np.zeros((5, 3), int)}}, DataError, ["'a': shape (5, 3)", "labels.argmax(axis=1)"]),
    ({"truth": {"a": np.array([0.0, 1.0])}}, DataError, ["float64", "labels.astype(int)"]),
    ({"truth": {"a": np.zeros(0, int)}}, DataError, ["'a': no frames"]),
    ({"truth": {"a": np.array([1, 2, 3])}}, DataError, ["1, the first 3 at frame 2", "they count from 0"]),
    ({"truth": {"a": np.array([0, -2])}}, DataError, ["the first -2 at frame 1"]),
    ({"groups": {"cage 3.avi": "x"}}, DataError, ["did you mean 'cage 3.avi'?", "'m6' has no group"]),
    ({"scores": {}}, SubmissionError, [f"{id_!r} is missing" for id_ in FRAMES]),
    ({"scores": changed("m7", M5)}, SubmissionError, ["'m7' is not in the truth"]),
    ({"scores": changed("m5", M5[:-1])}, SubmissionError, ["126 frames, expected 127: one frame short"]),
    ({"scores": changed("m5", M5[::2])}, SubmissionError, ["64 frames, expected 127"]),
    ({"scores": changed("m5", M5.T)}, SubmissionError, ["transposed, save scores.T"]),
    ({"scores": changed("m5", M5[:, :2])}, SubmissionError, ["2 columns, expected 3: attack, mount it"]),
    ({"scores": changed("m5", M5.argmax(1))}, SubmissionError, ["shape (127,)", "numpy.eye(3)["]),
    ({"scores": changed("m5", M5.astype(complex))}, SubmissionError, ["complex128, expected numbers"]),
    ({"scores": changed("m5", spoiled(math.nan))}, SubmissionError, ["NaN values: 1", "frame 17, column 2"]),
    ({"scores": changed("m5", spoiled(math.inf))}, SubmissionError, ["infinite values: 1"]),
    ({"scores": swapped()}, SubmissionError, ["the frames of 'm6', are the two swapped?"]),
    (
        {"scores": {"m6": M5[:61], "m5": spoiled(math.nan)[:100], "x": M5}},
        SubmissionError,
        ["'m/2' is missing", "'x' is not in the truth", "100 frames, expected 127", "'m5': NaN values"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "error", "said"), FAULTS, ids=[said[0] for *_, said in FAULTS])
def test_faults_are_told_all_at_once(
    change: dict[str, object], error: type[BenchError], said: list[str]
) -> None:
    with pytest.raises(error) as caught:
        frames_with(**change)
    for words in said:
        assert words in str(caught.value)


def test_cluster_faults_and_the_cap() -> None:
    truth = {"a": np.zeros(MAX_CLUSTERS + 1, int), "b": np.array([0, 1])}
    for clusters, said in [
        ({"a": np.arange(MAX_CLUSTERS + 1), "b": np.array([0, 1])}, "1,001 distinct clusters"),
        ({"a": np.zeros(MAX_CLUSTERS + 1), "b": np.array([0, 1])}, "expected whole numbers"),
        ({"a": np.zeros((1001, 2), int), "b": np.array([0, 1])}, "expected (frames,)"),
        ({"a": np.zeros(1000, int), "b": np.array([0, 1])}, "one frame short"),
        ({"a": np.zeros(1001, int)}, "'b' is missing"),
    ]:
        with pytest.raises(SubmissionError) as caught:
            score_clusters(truth, clusters)
        assert said in str(caught.value)
    with pytest.raises(DataError, match="labels outside the classes"):
        score_clusters({"a": np.array([0, 10**12])}, {"a": np.array([0, 1])})
    with pytest.raises(UsageError, match="background"):
        score_clusters({"a": np.array([0, 1])}, {"a": np.array([0, 1])}, background="other")


def test_segment_faults() -> None:
    truth, found, classes = many()
    nothing = {"v": Segments(np.empty((0, 2)), np.empty(0, np.int64), 3)}
    one = Detections(np.array([[0.0, 1.0]]), np.array([7]), np.array([-0.5]))
    for error, said, call in [
        (UsageError, "tIoU 1.5", lambda: score_segments(truth, found, classes, tiou=[1.5])),
        (UsageError, "expected different", lambda: score_segments(truth, found, classes, tiou=[0.5, 0.5])),
        (UsageError, "of no threshold", lambda: score_segments(truth, found, classes, tiou=[])),
        (UsageError, "score voting", lambda: score_segments(truth, found, classes, score_voting=True)),
        (DataError, "no true segment", lambda: score_segments(nothing, {}, classes)),
        (DataError, "of 3 classes, expected 2", lambda: score_segments(truth, found, ["a", "b"])),
        (DataError, "'v 0' has no group", lambda: score_segments(truth, found, classes, groups={})),
        (SubmissionError, "'w' is not in the truth", lambda: score_segments(truth, {"w": one}, classes)),
        (SubmissionError, "label 7, expected 0 to 2", lambda: score_segments(truth, {"v 1": one}, classes)),
        (
            SubmissionError,
            "'v 1': scores below 0, which Soft-NMS cannot weigh, in rows 0",
            lambda: score_segments(truth, {"v 1": one}, classes, soft_nms=True),
        ),
    ]:
        with pytest.raises(error) as caught:
            call()
        assert said in str(caught.value)


def test_many_classes_stand_below_each_other() -> None:
    classes = [f"class\x1b[2J{c}" for c in range(12)]
    truth = {"a": np.arange(48) % 12}
    shown = scores_text(score_frames(truth, {"a": np.eye(12)[truth["a"]]}, classes))
    rows = [line for line in shown.splitlines() if "class" in line and "x1b" in line]
    assert len(rows) == 12
    assert "\x1b" not in shown
    widths = [len(list(lines)) for dashes, lines in groupby(shown.splitlines(), lambda s: s.startswith("--"))]
    assert len(widths) == 5  # two tables


@pytest.mark.parametrize("name", ["scoring", "scoring.frames", "scoring.clusters", "scoring.segments"])
def test_examples_in_the_docstrings_are_true(name: str) -> None:
    ran = doctest.testmod(importlib.import_module(f"bench.{name}"))
    assert ran.attempted > 0
    assert ran.failed == 0


@pytest.mark.parametrize("module", [anyone, thresholds])
def test_examples_behind_them_are_true(module: ModuleType) -> None:
    ran = doctest.testmod(module)
    assert ran.attempted > 0
    assert ran.failed == 0


def test_scores_are_short_in_a_notebook() -> None:
    truth = labels()
    scores = score_frames(truth, noisy(truth), ("<b>", "mount it", "other"), background="other", resamples=0)
    f1 = scores.scores["f1"]
    assert repr(scores) == f"<scores of frames: F1 {f1.value:.3f} (–); 6 recordings>"
    assert "<th>&lt;b&gt;</th>" in scores._repr_html_()
    assert scores._repr_html_().count("<tr>") == 5
