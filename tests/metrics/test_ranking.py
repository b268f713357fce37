"""Average precision and AUROC against scikit-learn, and the two exact ways against each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as sk

from bench.metrics import ranking
from bench.metrics.kernels import resampled_ranking
from bench.metrics.metric import Metric
from bench.metrics.ranking import AUROC, MAP, Ranking

ORACLES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "map": sk.average_precision_score,
    "auroc": sk.roc_auc_score,
}
METRICS = {metric.name: metric for metric in ranking.METRICS}


def random_span(rng: np.random.Generator, length: int, count: int) -> Ranking:
    """Draw truth and scores, often with ties, sometimes with a class that is absent or in every frame."""
    truth = rng.random((length, count)) < rng.choice([0.0, 0.1, 0.5, 1.0], size=count, p=[0.1, 0.4, 0.4, 0.1])
    scores = rng.normal(size=truth.shape) + truth
    digits = rng.choice([0, 1, 12])
    return Ranking(truth, scores.round(digits).astype(rng.choice([np.float32, np.float64])))


def expected(name: str, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    some = truth.any(axis=0) & ~(truth.all(axis=0) & (name == "auroc"))
    return np.array(
        [ORACLES[name](truth[:, c], scores[:, c]) if some[c] else np.nan for c in range(truth.shape[1])]
    )


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("seed", range(5))
def test_equal_to_scikit_learn(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(100):
        span = random_span(rng, int(rng.choice([1, 2, 9, 40])), 2)
        span_values = METRICS[name].reduce([span], np.ones((1, 1)))[0]
        np.testing.assert_allclose(
            span_values, expected(name, span.truth, span.scores), rtol=0, atol=1e-12, equal_nan=True
        )


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make one of the two exact ways the cheaper one, in pieces small enough that there are many."""
    for name, small in (("PIECE", 64), ("BLOCK", 4), ("UNTHREADED", 200)):
        monkeypatch.setattr(resampled_ranking, name, small)
    monkeypatch.setattr(resampled_ranking, "PRODUCT", 0.0 if request.param == "products" else 1e9)
    monkeypatch.setattr(resampled_ranking, "TALLY", 0.0 if request.param == "products" else 1e9)


@pytest.mark.parametrize("way", ["products", "frames"], indirect=True)
@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("way")
def test_weights_are_copies(name: str, seed: int) -> None:
    """Weighted rows equal the copied spans, ranked by scikit-learn; a few rows weigh some spans zero."""
    rng = np.random.default_rng(seed)
    spans = [random_span(rng, length, 3) for length in (1, 40, 17, 2, 29, 50, 8)]
    weights = np.concatenate([rng.integers(0, 4, size=(10, len(spans))), np.eye(len(spans))]).astype(float)
    found = METRICS[name].reduce(spans, weights)
    for row, values in zip(weights, found, strict=True):
        copies = [span for span, times in zip(spans, row, strict=True) for _ in range(int(times))]
        truth = np.concatenate([span.truth for span in copies])
        scores = np.concatenate([span.scores for span in copies])
        np.testing.assert_allclose(values, expected(name, truth, scores), rtol=0, atol=1e-12)


@pytest.mark.parametrize("way", ["products", "frames"], indirect=True)
@pytest.mark.parametrize("name", METRICS)
@pytest.mark.usefixtures("way")
def test_one_score_for_all_frames(name: str) -> None:
    """All frames tied, over many pieces: AP is the share of positives, AUROC a half."""
    rng = np.random.default_rng(0)
    truth = rng.random((700, 2)) < 0.3
    spans = [Ranking(part, np.full(part.shape, 0.25)) for part in np.split(truth, [300, 450])]
    weights = rng.integers(1, 5, size=(4, 3)).astype(float)
    share = weights @ [s.truth.sum(axis=0) for s in spans] / (weights @ [[300], [150], [250]])
    np.testing.assert_allclose(
        METRICS[name].reduce(spans, weights), share if name == "map" else np.full((4, 2), 0.5), atol=1e-12
    )


@pytest.mark.parametrize("name", METRICS)
def test_the_cheaper_way_is_taken_by_size(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few spans under many rows are products; many spans, or a single row, are weighted frame by frame."""
    taken: list[str] = []
    for kind in ("precision", "wrong"):
        for way in ("products", "frames"):
            function = getattr(resampled_ranking, f"{kind}_by_{way}")

            def spy(*arguments: object, way: str = way, function: Callable[..., object] = function) -> object:
                taken.append(way)
                return function(*arguments)

            monkeypatch.setattr(resampled_ranking, f"{kind}_by_{way}", spy)
    rng = np.random.default_rng(1)
    for count, rows in ((3, 500), (3, 1), (400, 2)):
        spans = [Ranking(rng.random((5, 1)) < 0.5, rng.random((5, 1))) for _ in range(count)]
        METRICS[name].reduce(spans, np.ones((rows, count)))
    assert taken == ["products", "frames", "frames"]


@pytest.mark.parametrize("name", METRICS)
def test_order_of_frames_and_spans_changes_nothing(name: str) -> None:
    rng = np.random.default_rng(2)
    spans = [random_span(rng, length, 3) for length in (31, 6, 20)]
    weights = rng.integers(0, 3, size=(5, 3)).astype(float)
    shuffled = [
        Ranking(span.truth[order], span.scores[order])
        for span in spans
        for order in [rng.permutation(len(span.truth))]
    ]
    found = METRICS[name].reduce(shuffled[::-1], weights[:, ::-1])
    np.testing.assert_allclose(found, METRICS[name].reduce(spans, weights), rtol=0, atol=1e-12)


@pytest.mark.parametrize("metric", [MAP, AUROC], ids=lambda metric: metric.name)
def test_perfect_ranking_is_one_and_ranks_are_all_that_counts(metric: Metric) -> None:
    rng = np.random.default_rng(7)
    truth = rng.random((60, 4)) < 0.4
    noise = rng.random(truth.shape)
    np.testing.assert_allclose(metric.reduce([Ranking(truth, truth + noise / 2)], np.ones((1, 1))), 1.0)
    plain = metric.reduce([Ranking(truth, noise)], np.ones((1, 1)))
    np.testing.assert_array_equal(metric.reduce([Ranking(truth, np.exp(3 * noise))], np.ones((1, 1))), plain)


@pytest.mark.parametrize("name", METRICS)
def test_nothing_counted_is_undefined(name: str) -> None:
    span = random_span(np.random.default_rng(8), 12, 5)
    assert np.isnan(METRICS[name].reduce([span], np.zeros((3, 1)))).all()
