"""Evaluation: the order of means, what counts, and equality with scikit-learn on whole tasks."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, recall_score

from bench.evaluation import cut, evaluate, measure, truth_digest, weighted_values
from bench.kinds import labels_of
from bench.metrics import FRAME_METRICS
from bench.metrics.sampling.intervals import interval
from bench.recordings import one_hot
from bench.results import canonical, to_json, write
from bench.tasks import Protocol
from tests.made_up import read
from tests.toys import CARD, CLASSES, FEW, FRAMES, recordings, scores, split, task


def test_values_equal_scikit_learn_on_the_pooled_frames() -> None:
    truth = recordings()
    predicted = scores(truth, 1)
    result = evaluate(task(), CARD, {"seed0": {"all": predicted}}, truth, resamples=FEW)
    y = np.concatenate([r.labels.argmax(axis=1) for r in truth.values()])
    x = np.concatenate([predicted[id_] for id_ in truth])
    hard = x.argmax(axis=1)
    f1 = f1_score(y, hard, average=None, labels=[0, 1, 2])
    ap = average_precision_score(np.eye(3)[y], x, average=None)
    got = result.scores
    np.testing.assert_allclose(list(got["f1"].per_class.values()), f1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(list(got["map"].per_class.values()), ap, rtol=0, atol=1e-12)
    assert got["f1"].value == pytest.approx(f1[:2].mean(), abs=1e-12)
    assert got["map"].value == pytest.approx(ap[:2].mean(), abs=1e-12)
    assert got["accuracy"].value == pytest.approx(accuracy_score(y, hard), abs=1e-12)
    assert got["recall_mean"].value == pytest.approx(recall_score(y, hard, average="macro"), abs=1e-12)
    assert result.frames == sum(FRAMES.values())
    assert result.support == dict(zip(CLASSES, np.bincount(y).tolist(), strict=True))


def test_mean_over_parts_then_over_runs() -> None:
    """Parts of unequal size weigh alike; the spread over runs is the population's."""
    parts = {"a": ("m1", "m2", "m3"), "b": ("m4", "m5", "m6", "m7")}
    truth = recordings()
    runs = {f"seed{seed}": scores(truth, seed) for seed in (0, 1, 2)}
    predictions = {
        run: {part: {id_: values[id_] for id_ in ids} for part, ids in parts.items()}
        for run, values in runs.items()
    }
    whole = evaluate(task(**parts), CARD, predictions, truth, resamples=FEW)
    alone = {
        (run, part): evaluate(
            task(**{part: ids}), CARD, {run: {part: predictions[run][part]}}, truth, resamples=FEW
        )
        .scores["f1"]
        .value
        for run in runs
        for part, ids in parts.items()
    }
    per_run = [np.mean([alone[run, part] for part in parts]) for run in runs]
    score = whole.scores["f1"]
    assert score.value == pytest.approx(np.mean(per_run), abs=1e-12)
    assert score.std_runs == pytest.approx(np.std(per_run), abs=1e-12)
    assert list(score.per_run.values()) == pytest.approx(per_run, abs=1e-12)
    over_runs = [np.mean([alone[run, part] for run in runs]) for part in parts]
    assert [score.per_part[part].value for part in parts] == pytest.approx(over_runs, abs=1e-12)
    assert score.std_parts == pytest.approx(np.std(over_runs), abs=1e-12)


def test_a_protocol_and_missing_annotations_restrict_the_frames() -> None:
    truth = recordings()
    held = truth["m1"]
    annotated = np.ones(held.frames, dtype=bool)
    annotated[50:70] = False
    truth["m1"] = replace(held, labels=held.labels & annotated[:, None], annotated=annotated)
    restricted = replace(task(), protocol=Protocol("cut", "cut", skip_first=11, skip_last=3))
    predicted = scores(truth, 1)
    result = evaluate(restricted, CARD, {"seed0": {"all": predicted}}, truth, resamples=FEW)
    counted = {id_: np.arange(r.frames)[11:-3] for id_, r in truth.items()}
    counted["m1"] = np.setdiff1d(counted["m1"], np.arange(50, 70))
    y = np.concatenate([truth[id_].labels.argmax(axis=1)[frames] for id_, frames in counted.items()])
    x = np.concatenate([predicted[id_].argmax(axis=1)[frames] for id_, frames in counted.items()])
    assert result.frames == sum(FRAMES.values()) - 14 * len(FRAMES) - 20
    assert result.scores["accuracy"].value == pytest.approx(accuracy_score(y, x), abs=1e-12)
    f1 = f1_score(y, x, average=None)
    np.testing.assert_allclose(list(result.scores["f1"].per_class.values()), f1, rtol=0, atol=1e-12)


def test_an_interval_holds_its_value_and_shrinks_with_recordings() -> None:
    truth = recordings()
    predicted = scores(truth, 1)
    all_of_them = evaluate(task(), CARD, {"seed0": {"all": predicted}}, truth).scores["accuracy"]
    five = evaluate(
        task(all=("m1", "m2", "m3", "m4", "m5")), CARD, {"seed0": {"all": predicted}}, truth
    ).scores["accuracy"]
    assert all_of_them.low < all_of_them.value < all_of_them.high
    assert five.low < five.value < five.high


def test_a_score_holds_the_intervals_of_other_methods_from_the_same_resamples() -> None:
    truth, asked = recordings(), task()
    given = {"seed0": {"all": scores(truth, 1)}}
    result = evaluate(asked, CARD, given, truth)
    measured = measure(asked, cut(asked, asked.load_split(), truth), given)
    for metric in asked.metrics:
        value, _ = weighted_values([metric], measured)
        found = result.scores[metric.name].other_intervals
        assert list(found) == ["percentile", "bca"]
        for method, ends in found.items():
            alone = interval(value, measured.groups, method=method, bounds=metric.bounds)
            np.testing.assert_allclose(ends, (alone.low[0], alone.high[0]))
    assert result.interval["method"] == "logit_t"


def test_too_few_recordings_give_no_interval_and_say_why() -> None:
    truth = recordings()
    result = evaluate(task(all=("m1", "m2")), CARD, {"seed0": {"all": scores(truth, 1)}}, truth)
    assert math.isnan(result.scores["f1"].low)
    assert "2" in result.interval["reason"]


def test_a_class_absent_from_the_truth_is_undefined_for_every_entry() -> None:
    truth = {
        id_: replace(r, labels=one_hot(np.where(r.labels[:, 1], 0, r.labels.argmax(axis=1)), 3))
        for id_, r in recordings().items()
    }
    for seed, skill in ((1, 1.0), (2, 0.0)):
        result = evaluate(task(), CARD, {"seed0": {"all": scores(truth, seed, skill)}}, truth, resamples=FEW)
        for name in ("f1", "map"):
            assert math.isnan(result.scores[name].per_class["mount"])
            assert result.scores[name].value == result.scores[name].per_class["attack"]
    assert b"NaN" not in canonical(to_json(result))


def test_same_input_same_bytes_in_whatever_order(tmp_path: Path) -> None:
    truth = recordings()
    predicted = {f"seed{seed}": {"all": scores(truth, seed)} for seed in (0, 1)}
    first = evaluate(task(), CARD, predicted, truth, resamples=100)
    turned = {
        run: {part: dict(reversed(by_id.items())) for part, by_id in parts.items()}
        for run, parts in reversed(predicted.items())
    }
    second = evaluate(task(), CARD, turned, dict(reversed(truth.items())), resamples=100)
    assert canonical(to_json(first)) == canonical(to_json(second))
    path = write(replace(first, provenance={"scored": "today"}), tmp_path)
    assert path.name == "toy--entry.json"
    assert read(path).digest() == first.digest()
    assert canonical(to_json(read(path))) == path.read_bytes()
    write(replace(second, provenance={"scored": "tomorrow"}), tmp_path)
    assert read(path).provenance == {"scored": "today"}, "the same result stays as it was written"
    write(replace(second, frames=1), tmp_path)
    assert read(path).frames == 1
    path.write_text("{")
    write(first, tmp_path)
    assert read(path).digest() == first.digest()


def test_labels_of_exclusive_and_overlapping_classes() -> None:
    values = np.array([[0.2, 0.2, 0.1], [0.5, 0.4, 0.9], [0.1, 0.2, 0.3]], dtype=np.float32)
    np.testing.assert_array_equal(labels_of(values, exclusive=True).argmax(axis=1), [0, 2, 2])
    np.testing.assert_array_equal(labels_of(values, exclusive=False), [[0, 0, 0], [1, 0, 1], [0, 0, 0]])


def test_a_resample_without_a_class_has_no_mean_instead_of_one_over_the_others() -> None:
    """A class of one recording: a mean over whatever classes are there would jump between resamples."""
    truth = recordings()
    for id_, held in truth.items():
        if id_ != "m1":
            labels = np.where(held.labels[:, 0], 2, held.labels.argmax(axis=1))
            truth[id_] = replace(held, labels=one_hot(labels, 3))
    result = evaluate(task(), CARD, {"seed0": {"all": scores(truth, 1)}}, truth)
    f1 = result.scores["f1"]
    assert f1.value == pytest.approx((f1.per_class["attack"] + f1.per_class["mount"]) / 2, abs=1e-12)
    assert math.isnan(f1.low)
    assert math.isnan(f1.per_class_interval["attack"][0])
    low, high = f1.per_class_interval["mount"]
    assert low < f1.per_class["mount"] < high
    assert not math.isnan(result.scores["accuracy"].low)


def test_a_part_of_few_groups_has_no_interval_of_its_own() -> None:
    parts = {"a": ("m1", "m2", "m3", "m4", "m5"), "b": ("m6", "m7")}
    truth = recordings()
    predicted = {part: {id_: scores(truth, 1)[id_] for id_ in ids} for part, ids in parts.items()}
    score = evaluate(task(**parts), CARD, {"seed0": predicted}, truth).scores["accuracy"]
    assert not math.isnan(score.low)
    assert not math.isnan(score.per_part["a"].low)
    assert math.isnan(score.per_part["b"].low)


def test_a_resample_without_what_defines_a_part_has_no_headline() -> None:
    """Part a shows a class in two of its recordings; without them the headline would be part b's alone."""
    truth = recordings()
    for id_ in ("m1", "m2", "m3"):
        labels = np.where(truth[id_].labels[:, 0], 2, truth[id_].labels.argmax(axis=1))
        truth[id_] = replace(truth[id_], labels=one_hot(labels, 3))
    parts = {"a": ("m1", "m2", "m3", "m4", "m5"), "b": ("m6", "m7")}
    predicted = {part: {id_: scores(truth, 1)[id_] for id_ in ids} for part, ids in parts.items()}
    (f1,) = (metric for metric in FRAME_METRICS if metric.name == "f1")
    only = replace(task(**parts), metrics=(f1,))
    cuts = cut(only, only.load_split(), truth)
    value, _ = weighted_values([f1], measure(only, cuts, {"seed0": predicted}))
    rows = np.ones((3, 7))
    rows[1, [3, 4]] = 0  # part a without its class attack
    rows[2, :5] = 0  # no recording of part a at all
    whole, without, other = value(rows)[:, 0]
    assert not math.isnan(whole)
    assert math.isnan(without)
    assert other == pytest.approx(
        evaluate(only, CARD, {"seed0": predicted}, truth).scores["f1"].per_part["b"].value
    )


def test_the_digest_of_the_truth_covers_classes_parts_and_groups() -> None:
    truth = recordings()
    base = task()
    grouped = replace(
        base,
        split=replace(
            split(), parts={"all": {"test": {"g": ("m1", "m2"), **{i: (i,) for i in list(FRAMES)[2:]}}}}
        ),
    )
    renamed = replace(base, classes=("attack", "other", "mount"))
    digests = {truth_digest(of, cut(of, of.load_split(), truth)) for of in (base, grouped, renamed)}
    assert len(digests) == 3
