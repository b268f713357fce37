"""Comparison of two entries: the difference of what evaluation gives each, under the same resamples."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.evaluation import counted_metrics, evaluate, measured_of
from bench.evaluation.compare import compare, compare_measured
from bench.recordings import Recording
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
    expected = {row.metric: row for row in compare(asked, one, other, truth, resamples=100)}
    files = [measured_of(evaluate(asked, CARD, of, truth, resamples=5)) for of in (one, other)]
    metrics = counted_metrics(asked.metrics)
    assert {"f1", "accuracy", "recall", "precision", "cohen_kappa"} <= {metric.name for metric in metrics}
    assert files[0] is not None
    assert files[1] is not None
    found = compare_measured(metrics, files[0], files[1], resamples=100)
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
