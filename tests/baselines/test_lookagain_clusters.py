"""LookAgain without labels: its losses by their definitions, and clusters that the gate's pictures shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import places
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")
pytest.importorskip("av", reason="av is in the extra `video`")
pytest.importorskip("cv2", reason="opencv is in the extra `video`")
pytest.importorskip("sklearn", reason="scikit-learn is in the extra `train`")

from test_lookagain_video import MOTION, OTHER, SIZES, TRAIN, Place, made  # noqa: E402

from baselines.contract import Data, Epoch, State  # noqa: E402
from baselines.extractors.lookagain import network  # noqa: E402
from baselines.models.lookagain_clusters import SMALLER, belonging, sharpening_loss, variation  # noqa: E402
from bench.errors import DataError  # noqa: E402

RECIPE = replace(SMALLER.recipe, motion=MOTION, size=24, epochs=2, clusters=4, opened=0.5)
ASKED = places.question("clusters")


@dataclass
class Pretrained(Place):
    """A place where a motion encoder has learned, so far as its codes have begun."""

    def start(self) -> Mapping[str, Any]:
        """Return its weights."""
        torch.manual_seed(8)
        encoder = network(MOTION, SIZES).train()
        poses = torch.rand(3, 24, 18)
        encoder(poses, torch.ones(3, 24, dtype=torch.bool))
        return {"model": encoder.state_dict()}


@dataclass
class Interrupted(Pretrained):
    """A place that is left after the first epoch."""

    def report(self, history: Sequence[Epoch]) -> None:
        """Leave it."""
        if len(history) == 1:
            raise KeyboardInterrupt


def learned(folder: Path, place: type[Pretrained] = Pretrained, **changed: object) -> State:
    run = replace(places.run(SMALLER, ASKED, recipe=replace(RECIPE, **changed)), sizes=SIZES)
    return SMALLER.learn(run, Data({"toy/all": TRAIN}, {}), place(folder / "state.pt", made))


def test_the_losses_are_those_of_their_definitions() -> None:
    rng = np.random.default_rng(2)
    rows, centres = rng.normal(size=(1, 7, 3)), rng.normal(size=(4, 3))
    shares = belonging(torch.from_numpy(rows), torch.from_numpy(centres))[0]
    q = np.array([[1 / (1 + np.sum((row - centre) ** 2)) for centre in centres] for row in rows[0]])
    q /= q.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, q, rtol=1e-6)
    p = q**2 / q.sum(axis=0)
    p /= p.sum(axis=1, keepdims=True)
    expected = np.mean(np.sum(p * np.log(p / q), axis=1))
    assert float(sharpening_loss(shares)) == pytest.approx(expected, rel=1e-6)
    scores = torch.tensor([[0.1, 0.5, 0.4, 0.9, 0.0]])[..., None].expand(-1, -1, 2)
    inside = torch.tensor([[True, True, True, True, False]])
    assert float(variation(scores, inside)) == pytest.approx((0.4 + 0.1 + 0.5) / 3)


def test_gradients_of_the_sharpened_shares_reach_rows_and_centres_but_not_the_target() -> None:
    rows = torch.randn(1, 6, 3, requires_grad=True)
    centres = torch.randn(4, 3, requires_grad=True)
    sharpening_loss(belonging(rows, centres)[0]).backward()
    assert float(rows.grad.abs().sum()) > 0
    assert float(centres.grad.abs().sum()) > 0


def test_interrupted_it_ends_with_the_same_centres_and_clusters_every_frame(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    with pytest.raises(KeyboardInterrupt):
        learned(tmp_path / "one", Interrupted)
    state = learned(tmp_path / "one")
    assert places.same(state, learned(tmp_path / "other"))
    run = replace(places.run(SMALLER, ASKED, recipe=RECIPE), sizes=SIZES)
    here = Place(tmp_path / "none.pt", made)
    (clusters,) = SMALLER.restore(run, state, here)([OTHER.without_labels()], ASKED)
    assert clusters.shape == (61,)
    assert set(clusters.tolist()) <= set(range(4))
    assert here.eyes.calls == [2 * (12 + 12 + 6)]


def test_fewer_frames_than_clusters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        learned(tmp_path, clusters=500)
