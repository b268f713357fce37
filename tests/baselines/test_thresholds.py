"""Thresholds learned for F1: the best one is found, and no score changes its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from sklearn.metrics import f1_score  # noqa: E402

from baselines.contract import Data, Question  # noqa: E402
from baselines.engine import windows  # noqa: E402
from baselines.engine.thresholds import Threshold, best_threshold  # noqa: E402
from baselines.models.single_frame import SingleFrame  # noqa: E402
from baselines.recipes.windows import Recipe  # noqa: E402


def scores(seed: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return scores of class 1, some of them equal, and where it holds."""
    rng = np.random.default_rng(seed)
    truth = rng.random(211) < share
    return np.round(np.clip(rng.normal(0.2 + 0.1 * truth, 0.1), 0, 1), 2).astype(np.float32), truth


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("column", [0, 1])
def test_no_other_threshold_has_a_higher_f1(seed: int, column: int) -> None:
    score, truth = scores(seed, 0.2)
    pair = [1 - score, score] if column else [score, 1 - score]
    probabilities = np.stack(pair, axis=1)
    found = best_threshold(probabilities, truth if column else ~truth)
    assert found.column == column
    values = [f1_score(truth, score >= t) for t in np.unique(score)]
    assert f1_score(truth, score >= found.value) == pytest.approx(max(values))
    bent = found.bend(probabilities)
    assert f1_score(truth, bent[:, column] > 0.5) == pytest.approx(max(values))
    np.testing.assert_allclose(bent.sum(axis=1), 1, rtol=1e-6)
    order = np.argsort(score, kind="stable")
    assert (np.diff(bent[order, column]) >= 0).all()
    assert bent.min() >= 0
    assert bent.max() <= 1


def test_half_stays_half_and_ends_stay_ends() -> None:
    probabilities = np.array([[1, 0], [0.9, 0.1], [0.5, 0.5], [0, 1]], np.float32)
    np.testing.assert_allclose(Threshold(1, 0.5).bend(probabilities), probabilities)
    bent = Threshold(1, 0.1).bend(probabilities)
    np.testing.assert_allclose(bent[:, 1], [0, 0.5, 0.5 + 0.4 / 1.8, 1], rtol=1e-6)


def test_a_class_that_never_holds_has_no_threshold() -> None:
    probabilities = np.full((7, 2), 0.5, np.float32)
    assert best_threshold(probabilities, np.zeros(7, dtype=bool)) == Threshold(1, 0.5)


def test_a_network_of_two_classes_tunes_it_on_what_is_held_out(tmp_path: Path) -> None:
    """The threshold is kept with the weights, bends what is predicted, and needs two classes."""
    recipe = Recipe(past=0, future=0, gap=1, epochs=1, validation="recordings", threshold=True)
    baseline = windows.baseline(
        module="test",
        name="tuned",
        title="Tuned",
        description="a network with a threshold",
        reference="none",
        recipe=recipe,
        network=windows.plain(SingleFrame),
    )
    two = Question(key="toy/all", classes=("chase", "rest"), kind="frames", exclusive=True)
    recordings = [places.recording(f"r{i}", 90 + i, seed=i) for i in range(4)]
    for question, facts in ((two, {"threshold"}), (places.question(), set())):
        run = places.run(baseline, question)
        data = Data({question.key: recordings}, {})
        state = baseline.learn(run, data, places.Place(tmp_path / f"{len(question.classes)}.safetensors"))
        assert set(state.facts) == facts
        place = places.Place(tmp_path / "none")
        told = [baseline.restore(run, one, place) for one in (state, replace(state, facts={}))]
        bent, plain = (next(iter(one([recordings[0].without_labels()], question))) for one in told)
        expected = Threshold(**state.facts["threshold"]).bend(plain) if facts else plain
        np.testing.assert_array_equal(bent, expected)
        last = told[0].last_frame(recordings[0].without_labels(), question)
        np.testing.assert_allclose(last[0], bent[-1], rtol=1e-5)


def test_a_threshold_needs_something_held_out() -> None:
    with pytest.raises(ValueError, match="held out"):
        Recipe(past=0, future=0, gap=1, epochs=1, threshold=True)
