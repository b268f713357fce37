"""Comparison of two entries: the difference of what evaluation gives each, on the same groups."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.errors import DataError
from bench.evaluation import (
    counted_metrics,
    cut,
    evaluate,
    headlines,
    measure,
    measured_of,
    side_by_side,
)
from bench.evaluation.compare import compare, compare_measured, compare_results
from bench.recordings import Recording
from bench.results import Result, Score
from bench.tasks import Task
from tests.toys import CARD, FEW, recordings, scores, split, task


@pytest.mark.slow
def test_differences_are_those_of_the_two_results() -> None:
    truth = recordings()
    one, other = ({"seed0": {"all": scores(truth, seed, skill)}} for seed, skill in ((1, 2.0), (2, 0.5)))
    results = [evaluate(task(), CARD, entry, truth, resamples=FEW) for entry in (one, other)]
    for row in compare(task(), one, other, truth):
        first, second = (result.scores[row.metric].value for result in results)
        assert (row.first, row.second) == (first, second)
        assert row.difference == pytest.approx(first - second, abs=1e-12)


@pytest.mark.slow
def test_a_better_entry_is_surely_better_and_turning_them_round_turns_the_sign() -> None:
    truth = recordings()
    good, bad = ({"seed0": {"all": scores(truth, seed, skill)}} for seed, skill in ((1, 3.0), (2, 0.0)))
    forth, back = compare(task(), good, bad, truth)[0], compare(task(), bad, good, truth)[0]
    assert 0 < forth.low < forth.difference < forth.high
    assert forth.p_value < 0.05
    np.testing.assert_allclose([back.low, back.high, back.p_value], [-forth.high, -forth.low, forth.p_value])


def test_an_entry_does_not_differ_from_itself() -> None:
    truth = recordings()
    entry = {"seed0": {"all": scores(truth, 1)}}
    for row in compare(task(), entry, entry, truth):
        assert math.isnan(row.difference) or (row.difference, row.low, row.high) == (0, 0, 0)
        assert math.isnan(row.p_value) or row.p_value == 1


def test_pairing_is_sharper_than_two_intervals() -> None:
    """What makes a recording hard for both cancels: recordings of unequal difficulty, a small steady gain."""
    truth = recordings()
    rng = np.random.default_rng(0)
    hard = {id_: rng.uniform(0, 4) for id_ in truth}
    noise = {id_: rng.normal(size=(r.frames, 3)) for id_, r in truth.items()}
    entries = [
        {
            "seed0": {
                "all": {
                    id_: (noise[id_] + (hard[id_] + gain) * r.labels).astype(np.float32)
                    for id_, r in truth.items()
                }
            }
        }
        for gain in (0.3, 0.0)
    ]
    only = replace(task(), metrics=task().metrics[:1])
    (row,) = compare(only, *entries, truth)
    one, other = (evaluate(only, CARD, entry, truth).scores["f1"] for entry in entries)
    assert one.low < other.high, "the two intervals overlap"
    assert row.low > 0, "the paired one is sure"


def test_few_recordings_give_a_difference_but_no_interval() -> None:
    truth = recordings()
    small = task(all=("m1", "m2"))
    row = compare(small, {"a": {"all": scores(truth, 1)}}, {"a": {"all": scores(truth, 2)}}, truth)[0]
    assert not math.isnan(row.difference)
    assert math.isnan(row.low)
    assert "2 groups" in (row.reason or "")


def in_parts_and_groups() -> Task:
    """Return a task of two parts; three of the seven recordings share a group, and one is in both parts."""
    groups = {"one": {"g": ("m1", "m2", "m5"), "h": ("m3",)}, "two": {"h": ("m3",), "i": ("m4", "m6")}}
    groups["two"] |= {"j": ("m7",), "k": ("m2b",)}
    parts = {part: {"train": {}, "val": {}, "test": of} for part, of in groups.items()}
    return replace(task(one=(), two=()), split=replace(split(), parts=parts))


@pytest.mark.slow
@pytest.mark.parametrize("exclusive", [True, False])
def test_the_result_files_alone_give_the_same_differences(exclusive: bool) -> None:
    truth = recordings()
    held = truth["m1"]
    gap = np.ones(held.frames, dtype=bool)
    gap[50:70] = False
    truth["m1"] = replace(held, labels=held.labels & gap[:, None], annotated=gap)
    truth["m2b"] = replace(truth["m2"], id="m2b")
    if not exclusive:
        truth = {id_: several(one) for id_, one in truth.items()}
    asked = replace(in_parts_and_groups(), exclusive=exclusive)
    ids = {part: asked.load_split().ids(part, "test") for part in ("one", "two")}

    def entry(*seeds: int) -> dict[str, dict[str, dict[str, np.ndarray]]]:
        runs = {f"seed{seed}": scores(truth, seed, 0.5 + 0.1 * seed) for seed in seeds}
        return {
            run: {part: {i: of[i] for i in of_part} for part, of_part in ids.items()}
            for run, of in runs.items()
        }

    one, other = entry(1, 2, 3), entry(4)
    expected = {row.metric: row for row in compare(asked, one, other, truth)}
    files = [measured_of(evaluate(asked, CARD, of, truth, resamples=5)) for of in (one, other)]
    metrics = counted_metrics(asked.metrics)
    assert {"f1", "accuracy", "recall", "precision", "cohen_kappa"} <= {metric.name for metric in metrics}
    assert files[0] is not None
    assert files[1] is not None
    found = compare_measured(metrics, files[0], files[1])
    assert len(found) == len(metrics)
    for row in found:
        assert repr(row) == repr(expected[row.metric])
    assert not math.isnan(found[0].low)


def several(one: Recording) -> Recording:
    """Let every fifth frame show all classes and every seventh none."""
    labels = one.labels | (np.arange(one.frames) % 5 == 0)[:, None]
    labels &= (np.arange(one.frames) % 7 != 0)[:, None] & one.annotated[:, None]
    return replace(one, labels=labels)


def test_a_result_without_counts_gives_no_measures() -> None:
    made = evaluate(task(), CARD, {"seed0": {"all": scores(recordings(), 1)}}, recordings(), resamples=5)
    assert measured_of(replace(made, details={})) is None


@pytest.mark.slow
def test_every_metric_has_a_p_where_its_difference_is_defined() -> None:
    """One recording alone shows a class; without it nothing has a value, and every swap holds it."""
    truth = rare_in_one(recordings())
    one, other = ({"seed0": {"all": scores(truth, seed, skill)}} for seed, skill in ((1, 2.0), (2, 1.0)))
    for row in compare(task(), one, other, truth):
        assert row.method == "swap"
        assert math.isnan(row.p_value) == math.isnan(row.difference)
        if not math.isnan(row.low):
            assert (row.low > 0 or row.high < 0) == (row.p_value <= 0.05)


def rare_in_one(truth: dict[str, Recording]) -> dict[str, Recording]:
    """Leave the first class to the first recording alone; elsewhere its frames show the last."""
    first = min(truth)
    changed = {}
    for id_, one in truth.items():
        labels = one.labels.copy()
        if id_ != first:
            labels[:, -1] |= labels[:, 0]
            labels[:, 0] = False
        changed[id_] = replace(one, labels=labels)
    return changed


@pytest.mark.slow
def test_joined_weights_are_really_swapped_measures() -> None:
    """Every metric, parts, runs and spans: rows of weights give what two swapped sets of predictions give."""
    truth = recordings()
    asked = in_parts_and_groups()
    truth["m2b"] = replace(truth["m2"], id="m2b")
    tested = asked.load_split()
    ids = {part: tested.ids(part, "test") for part in ("one", "two")}
    entries = [
        {
            f"seed{k}": {part: {i: of[i] for i in own} for part, own in ids.items()}
            for k, of in enumerate(runs)
        }
        for runs in ([scores(truth, s, 0.5 + s / 4) for s in seeds] for seeds in ((1, 2), (3, 4)))
    ]
    group = {id_: g for part in ids for id_, g in tested.group_of(part, "test").items()}
    swapped_groups = set(sorted(set(group.values()))[::2])
    cuts = cut(asked, tested, truth)
    measured = [measure(asked, cuts, entry) for entry in entries]
    swapped = [
        {
            run: {
                part: {i: (other if group[i] in swapped_groups else mine)[run][part][i] for i in own}
                for part, own in ids.items()
            }
            for run in mine
        }
        for mine, other in (entries, entries[::-1])
    ]
    by_hand = [measure(asked, cuts, entry) for entry in swapped]
    names = sorted(set(group.values()))
    pattern = np.array([[name in swapped_groups for name in names]], dtype=float)
    rows = np.concatenate([np.hstack([1 - pattern, pattern]), np.hstack([pattern, 1 - pattern])])
    for metric in asked.metrics:
        if metric.reads == "labels":
            joined = headlines([metric], side_by_side(metric, *measured))(rows)
            real = [headlines([metric], one)(np.ones((1, len(names))))[0] for one in by_hand]
            np.testing.assert_allclose(joined, np.stack(real), rtol=0, atol=1e-12, err_msg=metric.name)
        elif metric.reads == "scores":
            joined = headlines([metric], side_by_side(metric, *measured))
            whole = joined(np.repeat(np.eye(2), len(names), axis=1))
            apart = [headlines([metric], one)(np.ones((1, len(names))))[0] for one in measured]
            np.testing.assert_allclose(whole, np.stack(apart), rtol=0, atol=1e-12)


def test_unequal_runs_and_clusters_go_by_the_jackknife() -> None:
    truth = recordings()
    one = {"seed0": {"all": scores(truth, 1, 2.0)}}
    other = {f"seed{k}": {"all": scores(truth, 2 + k, 1.0)} for k in range(2)}
    rows = compare(replace(task(), metrics=task().metrics[:2]), one, other, truth)
    assert [(row.method, row.patterns) for row in rows] == [("jackknife_t", 0)] * 2
    assert not math.isnan(rows[0].p_value)


@pytest.mark.slow
def test_results_without_counts_are_compared_by_the_values_without_each_group() -> None:
    truth = recordings()
    entries = [{"seed0": {"all": scores(truth, seed, skill)}} for seed, skill in ((1, 2.0), (2, 1.0))]
    results = [evaluate(task(), CARD, entry, truth, resamples=5) for entry in entries]
    by_name = {row.metric: row for row in compare_results(task(), *results)}
    assert list(by_name) == [metric.name for metric in task().metrics]
    assert by_name["f1"].method == "swap"
    row, (one, other) = by_name["map"], (result.scores["map"] for result in results)
    left_out = np.subtract(one.left_out, other.left_out)
    error = math.sqrt(6 / 7 * ((left_out - left_out.mean()) ** 2).sum())
    assert row.high - row.difference == pytest.approx(2.446912 * error, rel=1e-6)
    assert row.method == "jackknife_t"
    older = [replace(result, format=1, details={}, scores=forgotten(result)) for result in results]
    with pytest.raises(DataError) as caught:
        compare_results(task(), *older)
    assert len(caught.value.problems) == 2


def forgotten(result: Result) -> dict[str, Score]:
    return {name: replace(score, left_out=()) for name, score in result.scores.items()}
