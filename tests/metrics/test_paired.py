"""Tests of a difference and of many entries: brute force, plain loops, and what is never missing."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from bench.metrics.frames import F1
from bench.metrics.kernels.scales import standardised
from bench.metrics.sampling.paired import SWAPS, jackknife_test, swap_test
from bench.metrics.sampling.patterns import swap_patterns
from bench.metrics.sampling.ranks import stand_apart
from bench.metrics.sampling.resampling import Value
from bench.metrics.sampling.student import t_central, t_quantile


def pooled(numbers: np.ndarray, sizes: np.ndarray) -> Value:
    """Return the weighted mean of each column: the form of every pooled metric."""
    return lambda weights: (weights @ numbers) / (weights @ sizes)[:, None]


def two_entries(rng: np.random.Generator, groups: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw what two entries have right in each group, of so many frames; both have the same frames."""
    sizes = rng.integers(5, 60, groups).astype(float)
    hard = rng.random(groups)
    right = [np.clip(hard + shift * k + rng.normal(0, 0.2, groups), 0, 1) * sizes for k in (1, 0)]
    return np.concatenate(right)[:, None], np.concatenate([sizes, sizes])


def by_brute_force(right: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Return the difference and p, from all 2^G patterns, each half put together by hand."""
    groups = len(sizes) // 2

    def difference(swap: tuple[int, ...]) -> float:
        mine = [g + groups * s for g, s in enumerate(swap)]
        theirs = [g + groups * (1 - s) for g, s in enumerate(swap)]
        return float(right[mine].sum() / sizes[mine].sum() - right[theirs].sum() / sizes[theirs].sum())

    whole = difference((0,) * groups)
    every = [difference(swap) for swap in product((0, 1), repeat=groups)]
    return whole, float(np.mean([abs(d) >= abs(whole) - 1e-12 for d in every]))


def test_all_swaps_give_the_p_of_brute_force() -> None:
    rng = np.random.default_rng(0)
    for groups in (1, 2, 5, 7, 9):
        for shift in (0.0, 0.2):
            right, sizes = two_entries(rng, groups, shift)
            found = swap_test(pooled(right, sizes), groups)
            expected = by_brute_force(right, sizes)
            assert (found.difference[0], found.p_value[0]) == pytest.approx(expected, abs=1e-12)
            assert found.patterns == 2 ** (groups - 1) - 1
            assert found.least_p == 2 / 2**groups


def test_random_swaps_come_near_those_of_all() -> None:
    right, sizes = two_entries(np.random.default_rng(1), 12, 0.08)
    every, some = (swap_test(pooled(right, sizes), 12, most=most) for most in (5_000, 1_500))
    assert (every.patterns, some.patterns) == (2_047, 1_500)
    assert some.p_value[0] == pytest.approx(every.p_value[0], abs=0.03)
    assert (some.low[0], some.high[0]) == pytest.approx((every.low[0], every.high[0]), abs=0.02)


def test_the_interval_leaves_out_zero_exactly_where_p_says_so() -> None:
    rng = np.random.default_rng(2)
    surely = 0
    for case in range(300):
        groups = int(rng.integers(6, 13))
        right, sizes = two_entries(rng, groups, float(rng.normal(0, 0.3)))
        if case % 3 == 0:
            right, sizes = right.round(), np.ones_like(sizes)  # many equal differences
        found = swap_test(pooled(right, sizes), groups, most=(200, 5_000)[case % 2])
        assert found.low[0] <= found.difference[0] <= found.high[0]
        outside = found.low[0] > 0 or found.high[0] < 0
        assert outside == (found.p_value[0] <= 0.05)
        surely += outside
    assert 60 < surely < 240


def test_a_difference_always_has_a_p() -> None:
    """A class of one group: every half has it once. A resample or a whole without that group would not."""
    counts = np.zeros((10, 2, 4), dtype=np.int64)
    counts[:, 0] = [[5, 3, 2, 40]] * 10
    counts[[0, 5], 1] = [[4, 1, 3, 42], [6, 2, 1, 41]]
    found = swap_test(lambda weights: F1.reduce(list(counts), weights), 5)
    assert found.p_value.tolist() == [1.0, 1.0]
    assert found.least_p == 2 / 2**5
    assert found.reason is not None
    assert "5 groups" in found.reason
    assert np.isnan(found.low).all()
    undefined = swap_test(lambda weights: np.full((len(weights), 1), np.nan), 6)
    assert np.isnan(undefined.p_value).all()


def test_undefined_swaps_count_against_a_difference() -> None:
    """An error is infinite where a half has matched nothing, and two infinite ones have no difference."""

    def value(weights: np.ndarray) -> np.ndarray:
        first = weights[:, :8].sum(axis=1) == 8
        return np.where(first, 1.0, np.where(weights[:, 8:].sum(axis=1) == 8, 3.0, np.inf))[:, None]

    found = swap_test(value, 8)
    assert (found.difference[0], found.p_value[0]) == (-2.0, 1.0)
    assert np.isnan([found.low[0], found.high[0]]).all()


def test_patterns_are_frozen_and_all_different_where_all_are_there() -> None:
    assert len(np.unique(swap_patterns(9, SWAPS), axis=0)) == 2**8 - 1
    assert not swap_patterns(9, SWAPS)[:, 0].any()
    frozen = [[1, 0, 0, 0, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1, 1, 1]]
    assert swap_patterns(80, 40)[:2, :8].astype(int).tolist() == frozen
    assert abs(swap_patterns(80, 4_000).mean() - 0.5) < 0.01


def test_the_jackknife_of_a_mean_is_the_paired_t_test() -> None:
    gains = np.array([0.2, 0.5, -0.1, 0.4, 0.3, 0.1])
    left_out = ((gains.sum() - gains) / 5)[:, None]
    found = jackknife_test(gains.mean(keepdims=True), left_out)
    t = gains.mean() / (gains.std(ddof=1) / math.sqrt(6))
    assert found.p_value[0] == pytest.approx(1 - t_central(t, 5), abs=1e-12)
    half = t_quantile(0.95, 5) * gains.std(ddof=1) / math.sqrt(6)
    assert (found.low[0], found.high[0]) == pytest.approx((gains.mean() - half, gains.mean() + half))


def test_the_jackknife_has_no_p_without_every_difference() -> None:
    left_out = np.full((7, 2), 0.1)
    left_out[3, 0] = np.nan
    found = jackknife_test(np.array([0.1, 0.1]), left_out)
    assert np.isnan([found.p_value[0], found.low[0], found.high[0]]).all()
    assert (found.p_value[1], found.low[1], found.high[1]) == pytest.approx((0.0, 0.1, 0.1))
    few = jackknife_test(np.array([0.1]), np.full((4, 1), 0.1))
    assert np.isnan([few.p_value[0], few.low[0]]).all()
    assert few.reason is not None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_scale_changes_no_order_and_no_tie(dtype: type) -> None:
    rng = np.random.default_rng(3)
    tiny = 10.0 ** -rng.integers(0, 37, 400)
    scores = np.concatenate([tiny, 1 - tiny, -tiny, rng.normal(size=50).round(1), [0.0, -0.0]]).astype(dtype)
    moved = standardised(scores)
    np.testing.assert_array_equal(
        np.unique(scores, return_inverse=True)[1], np.unique(moved, return_inverse=True)[1]
    )
    assert (moved.mean(), moved.std()) == pytest.approx((0, 1), abs=1e-9)
    np.testing.assert_allclose(standardised(100 + 3 * scores.astype(float).round(3)).round(6), standardised(
        scores.astype(float).round(3)).round(6), atol=2e-6)  # fmt: skip
    assert standardised(np.full(5, 7.0)).tolist() == [0.0] * 5
    assert len(standardised(np.zeros(0))) == 0


def test_the_largest_scores_have_a_scale_too() -> None:
    scores = np.array([1.5e308, -1.5e308, 1.5e308, 1.4e308, 5e-324, 0.0])
    moved = standardised(scores)
    np.testing.assert_array_equal(np.argsort(moved, kind="stable"), np.argsort(scores, kind="stable"))
    assert moved[0] == moved[2] > moved[3] > moved[4] > moved[5]
    assert (moved.mean(), moved.std()) == pytest.approx((0, 1), abs=1e-9)


def apart_by_loops(values: np.ndarray, left_out: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, float]:
    """Return what the step-down rule says, written out pair by pair and pattern by pattern."""
    entries, groups = left_out.shape
    added = {}
    for i in range(entries):
        for j in range(i):
            c = [[(1 - share[g]) * (values[k] - left_out[k, g]) for g in range(groups)] for k in (i, j)]
            e = [[of[g] - share[g] * sum(of) for g in range(groups)] for of in c]
            gap = values[i] - values[j]
            added[i, j] = [e[0][g] - e[1][g] + share[g] * gap for g in range(groups)]
            assert sum(added[i, j]) == pytest.approx(gap, abs=1e-12)
    above, left = np.zeros((entries, entries), dtype=bool), set(added)
    while True:
        maxima = sorted(
            max(abs(float(sum(s * d for s, d in zip(signs, added[pair], strict=True)))) for pair in left)
            for signs in product((1, -1), repeat=groups)
            if signs[0] == 1 and signs != (1,) * groups
        )[::-1]
        c = next(
            m for m in maxima[::-1]
            if (sum(other > m for other in maxima) + 1) / (len(maxima) + 1) <= 0.05
        )  # fmt: skip
        new = {(i, j) for i, j in left if abs(values[i] - values[j]) > c + 1e-12}
        for i, j in new:
            above[(i, j) if values[i] > values[j] else (j, i)] = True
        left -= new
        if not new or not left:
            return above, c


def test_entries_stand_apart_as_in_a_plain_loop() -> None:
    rng = np.random.default_rng(4)
    steps = 0
    for case in range(12):
        entries, groups = int(rng.integers(2, 6)), int(rng.integers(6, 9))
        contributions = rng.normal(0, 0.02, (entries, groups)) + rng.choice([0, 0.05, 0.4], (entries, 1))
        values = contributions.mean(axis=1)
        left_out = (contributions.sum(axis=1, keepdims=True) - contributions) / (groups - 1)
        frames = rng.integers(100, 900, groups)
        found = stand_apart(values, left_out, frames)
        above, least = apart_by_loops(values, left_out, frames / frames.sum())
        np.testing.assert_array_equal(found.above, above, err_msg=str(case))
        assert found.least == pytest.approx(least, abs=1e-12)
        steps += above.any() and not above.all()
    assert steps > 3


def test_ranks_are_ranges() -> None:
    rng = np.random.default_rng(5)
    steady = rng.normal(0, 0.01, (4, 20)) + np.array([[0.2], [0.205], [0.9], [0.5]])
    found = stand_apart(steady.mean(axis=1), (steady.sum(axis=1, keepdims=True) - steady) / 19, np.ones(20))
    assert found.ranks() == [(3, 4), (3, 4), (1, 1), (2, 2)]
    assert 0.004 < found.least < 0.3
    few = stand_apart(steady.mean(axis=1), steady[:, :5], np.ones(5))
    assert few.ranks() == [(1, 4)] * 4
    assert math.isinf(few.least)


def test_what_a_group_adds_to_a_share_of_right_frames_is_its_own_difference() -> None:
    """With a single pair left, the greatest sums are those of the differences in the groups themselves."""
    rng = np.random.default_rng(7)
    frames = rng.integers(10, 500, 9).astype(float)
    right = rng.random((2, 9)) * frames
    left_out = (right.sum(axis=1, keepdims=True) - right) / (frames.sum() - frames)
    found = stand_apart(right.sum(axis=1) / frames.sum(), left_out, frames)
    sums = np.abs((1 - 2 * swap_patterns(9, SWAPS)) @ (right[0] - right[1])) / frames.sum()
    assert found.least == pytest.approx(np.sort(sums)[-int(0.05 * 256)], abs=1e-12)


@pytest.mark.slow
def test_levels_of_the_swap_test_and_of_a_page() -> None:
    """Of 300 tests of equal entries on skewed recordings about one in twenty is below .05."""
    rng = np.random.default_rng(6)
    wrong = page = 0
    for _ in range(300):
        hits = rng.random((5, 12)) * 0.4 + 0.5
        sizes = np.round(rng.lognormal(3, 1, 12)) + 2
        right = (hits * sizes).round()
        found = swap_test(
            pooled(np.concatenate([right[0], right[1]])[:, None], np.concatenate([sizes, sizes])), 12
        )
        wrong += found.p_value[0] <= 0.05
        left_out = (right.sum(axis=1, keepdims=True) - right) / (sizes.sum() - sizes)
        page += stand_apart(right.sum(axis=1) / sizes.sum(), left_out, sizes).above.any()
    assert 4 <= wrong <= 27
    assert 4 <= page <= 27
