"""The anchor-free localiser: its points, its losses by hand, and that it learns to tell segments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.contract import Data, Derived, State  # noqa: E402
from baselines.engine.segment_losses import distance_iou, focal  # noqa: E402
from baselines.inputs.points import Level, answers, points  # noqa: E402
from baselines.models.anchor_free import (  # noqa: E402
    ANCHOR_FREE,
    LEVELS,
    PRIOR,
    STRIDE,
    AnchorFree,
    decode,
    loss,
)
from bench.recordings import Detections, Recording  # noqa: E402

RECIPE = replace(ANCHOR_FREE.recipe, epochs=60, batch=1, ema=0.9, lr=3e-3)
TRAIN = (("a", 811, 1), ("b", 1057, 2), ("c", 903, 3))
TEST = (("d", 397, 4), ("e", 264, 5))


@pytest.fixture
def model() -> AnchorFree:
    torch.manual_seed(0)
    return AnchorFree(5, 3, stride=4, width=8, dilations=(1, 2)).eval()


def test_it_answers_at_the_points_of_its_levels(model: AnchorFree) -> None:
    logits, distances = model(torch.randn(2, 24, 5), torch.ones(2, 24, dtype=torch.bool))
    at = points((Level(1, 0.0, 9.0), Level(4, 9.0, math.inf)), 24, torch.device("cpu"))
    assert logits.shape == (2, len(at.rows), 3)
    assert distances.shape == (2, len(at.rows), 2)
    assert (distances > 0).all()


def test_before_it_has_learned_every_score_is_low(model: AnchorFree) -> None:
    logits, _ = model(torch.zeros(1, 24, 5), torch.ones(1, 24, dtype=torch.bool))
    assert torch.sigmoid(logits).mean().item() == pytest.approx(PRIOR, rel=2)


def test_padding_changes_no_point_and_scores_nothing(model: AnchorFree) -> None:
    x, inside = torch.randn(1, 40, 5), torch.ones(1, 40, dtype=torch.bool)
    inside[:, 21:] = False
    rows = [*range(21), *range(40, 40 + 6)]  # those inside at both levels
    shorter = [*range(21), *range(24, 24 + 6)]
    with torch.no_grad():
        whole = model(x, inside)
        padded = [y[:, rows] for y in whole]
        cut = [y[:, shorter] for y in model(x[:, :24], inside[:, :24])]
    for one, other in zip(padded, cut, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    assert (torch.sigmoid(whole[0][:, 21:40]) == 0).all()


def perfect(bounds: torch.Tensor, labels: torch.Tensor, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return outputs that tell these segments, surely and exactly."""
    told = answers(points(LEVELS, rows, torch.device("cpu")), bounds, labels, 3)
    return torch.where(told.classes, 12.0, -12.0)[None], told.distances[None] + 1e-4


def test_what_is_told_exactly_costs_nothing_and_decodes_to_the_segments() -> None:
    rows = 8 * STRIDE
    bounds, labels = torch.tensor([[5.0, 11.0], [10.0, 60.0]]), torch.tensor([2, 0])
    inside = torch.ones(1, rows, dtype=torch.bool)
    outputs = perfect(bounds, labels, rows)
    assert float(loss(outputs, inside, [(bounds, labels)])) < 1e-3
    assert float(loss(outputs, inside, [(bounds + 3, labels)])) > 0.1
    told, shown, scores = decode(outputs, inside)
    assert (scores > 0.99).all()
    for row, label in zip(told.tolist(), shown.tolist(), strict=True):
        assert row == pytest.approx({2: [5.0, 11.0], 0: [10.0, 60.0]}[label], abs=1e-3)


def test_points_outside_cost_nothing() -> None:
    rows = 8 * STRIDE
    bounds, labels = torch.tensor([[5.0, 11.0]]), torch.tensor([2])
    outputs = perfect(bounds, labels, rows)
    outputs[0][:, 40:rows] = 5.0  # sure of everything, where nothing is
    inside = torch.arange(rows)[None] < 40
    assert float(loss(outputs, inside, [(bounds, labels)])) < 1e-3
    assert float(loss(outputs, torch.ones_like(inside), [(bounds, labels)])) > 1


def test_the_focal_loss_by_hand() -> None:
    logits = torch.tensor([[0.0, 2.0]])
    truth = torch.tensor([[True, False]])
    p = 1 / (1 + np.exp(-2.0))
    expected = 0.25 * 0.5**2 * np.log(2) + 0.75 * p**2 * -np.log(1 - p)
    assert float(focal(logits, truth.float()).sum()) == pytest.approx(expected, rel=1e-5)


def test_the_distance_loss_by_hand() -> None:
    true = torch.tensor([[2.0, 4.0], [3.0, 3.0]])
    told = torch.tensor([[1.0, 2.0], [3.0, 3.0]])  # half of the first, all of the second
    assert float(distance_iou(told, true).sum()) == pytest.approx(1 - 3 / 6 + (0.5 / 6) ** 2, rel=1e-5)


def made(recording: Recording) -> Derived:
    """Return the mean x and y of each stretch: 5 frames are a row."""
    assert recording.keypoints is not None
    frames = np.nan_to_num(recording.keypoints, nan=100).mean(axis=(1, 2))
    rows = [frames[i : i + 5].mean(axis=0) for i in range(0, len(frames), 5)]
    return Derived(np.array(rows, dtype=np.float32), 0.125, 0.25, "made by hand")


def learned(folder: Path) -> State:
    run = places.run(ANCHOR_FREE, places.question("segments"), recipe=RECIPE, width=2)
    train = [places.recording(*one) for one in TRAIN]
    return ANCHOR_FREE.learn(
        run, Data(train={"toy/all": train}, val={}), places.Place(folder / "one.pt", makes=made)
    )


def told(state: State, folder: Path, recordings: Sequence[Recording]) -> list[Detections]:
    run = places.run(ANCHOR_FREE, places.question("segments"), recipe=RECIPE, width=2)
    place = places.Place(folder / "none.pt", makes=made)
    return list(ANCHOR_FREE.restore(run, state, place)(recordings, places.question("segments")))


def test_it_learns_to_tell_segments(tmp_path: Path) -> None:
    blind = [places.recording(*one).without_labels() for one in TEST]
    reached = []
    for one, found in zip(TEST, told(learned(tmp_path), tmp_path, blind), strict=True):
        truth = places.recording(*one).segments_of(places.CLASSES)
        sure = found.take(np.arange(len(found.scores)) < 4 * len(truth.labels))
        for bounds, label in zip(truth.bounds, truth.labels, strict=True):
            mine = sure.bounds[sure.labels == label]
            shared = np.minimum(mine[:, 1], bounds[1]) - np.maximum(mine[:, 0], bounds[0])
            union = (mine[:, 1] - mine[:, 0]) + (bounds[1] - bounds[0]) - np.maximum(shared, 0)
            reached.append(bool((shared / union >= 0.5).any()))
    assert np.mean(reached) > 0.7


def test_what_comes_later_changes_what_it_says_and_so_it_is_declared(model: AnchorFree) -> None:
    x, inside = torch.randn(1, 40, 5), torch.ones(1, 40, dtype=torch.bool)
    later = x.clone()
    later[:, 20:] += 3
    with torch.no_grad():
        before, after = model(x, inside)[0], model(later, inside)[0]
    assert not torch.equal(before[:, :20], after[:, :20])
    assert not ANCHOR_FREE.causal
