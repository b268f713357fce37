"""Features by hand against their definitions, number by number; and the rule that reads them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is in the extra `train`")

from baselines.contract import Data, Derived, Sizes
from baselines.inputs.handcrafted import count, handcrafted
from baselines.models.handcrafted_probe import BY_HAND, WITH_PICTURES
from bench.datasets import get_dataset
from bench.errors import DataError
from bench.recordings import Skeleton

TRIPLETS = get_dataset("mabe22-triplets").skeleton
NAMES = TRIPLETS.keypoints
CALMS = get_dataset("calms21").skeleton


Point = tuple[float, float]


def angle(one: Point, other: Point) -> float:
    return math.atan2(other[1] - one[1], other[0] - one[0])


def area(*corners: Point) -> float:
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def middle(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


class Mouse:
    """One mouse in one frame."""

    def __init__(self, points: np.ndarray) -> None:
        self.points = {name: tuple(map(float, point)) for name, point in zip(NAMES, points, strict=True)}
        self.nose, self.rear = self.points["nose"], self.points["tail base"]
        self.neck, self.back = self.points["neck"], self.points["centre of the back"]
        self.axis = angle(self.rear, self.nose)

    def alone(self, before: Mouse) -> list[float]:
        """Return the ten numbers of one mouse; `before` is the same mouse in the frame before."""
        front = middle(self.points["left forepaw"], self.points["right forepaw"])
        ears = self.points["left ear"], self.points["right ear"]
        paws = ("left forepaw", "right forepaw", "right hindpaw", "left hindpaw")
        bend = angle(self.neck, self.nose) - angle(self.rear, self.neck)
        turn = self.axis - before.axis
        return [
            math.dist(self.nose, self.rear),
            math.dist(front, self.nose),
            math.dist(front, middle(*ears)),
            area(*(self.points[name] for name in paws)),
            area(self.nose, ears[0], self.neck, ears[1]),
            *(math.cos(bend), math.sin(bend), math.cos(turn), math.sin(turn)),
            math.dist(self.back, before.back),
        ]

    def of_other(self, other: Mouse) -> list[float]:
        """Return the eight numbers of a pair."""
        turned, bearing = other.axis - self.axis, angle(self.back, other.back) - self.axis
        far = [math.dist(a, b) for a in (self.nose, self.rear) for b in (other.nose, other.rear)]
        return [*far, math.cos(turned), math.sin(turned), math.cos(bearing), math.sin(bearing)]


def inner(a: Point, b: Point, c: Point) -> float:
    """Return the angle of a triangle at its first corner."""
    dot = (b[0] - a[0]) * (c[0] - a[0]) + (b[1] - a[1]) * (c[1] - a[1])
    return math.acos(dot / math.dist(a, b) / math.dist(a, c))


def slow(poses: np.ndarray) -> list[list[float]]:
    """Return the 83 features of each frame, by plain numbers."""
    rows, before = [], [Mouse(points) for points in poses[0]]
    for frame in poses:
        mice = [Mouse(points) for points in frame]
        pairs = [one.of_other(other) for one in mice for other in mice if one is not other]
        row = [sorted(pair[k] for pair in pairs)[n] for n in range(6) for k in range(8)]
        each = [mouse.alone(last) for mouse, last in zip(mice, before, strict=True)]
        row += [each[a][k] for k in range(10) for a in range(3)]
        a, b, c = (mouse.back for mouse in mice)
        angles = inner(a, b, c), inner(b, c, a), inner(c, a, b)
        low, high = min(angles), max(angles)
        row += [area(a, b, c), math.cos(low), math.sin(low), math.cos(high), math.sin(high)]
        rows.append(row)
        before = mice
    return rows


def test_three_mice_have_the_202_features_of_their_definitions() -> None:
    poses = np.random.default_rng(5).uniform(50, 400, (7, 3, 12, 2))
    made = handcrafted(poses, TRIPLETS)
    assert made.shape == (7, 202)
    assert count(TRIPLETS) == 202
    still = np.array(slow(poses))
    np.testing.assert_allclose(made[:, :83], still, rtol=1e-6, atol=1e-6)
    for t in range(1, 6):
        np.testing.assert_allclose(made[t, 83:166], (still[t + 1] - still[t - 1]) / 10, atol=1e-6)
    np.testing.assert_allclose(made[0, 83:166], (still[1] - still[0]) / 5, atol=1e-6)
    speeds = [math.dist(poses[3, a, k], poses[2, a, k]) for a in range(3) for k in range(12)]
    np.testing.assert_allclose(made[3, 166:], speeds, rtol=1e-9)
    assert not made[0, 166:].any()


def test_who_has_which_number_changes_no_feature_of_pairs_or_of_the_group() -> None:
    poses = np.random.default_rng(6).uniform(50, 400, (4, 3, 12, 2))
    one, other = handcrafted(poses, TRIPLETS), handcrafted(poses[:, [2, 0, 1]], TRIPLETS)
    columns = [*range(48), *range(78, 83)]
    np.testing.assert_allclose(one[:, columns], other[:, columns], atol=1e-9)


def test_a_skeleton_without_paws_has_fewer_and_one_without_a_nose_none() -> None:
    assert count(CALMS) == 2 * (2 * 8 + 2 * 7) + 2 * 7
    alone = Skeleton(("mouse",), ("nose", "centre", "tail base"), (), (400, 300))
    assert count(alone) == 2 * 4 + 3
    with pytest.raises(DataError) as caught:
        count(Skeleton(("mouse",), ("ear", "tail base"), (), (400, 300)))
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["nose"]


SKELETON = Skeleton(("one", "two"), ("nose", "centre", "tail base"), (), (400, 300))
TRAIN = [places.recording(id_, frames, seed) for id_, frames, seed in (("a", 183, 1), ("b", 167, 2))]


def made(recording: object) -> Derived:
    values = np.random.default_rng(1).normal(size=(recording.frames, 6)).astype(np.float32)
    values[:, :3] += 4 * recording.labels
    return Derived(values, 0.0, 1 / recording.fps, "pictures")


@pytest.mark.parametrize("exclusive", [True, False])
def test_three_rules_vote_and_features_of_pictures_count(tmp_path: Path, exclusive: bool) -> None:
    asked, shares = places.question(exclusive=exclusive), []
    for baseline in (BY_HAND, WITH_PICTURES):
        sizes = Sizes(SKELETON, (3,), (("small_images", 6),) if baseline.needs else ())
        run = replace(places.run(baseline, asked), sizes=sizes)
        place = places.Place(tmp_path / "none.pt", made)
        state = baseline.learn(run, Data({"toy/all": TRAIN}, {}), place)
        assert places.same(state, baseline.learn(run, Data({"toy/all": TRAIN}, {}), place))
        (votes,) = baseline.restore(run, state, place)(TRAIN[:1], asked)
        assert votes.shape == (183, 3)
        np.testing.assert_allclose(votes * 3, np.rint(votes * 3), atol=1e-5)
        if exclusive:
            np.testing.assert_allclose(votes.sum(axis=1), 1, atol=1e-6)
        known = asked.labelled(TRAIN[0])
        shares.append((votes[known].argmax(axis=1) == asked.truth(TRAIN[0])[known].argmax(axis=1)).mean())
    assert shares[1] > 0.8
    assert shares[1] > shares[0]


def test_a_ridge_rule_is_that_of_scikit_learn(tmp_path: Path) -> None:
    from sklearn.linear_model import RidgeClassifier

    asked = places.question()
    run = replace(places.run(BY_HAND, asked), sizes=Sizes(SKELETON, (3,)))
    state = BY_HAND.learn(run, Data({"toy/all": TRAIN}, {}), places.Place(tmp_path / "none.pt"))
    rows, truth = [], []
    for one in TRAIN:
        keep = asked.labelled(one)
        columns = handcrafted(one.keypoints, SKELETON)
        filled = np.where(np.isfinite(columns), columns, state.arrays["mean"]) - state.arrays["mean"]
        rows.append((filled * state.arrays["scale"])[keep])
        truth.append(asked.truth(one)[keep].argmax(axis=1))
    x = np.concatenate(rows) @ state.arrays["1/components"].T
    theirs = RidgeClassifier(class_weight="balanced").fit(x, np.concatenate(truth))
    np.testing.assert_allclose(state.arrays["1/weights"], theirs.coef_, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(state.arrays["1/offsets"], theirs.intercept_, rtol=1e-5, atol=1e-8)
