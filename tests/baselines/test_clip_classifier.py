"""The clip classifier: it learns which classes occur, and answers each over the whole recording."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.contract import Data, Derived  # noqa: E402
from baselines.models.clip_classifier import CLIP_CLASSIFIER, ClipClassifier, decode, loss  # noqa: E402
from bench.recordings import Recording  # noqa: E402

RECIPE = replace(CLIP_CLASSIFIER.recipe, epochs=12, batch=4, lr=0.02, width=8)
TRAIN = tuple((f"t{number}", 41 + number, number) for number in range(48))
TEST = tuple((f"v{number}", 43 + 5 * number, 50 + number) for number in range(6))


def made(recording: Recording) -> Derived:
    """Return the mean x and y of each stretch: 5 frames are a row."""
    assert recording.keypoints is not None
    frames = np.nan_to_num(recording.keypoints, nan=100).mean(axis=(1, 2))
    rows = [frames[i : i + 5].mean(axis=0) for i in range(0, len(frames), 5)]
    return Derived(np.array(rows, dtype=np.float32), 0.125, 0.25, "made by hand")


def test_it_learns_which_classes_occur_and_answers_them_over_the_whole_recording(tmp_path: Path) -> None:
    run = places.run(CLIP_CLASSIFIER, places.question("segments"), recipe=RECIPE, width=2)
    train = [places.recording(*one) for one in TRAIN]
    place = places.Place(tmp_path / "one.pt", makes=made)
    state = CLIP_CLASSIFIER.learn(run, Data(train={"toy/all": train}, val={}), place)
    predict = CLIP_CLASSIFIER.restore(run, state, place)
    test = [places.recording(*one) for one in TEST]
    present, absent = [], []
    blind = [recording.without_labels() for recording in test]
    for recording, given in zip(test, predict(blind, places.question("segments")), strict=True):
        assert sorted(given.labels.tolist()) == [0, 1, 2]
        assert given.bounds.tolist() == [[0.0, recording.frames / recording.fps]] * 3
        occur = set(recording.segments_of(places.CLASSES).labels.tolist())
        for label, score in zip(given.labels.tolist(), given.scores.tolist(), strict=True):
            (present if label in occur else absent).append(score)
    assert min(len(present), len(absent)) >= 3
    assert np.mean(present) > np.mean(absent) + 0.4


def test_what_stands_outside_changes_nothing() -> None:
    torch.manual_seed(0)
    network = ClipClassifier(3, 4, width=5).eval()
    x, inside = torch.randn(2, 9, 3), torch.arange(9)[None].expand(2, 9) < torch.tensor([[6], [9]])
    spoilt = torch.where(inside[..., None], x, 1e3)
    with torch.no_grad():
        torch.testing.assert_close(network(x, inside), network(spoilt, inside))
        torch.testing.assert_close(
            network(x, inside)[:1], network(x[:1, :6], inside[:1, :6]), rtol=0, atol=1e-6
        )


def test_sure_and_right_costs_little_and_sure_and_wrong_much() -> None:
    inside = torch.ones(1, 5, dtype=torch.bool)
    truth = [(torch.tensor([[0.0, 2.0], [1.0, 3.0]]), torch.tensor([2, 2]))]
    right = torch.tensor([[-9.0, -9.0, 9.0]])
    assert loss(right, inside, truth) < 1e-3
    assert loss(-right, inside, truth) > 5
    bounds, labels, scores = decode(right, inside)
    assert bounds.tolist() == [[-0.5, 4.5]] * 3
    assert labels.tolist() == [0, 1, 2]
    assert scores.argmax() == 2
