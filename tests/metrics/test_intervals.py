"""Intervals: tables, closed forms, naive resampling, and what has none."""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations_with_replacement, pairwise

import numpy as np
import pytest

from bench.metrics.frames import F1
from bench.metrics.ranking import MAP
from bench.metrics.sampling.intervals import DEFAULT_METHOD, METHODS, MIN_GROUPS, interval
from bench.metrics.sampling.resampling import Value, bootstrap_weights, draw, jackknife_error, leave_one_out
from bench.metrics.sampling.student import t_central, t_quantile

T_TABLE = {  # (level, degrees): two-sided quantile, as printed tables have it
    (0.95, 1): 12.706,
    (0.95, 2): 4.303,
    (0.95, 3): 3.182,
    (0.95, 4): 2.776,
    (0.95, 9): 2.262,
    (0.95, 18): 2.101,
    (0.95, 60): 2.000,
    (0.99, 5): 4.032,
    (0.99, 30): 2.750,
    (0.999, 10): 4.587,
    (0.5, 7): 0.711,
}


def ratio(numbers: np.ndarray, sizes: np.ndarray) -> Value:
    """Return the weighted mean of each column: the form of every pooled metric."""
    return lambda weights: (weights @ numbers) / (weights @ sizes)[:, None]


@pytest.fixture
def groups_of_three_columns() -> Value:
    rng = np.random.default_rng(0)
    sizes = rng.integers(50, 150, size=11).astype(float)
    return ratio(rng.random((11, 3)) * sizes[:, None], sizes)


@pytest.mark.parametrize(("level", "degrees"), T_TABLE)
def test_t_quantiles_of_the_tables(level: float, degrees: int) -> None:
    assert t_quantile(level, degrees) == pytest.approx(T_TABLE[level, degrees], abs=5e-4)
    assert t_central(t_quantile(level, degrees), degrees) == pytest.approx(level, abs=1e-14)


def test_t_with_one_degree_is_cauchy_and_with_many_is_normal() -> None:
    assert t_central(1.7, 1) == pytest.approx(2 / math.pi * math.atan(1.7), abs=1e-15)
    assert t_quantile(0.95, 100_000) == pytest.approx(1.959964, abs=1e-4)


def test_resamples_are_frozen() -> None:
    """The stream must never change: results of today are compared with those of years to come."""
    frozen = [[0, 2, 0, 2, 1], [1, 0, 1, 1, 2], [0, 3, 2, 0, 0]]
    assert bootstrap_weights(5, 3, seed=7).tolist() == frozen
    np.testing.assert_array_equal(bootstrap_weights(19, 50, seed=1)[:20], bootstrap_weights(19, 20, seed=1))
    assert (bootstrap_weights(19, 50, seed=1) != bootstrap_weights(19, 50, seed=2)).any()


def test_resamples_draw_every_group_alike() -> None:
    weights = bootstrap_weights(7, 20_000, seed=3)
    assert (weights.sum(axis=1) == 7).all()
    # Each count is binomial(7, 1/7): mean 1, variance 6/7; off-diagonal covariance -1/7.
    np.testing.assert_allclose(weights.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(np.cov(weights.T), np.eye(7) - 1 / 7, atol=0.04)


def test_percentile_is_that_of_all_resamples() -> None:
    """Five groups have 5**5 resamples; the quantiles of the drawn ones come near those of all."""
    numbers = np.array([0.1, 0.4, 0.5, 0.7, 0.95])
    every = [
        (math.factorial(5) / math.prod(math.factorial(c) for c in np.bincount(chosen, minlength=5)), chosen)
        for chosen in combinations_with_replacement(range(5), 5)
    ]
    expanded = np.repeat([numbers[list(c)].mean() for _, c in every], [int(n) for n, _ in every])
    assert len(expanded) == 5**5
    found = interval(ratio(numbers[:, None], np.ones(5)), 5, resamples=40_000, method="percentile")
    low, high = np.quantile(expanded, [0.025, 0.975])
    assert found.low[0] == pytest.approx(low, abs=0.011)
    assert found.high[0] == pytest.approx(high, abs=0.011)


def test_jackknife_of_a_mean_is_the_textbook_t_interval() -> None:
    numbers = np.array([0.2, 0.5, 0.4, 0.9, 0.3, 0.6, 0.8])
    found = interval(ratio(numbers[:, None], np.ones(7)), 7, method="jackknife_t")
    half = 2.4469 * numbers.std(ddof=1) / math.sqrt(7)  # t of 6 degrees of freedom
    assert found.high[0] - found.low[0] == pytest.approx(2 * half, abs=1e-4)
    assert found.low[0] + found.high[0] == pytest.approx(2 * numbers.mean(), abs=1e-12)


def test_bootstrap_t_of_a_mean_is_that_of_the_plain_formula() -> None:
    """A mean has linear influences, so the error of each resample is s / sqrt(G) of the drawn numbers."""
    numbers = np.random.default_rng(5).gamma(2.0, size=9)
    found = interval(ratio(numbers[:, None], np.ones(9)), 9, method="bootstrap_t", resamples=4_000)
    student = []
    for row in bootstrap_weights(9, 4_000, seed=0):
        drawn = np.repeat(numbers, row)
        student.append((drawn.mean() - numbers.mean()) / (drawn.std(ddof=1) / 3))
    error = numbers.std(ddof=1) / 3
    assert found.low[0] == pytest.approx(numbers.mean() - np.quantile(student, 0.975) * error, rel=1e-3)
    assert found.high[0] == pytest.approx(numbers.mean() - np.quantile(student, 0.025) * error, rel=1e-3)


def test_expanded_is_wider_and_nears_the_percentile() -> None:
    rng = np.random.default_rng(1)
    widths = []
    for groups in (5, 20, 200):
        value = ratio(rng.random((groups, 1)), np.ones(groups))
        one, other = (interval(value, groups, method=m, resamples=4_000) for m in ("percentile", "expanded"))
        widths.append(float((other.high - other.low)[0] / (one.high - one.low)[0]))
    assert widths[0] > 1.3 > 1.2 > widths[1] > 1.02 > widths[2] > 0.999


def test_bca_corrects_for_bias_and_skewness() -> None:
    """On the mean of a right-skewed sample both ends move right; on a symmetric one neither moves."""
    skewed = np.random.default_rng(2).exponential(size=40)
    plain, corrected = (
        interval(ratio(skewed[:, None], np.ones(40)), 40, method=m, resamples=4_000)
        for m in ("percentile", "bca")
    )
    assert corrected.low[0] > plain.low[0]
    assert corrected.high[0] > plain.high[0]
    even = np.concatenate([np.arange(1.0, 21), -np.arange(1.0, 21)])
    plain, corrected = (
        interval(ratio(even[:, None], np.ones(40)), 40, method=m, resamples=20_000)
        for m in ("percentile", "bca")
    )
    assert corrected.low[0] == pytest.approx(plain.low[0], abs=0.1)
    assert corrected.high[0] == pytest.approx(plain.high[0], abs=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_columns_are_independent_and_the_same_bytes_come_twice(
    groups_of_three_columns: Value, method: str
) -> None:
    whole, again = (interval(groups_of_three_columns, 11, method=method, resamples=300) for _ in range(2))
    assert whole.low.tobytes() == again.low.tobytes()
    assert whole.high.tobytes() == again.high.tobytes()
    point = groups_of_three_columns(np.ones((1, 11)))[0]
    assert (whole.low < point).all()
    assert (point < whole.high).all()
    for k in range(3):
        one = interval(
            lambda w, k=k: groups_of_three_columns(w)[:, [k]], 11, method=method, resamples=300
        )  # each column alone
        assert one.low[0] == pytest.approx(whole.low[k], abs=1e-12)
        assert one.high[0] == pytest.approx(whole.high[k], abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_order_of_the_ends_at_every_level(groups_of_three_columns: Value, method: str) -> None:
    levels = [
        interval(groups_of_three_columns, 11, method=method, resamples=500, level=p) for p in (0.5, 0.8, 0.95)
    ]
    for narrow, wide in pairwise(levels):
        assert (wide.low <= narrow.low).all()
        assert (narrow.high <= wide.high).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_has_an_interval_of_no_width(method: str) -> None:
    """A perfect prediction is perfect in every resample."""
    found = interval(lambda weights: np.ones((len(weights), 2)), 6, method=method, resamples=200)
    assert found.low.tolist() == found.high.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("method", METHODS)
def test_a_class_of_one_group_has_no_interval(method: str) -> None:
    """Nor does it disturb the other columns; a class of two groups has one."""
    numbers = np.random.default_rng(3).random((12, 1)) @ np.ones((1, 3))
    sizes = np.ones((12, 3))
    numbers[1:, 0] = sizes[1:, 0] = 0
    numbers[2:, 1] = sizes[2:, 1] = 0

    def value(weights: np.ndarray) -> np.ndarray:
        total = weights @ sizes
        return np.divide(weights @ numbers, total, out=np.full_like(total, np.nan), where=total > 0)

    found = interval(value, 12, method=method, resamples=500)
    assert np.isnan(found.low).tolist() == np.isnan(found.high).tolist() == [True, False, False]
    assert found.defined[2] == 500 > found.defined[1] > 0.8 * 500 > found.defined[0]
    assert found.reason is None


@pytest.mark.parametrize("groups", range(1, MIN_GROUPS))
def test_few_groups_have_no_interval_and_say_why(groups: int) -> None:
    value = ratio(np.random.default_rng(4).random((groups, 2)), np.ones(groups))
    found = interval(value, groups)
    assert np.isnan([found.low, found.high]).all()
    assert found.low.shape == (2,)
    assert found.reason == f"{groups} groups, and an interval needs at least 5"


def test_default_is_one_of_the_methods() -> None:
    value = ratio(np.arange(8.0)[:, None], np.ones(8))
    named, default = interval(value, 8, method=DEFAULT_METHOD), interval(value, 8)
    assert named.low.tobytes() == default.low.tobytes()
    assert default.method == DEFAULT_METHOD


def test_the_values_are_those_of_naively_resampled_recordings() -> None:
    """Real metrics: each resample is what the metric gives the recordings drawn, written out."""
    rng = np.random.default_rng(6)
    spans = [(rng.random((n, 4)) < 0.4, rng.random((n, 4))) for n in (9, 17, 30, 5, 22, 12)]
    for metric in (F1, MAP):
        pairs = [(truth, scores >= 0.5 if metric is F1 else scores) for truth, scores in spans]
        measures = [metric.measure(*pair) for pair in pairs]
        value = partial(metric.reduce, measures)
        drawn = draw(value, 6, 20, seed=9)
        for row, found in zip(drawn.weights, drawn.resampled, strict=True):
            copies = [pair for pair, times in zip(pairs, row, strict=True) for _ in range(times)]
            whole = metric.measure(*(np.concatenate([pair[i] for pair in copies]) for i in range(2)))
            np.testing.assert_allclose(found, metric.reduce([whole], np.ones((1, 1)))[0], atol=1e-12)
        left_out = leave_one_out(value, 6)
        for g, found in enumerate(left_out):
            rest = [m for n, m in enumerate(measures) if n != g]
            np.testing.assert_allclose(found, metric.reduce(rest, np.ones((1, 5)))[0], atol=1e-12)
    assert jackknife_error(left_out).shape == (4,)


def test_log_odds_written_out() -> None:
    """The ends from the same resamples, by the formula: v -+ t s on log odds of a share of the range."""
    scores = np.array([0.1, 0.3, 0.35, 0.4, 0.6, 0.9, 0.2, 0.55])
    value = ratio(scores[:, None] * 3 - 1, np.ones(8))
    found = interval(value, 8, method="logit_t", bounds=(-1.0, 2.0))
    means = [np.repeat(scores, row).mean() for row in bootstrap_weights(8, 1_000, seed=0)]
    odds = [math.log(mean / (1 - mean)) for mean in means]
    half = 2.364624 * np.std(odds) * math.sqrt(8 / 7)
    middle = math.log(scores.mean() / (1 - scores.mean()))
    ends = [3 / (1 + math.exp(-middle - side)) - 1 for side in (-half, half)]
    np.testing.assert_allclose([found.low[0], found.high[0]], ends, atol=1e-6)


def test_log_odds_stay_around_the_value_and_inside_the_range() -> None:
    """Also where resamples are biased upwards, as average precision is, or reach an end."""
    scores = np.array([0.0, 0.0, 0.02, 0.0, 0.9, 0.0, 0.01, 0.0])

    def largest(weights: np.ndarray) -> np.ndarray:
        return np.where(weights > 0, scores, 0.0).max(axis=1, keepdims=True)

    found = interval(largest, 8, method="logit_t", bounds=(0.0, 1.0))
    assert 0 < found.low[0] < 0.9 < found.high[0] < 1
    best = interval(lambda w: np.ones((len(w), 1)), 8, method="logit_t", bounds=(0.0, 1.0))
    assert (best.low[0], best.high[0]) == (1.0, 1.0)
    near = interval(
        ratio(np.array([1.0, 1, 1, 1, 1, 1, 1, 0.999])[:, None], np.ones(8)), 8, bounds=(0.0, 1.0)
    )
    assert 0.99 < near.low[0] <= near.high[0] <= 1


@pytest.mark.parametrize("turned", [False, True])
def test_a_value_at_the_very_end_of_its_range_keeps_its_spread(turned: bool) -> None:
    """A rare class, guessed: AP 0.0004. All its resamples are where odds are cut off, and yet they differ."""
    shares = np.array([[1e-4, 9e-4, 3e-4, 2e-4, 6e-4, 4e-4, 5e-4], [0.0] * 7, [2**-11] * 7]).T
    value = ratio(1 - shares if turned else shares, np.ones(7))
    found, spread = (interval(value, 7, bounds=(0.0, 1.0), method=m) for m in ("logit_t", "expanded"))
    point = value(np.ones((1, 7)))[0]
    assert found.low[0] <= spread.low[0] < point[0] < spread.high[0] <= found.high[0]
    assert found.low[0] >= 0
    assert found.high[0] <= 1
    np.testing.assert_array_equal(found.low[1:], found.high[1:])


def test_a_range_without_two_ends_has_no_odds() -> None:
    scores = np.array([1.0, 2.0, np.inf, 4.0, 3.0, 2.5])

    def worst(weights: np.ndarray) -> np.ndarray:
        return np.where(weights > 0, scores, 0.0).max(axis=1, keepdims=True)

    plain, other = (
        interval(worst, 6, method=method, bounds=(0.0, math.inf)) for method in ("expanded", "logit_t")
    )
    assert (other.low, other.high) == (plain.low, plain.high)
    assert np.isposinf(other.high)


def test_no_end_is_beyond_what_the_metric_can_give() -> None:
    scores = np.array([0.97, 0.99, 1.0, 1.0, 0.6])
    value = ratio(scores[:, None], np.ones(5))
    free = interval(value, 5, method="jackknife_t")
    held = interval(value, 5, method="jackknife_t", bounds=(0.0, 1.0))
    assert free.high[0] > 1
    assert (held.low[0], held.high[0]) == (free.low[0], 1.0)


@pytest.mark.parametrize("method", ["expanded", "logit_t", "jackknife_t"])
def test_a_column_of_few_groups_is_as_wide_as_those_groups_alone_make_it(method: str) -> None:
    """A part of 6 among 40 recordings: the t of 39 degrees would make its interval too short."""
    rng = np.random.default_rng(11)
    scores = rng.random(6)

    def part(weights: np.ndarray) -> np.ndarray:
        total = weights[:, :6].sum(axis=1)
        of = np.divide(weights[:, :6] @ scores, total, out=np.full(len(total), np.nan), where=total > 0)
        return of[:, None]

    ask = partial(interval, method=method, resamples=4_000, bounds=(0.0, 1.0))
    alone, behind, blind = ask(part, 6), ask(part, 40, behind=np.array([6])), ask(part, 40)
    widths = [float(found.high[0] - found.low[0]) for found in (alone, behind, blind)]
    assert widths[1] > 0.95 * widths[0]
    assert widths[2] < 0.9 * widths[1]
    four = interval(part, 40, method=method, behind=np.array([4]))
    assert np.isnan([four.low, four.high]).all()


def test_a_constant_third_has_no_width_by_log_odds_either() -> None:
    constant = interval(lambda w: np.full((len(w), 1), 1 / 3), 12, bounds=(0.0, 1.0))
    assert (constant.low[0], constant.high[0]) == (1 / 3, 1 / 3)


def test_no_resamples_give_no_interval_and_say_so() -> None:
    found = interval(ratio(np.ones((8, 1)), np.ones(8)), 8, resamples=0)
    assert np.isnan([found.low, found.high]).all()
    assert found.reason == "no resamples were asked for"
