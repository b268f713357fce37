"""The motion encoder of LookAgain: tokens, what is masked and what is outside; and models on top of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import places
import pytest
import toy

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.contract import Data, Epoch, State  # noqa: E402
from baselines.engine import checkpoints  # noqa: E402
from baselines.extractors.lookagain import MOTION, pretraining_loss  # noqa: E402
from baselines.inputs.motion import known_poses  # noqa: E402
from baselines.models import get_baseline  # noqa: E402
from baselines.parts.codebooks import Codebook, Quantiser  # noqa: E402
from baselines.parts.motion_encoder import MotionEncoder, motion_of, motion_width  # noqa: E402
from baselines.recipes.lookagain import Motion  # noqa: E402
from baselines.runs import states  # noqa: E402

RECIPE = Motion(epochs=2, batch=3, size=24, tokens=12, codes=9, width=16, depth=2, social_depth=1)
TRAIN = [places.recording(id_, frames, seed) for id_, frames, seed in (("a", 83, 1), ("b", 67, 2))]
ASKED = places.question("features")


@pytest.fixture
def encoder() -> MotionEncoder:
    torch.manual_seed(5)
    made = MotionEncoder(2, 3, RECIPE)
    for _ in range(3):  # codes begin
        made.train()(window(), torch.ones(1, 24, dtype=torch.bool))
    return made.eval()


def window(frames: int = 24) -> torch.Tensor:
    poses = known_poses(places.recording("w", frames, 7), places.SKELETON.image)
    return torch.from_numpy(poses)[None]


def test_a_missing_keypoint_is_nowhere_and_not_sure() -> None:
    one = places.recording("w", 40, 7)
    poses = known_poses(one, (400, 300)).reshape(40, 2, 3, 3)
    missing = np.isnan(one.keypoints).any(axis=3)
    assert missing.any()
    assert (poses[missing] == 0).all()
    assert (poses[~missing][:, 2] == 1).all()
    np.testing.assert_allclose(poses[~missing][:, 1] * 300, one.keypoints[~missing][:, 1], rtol=1e-6)
    sure = np.where(missing, np.nan, 0.25).astype(np.float32)
    poses = known_poses(replace(one, confidence=sure), (400, 300)).reshape(40, 2, 3, 3)
    assert (poses[..., 2] == np.where(missing, 0, 0.25)).all()


def test_an_animal_sees_where_the_other_is() -> None:
    poses = torch.zeros(1, 1, 2, 2, 3)
    poses[0, 0, 0, :, :2] = torch.tensor([[0.1, 0.2], [0.3, 0.2]])
    poses[0, 0, 1, 0, :2] = torch.tensor([0.5, 0.6])
    poses[0, 0, :, :, 2] = torch.tensor([[1.0, 1.0], [0.8, 0.0]])  # the other keypoint was not detected
    motion = motion_of(poses.view(1, 1, 12), 2, 2)
    assert motion.shape == (1, 1, 2, motion_width(2, 2))
    gap = np.array([0.3, 0.4])  # from (.2, .2) to (.5, .6)
    expected = [*(gap / 0.5), 0.5, 0.4]
    np.testing.assert_allclose(motion[0, 0, 0, 6:], expected, atol=1e-6)
    np.testing.assert_allclose(motion[0, 0, 1, 6:], [*(-gap / 0.5), 0.5, 1.0], atol=1e-6)


ALL = torch.ones(3, dtype=torch.bool)


def book_of(*codes: list[float]) -> Codebook:
    book = Codebook(len(codes), 2)
    book.codes.copy_(torch.tensor(codes))
    book.counts.fill_(1)
    book.sums.copy_(book.codes)
    return book


def test_codes_are_the_nearest_and_follow_what_they_replace() -> None:
    z = torch.tensor([[3.0, 1.0], [0.1, 0.2], [5.0, 1.0]])
    book = book_of([0.0, 0.0], [4.0, 0.0]).eval()
    codes, numbers = book(z, ALL)
    assert numbers.tolist() == [1, 0, 1]
    assert codes.tolist() == [[4, 0], [0, 0], [4, 0]]
    book.train()
    for _ in range(600):
        book(z, ALL)
    np.testing.assert_allclose(book.codes, [[0.1, 0.2], [4, 1]], atol=0.05)


def test_a_code_that_replaces_nothing_begins_again_at_a_vector() -> None:
    z = torch.tensor([[3.0, 1.0], [0.1, 0.2], [5.0, 1.0]])
    book = book_of([0.0, 0.0], [4.0, 0.0], [0.0, 9.0]).train()
    for _ in range(1500):
        book(z, ALL)
    np.testing.assert_allclose(torch.cdist(z, book.codes).amin(dim=1), 0, atol=0.05)


def test_what_is_replaced_passes_gradients_and_the_second_code_brings_it_nearer() -> None:
    torch.manual_seed(1)
    quantise = Quantiser(32, 4)
    z = torch.randn(2, 11, 4)
    known = torch.ones(2, 11, dtype=torch.bool)
    known[1, 7:] = False
    for _ in range(50):
        quantise.train()(z, known)
    given = z.clone().requires_grad_()
    replaced, distance, codes = quantise.eval()(given, known)
    assert codes.shape == (2, 11, 2)
    coarse = quantise.coarse.codes[codes[..., 0]]
    assert float(distance.detach()) < float((z - coarse)[known].square().mean())
    replaced.sum().backward()
    assert given.grad is not None
    assert (given.grad == 1).all()
    far = z.clone()
    far[~known] += 100
    _, same, _ = quantise(far, known)
    assert float(same) == pytest.approx(float(distance.detach()), rel=1e-5)


def test_frames_that_are_masked_or_outside_change_nothing(encoder: MotionEncoder) -> None:
    x, inside = window(), torch.ones(1, 24, dtype=torch.bool)
    inside[0, 19:] = False
    masked = torch.zeros_like(inside)
    masked[0, [4, 5, 11]] = True
    other = x.clone()
    other[0, [4, 5, 11]] += 0.3
    other[0, 19:] += 0.7
    with torch.no_grad():
        read, again = encoder(x, inside, masked), encoder(other, inside, masked)
        shown = encoder(other, inside)
    np.testing.assert_allclose(read.embedding[0, :19], again.embedding[0, :19], atol=1e-5)
    assert float((read.embedding - shown.embedding)[0, :19].abs().max()) > 1e-3


def test_the_loss_asks_for_masked_keypoints_that_were_detected(encoder: MotionEncoder) -> None:
    x, inside = window(), torch.ones(1, 24, dtype=torch.bool)
    masked = torch.zeros_like(inside)
    masked[0, 6] = True
    with torch.no_grad():
        read = encoder(x, inside, masked)
        alone = replace(RECIPE, quantised=0.0, reconstructed=0.0)
        loss = float(pretraining_loss(read, inside, masked, alone))
        poses = x.view(24, 2, 3, 3)[6]
        gaps = (read.keypoints[0, 6] - poses[..., :2]).square().sum(dim=2)[poses[..., 2] > 0]
        assert loss == pytest.approx(float(gaps.mean()), rel=1e-5)
        assert float(pretraining_loss(read, inside, torch.zeros_like(inside), alone)) == 0


@dataclass
class Interrupted(places.Place):
    """A place that is left after the first epoch."""

    def report(self, history: Sequence[Epoch]) -> None:
        """Leave it."""
        if len(history) == 1:
            raise KeyboardInterrupt


def learned(folder: Path, place: type[places.Place] = places.Place, **changed: object) -> State:
    folder.mkdir(exist_ok=True)
    run = places.run(MOTION, ASKED, recipe=replace(RECIPE, **changed))
    return MOTION.learn(run, Data({"toy/all": TRAIN}, {}), place(folder / "state.pt"))


@pytest.mark.slow
def test_it_learns_without_labels_and_a_frame_has_the_embeddings_of_all_animals(tmp_path: Path) -> None:
    state = learned(tmp_path / "long", epochs=15, lr=3e-3)
    history = checkpoints.load(tmp_path / "long" / "state.pt", {"what": "a test"})["history"]
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    run = places.run(MOTION, ASKED, recipe=RECIPE)
    one = places.recording("d", 97, 4)
    (made,) = MOTION.restore(run, state, places.Place(tmp_path / "none.pt"))([one.without_labels()], ASKED)
    assert made.values.shape == (97, 2 * 16)
    assert MOTION.width(RECIPE, run.sizes) == 2 * 16
    assert np.isfinite(made.values).all()


def test_interrupted_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        learned(tmp_path / "one", Interrupted)
    assert places.same(learned(tmp_path / "one"), learned(tmp_path / "other"))


@pytest.mark.slow
def test_frames_are_labelled_and_the_encoder_stays_as_it_was(store: Path, tmp_path: Path) -> None:
    path = toy.run(tmp_path / "out", get_baseline("lookagain_keypoints"), toy.task(), epochs=1)
    assert path.is_file()
    work = tmp_path / "out" / ".work" / "toy"
    (state,) = work.glob("*.safetensors")
    arrays, _ = states.load(state)
    (encoder,) = store.rglob("*.safetensors")
    before, _ = states.load(encoder)
    assert before.arrays
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(arrays.arrays[f"toy/all/motion.{name}"], array)
