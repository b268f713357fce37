"""Predicting by windows: the same bytes as all recordings at once, a few recordings in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import toy

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.contract import Question  # noqa: E402
from baselines.engine import window_training  # noqa: E402
from baselines.engine.window_prediction import WindowPredictor, predict  # noqa: E402
from baselines.inputs.poses import pose_features  # noqa: E402
from baselines.inputs.windows import windows  # noqa: E402
from baselines.models.conv1d import Conv1D  # noqa: E402
from baselines.switches import OFF  # noqa: E402
from bench.recordings import Recording  # noqa: E402

ASKED = Question("toy/all", toy.CLASSES, "frames", exclusive=True)
ORDER = "cedab"


def predictor() -> WindowPredictor:
    torch.manual_seed(5)
    return WindowPredictor(Conv1D(12, 37, 3).eval(), toy.CONV.recipe, toy.DATASET.skeleton)


def recordings(seen: list[str] | None = None) -> Iterator[Recording]:
    for id_ in ORDER:
        if seen is not None:
            seen.append(id_)
        yield toy.recording(id_).without_labels()


def at_once() -> np.ndarray:
    """Lay all recordings out in one array, and cut its windows into pieces."""
    model, recipe = predictor().model, toy.CONV.recipe
    features = [pose_features(toy.recording(id_).keypoints, toy.DATASET.image) for id_ in ORDER]
    laid_out = windows(features, recipe, torch.device("cpu"))
    pieces = torch.arange(len(laid_out)).split(window_training.AT_ONCE)
    return np.concatenate([predict(model, laid_out.gather(piece), ASKED, OFF) for piece in pieces])


def test_batches_reach_across_recordings_and_each_gets_its_own_frames() -> None:
    found = list(predictor()(recordings(), ASKED))
    assert [len(scores) for scores in found] == [toy.FRAMES[id_] for id_ in ORDER]
    np.testing.assert_array_equal(np.concatenate(found), at_once())


@pytest.mark.parametrize("size", [1, 23, 5000])
def test_the_size_of_a_batch_changes_rounding_at_most(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = at_once()
    monkeypatch.setattr(window_training, "AT_ONCE", size)
    np.testing.assert_allclose(np.concatenate(list(predictor()(recordings(), ASKED))), whole, atol=1e-6)


def test_between_frames_that_are_predicted_probabilities_are_interpolated() -> None:
    every = list(predictor()(recordings(), ASKED))
    few = list(replace(predictor(), recipe=replace(toy.CONV.recipe, hop=5))(recordings(), ASKED))
    for whole, one in zip(every, few, strict=True):
        assert len(one) == len(whole)
        np.testing.assert_allclose(one[::5], whole[::5], atol=1e-6)
        last = (len(whole) - 1) // 5 * 5
        np.testing.assert_allclose(
            one[3:last:5], 0.4 * whole[0:last:5] + 0.6 * whole[5 : last + 1 : 5], atol=1e-6
        )
        np.testing.assert_allclose(one[last:], np.tile(whole[last], (len(whole) - last, 1)), atol=1e-6)


def test_no_more_recordings_are_read_than_a_batch_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_training, "AT_ONCE", 50)
    seen: list[str] = []
    answers = predictor()(recordings(seen), ASKED)
    next(answers)
    assert seen == ["c", "e"]  # 303 frames are six batches and three frames


def test_the_last_frame_alone_is_the_last_of_the_whole() -> None:
    recipe = replace(toy.CONV.recipe, past=36, future=0)
    alone = replace(predictor(), recipe=recipe)
    recording = toy.recording("e").without_labels()
    (whole,) = alone([recording], ASKED)
    np.testing.assert_allclose(alone.last_frame(recording, ASKED), whole[-1:], atol=1e-6)
