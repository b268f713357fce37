"""LookAgain with pictures: what its gate opens for, what is encoded, and what it learns from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import places
import pytest
import toy

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")
av = pytest.importorskip("av", reason="av is in the extra `video`")
pytest.importorskip("cv2", reason="opencv is in the extra `video`")

from baselines.contract import Data, Derived, Sizes  # noqa: E402
from baselines.extractors.lookagain import SEEING, learn, network, prediction_loss  # noqa: E402
from baselines.models.lookagain_video import ALONE, LOOKAGAIN, SMALLER, build, choose, looking  # noqa: E402
from baselines.parts.looking import Gate, Looks, highest, spread  # noqa: E402
from baselines.recipes.lookagain import Motion  # noqa: E402
from bench.errors import DataError  # noqa: E402

MOTION = Motion(epochs=2, batch=3, size=24, tokens=12, codes=9, width=16, depth=1, social_depth=1)
RECIPE = replace(looking(MOTION, SMALLER.recipe), epochs=1, start="")
PICTURES = 5
ASKED = places.question()
SIZES = Sizes(places.SKELETON, (3,), (("small_images", 2 * PICTURES),))
TRAIN = [places.recording(id_, frames, seed) for id_, frames, seed in (("a", 83, 1), ("b", 67, 2))]
OTHER = places.recording("c", 61, 3)


def rows(recording: object) -> np.ndarray:
    rng = np.random.default_rng(sum(recording.id.encode()))
    return rng.normal(size=(recording.frames, 2, PICTURES)).astype(np.float32)


@dataclass
class Eyes:
    """An encoder of pictures that counts what it is asked for."""

    calls: list[int] = field(default_factory=list)

    def __call__(self, recordings, question):
        """Give all features."""
        for one in recordings:
            yield made(one)

    def some(self, recording, chosen):
        """Count what is asked for."""
        self.calls.append(int(chosen.sum()))
        return rows(recording) * chosen[..., None]


def made(recording: object) -> Derived:
    return Derived(rows(recording).reshape(recording.frames, -1), 0.0, 1 / recording.fps, "eyes")


@dataclass
class Place(places.Place):
    """A place with an encoder of pictures."""

    eyes: Eyes = field(default_factory=Eyes)

    def extractor(self, name: str) -> Eyes:
        """Return the encoder."""
        return self.eyes


def place(path: Path) -> Place:
    return Place(path, made)


def test_a_share_of_the_frames_inside_is_opened_by_the_highest_scores_or_evenly() -> None:
    scores = torch.tensor([[0.3, 0.9, 0.1, 0.8, 0.7, 0.2, 1.0, 1.0]])[..., None].expand(-1, -1, 3)
    inside = torch.tensor([[True] * 6 + [False] * 2])
    opened = highest(scores, inside, 0.5)
    assert opened.shape == (1, 8, 3)
    assert opened[0, :, 1].tolist() == [False, True, False, True, True, False, False, False]
    assert spread(scores, inside, 0.5)[0, :, 0].nonzero().flatten().diff().tolist() == [2, 2]
    for share, count in ((0.0, 0), (0.34, 2), (1.0, 6)):
        assert int(highest(scores, inside, share)[0, :, 2].sum()) == count
        assert int(spread(scores, inside, share)[0, :, 2].sum()) == count


def sample(frames: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(2, frames, 2 * 3 * 3 + 2 * PICTURES, generator=generator)
    inside = torch.ones(2, frames, dtype=torch.bool)
    inside[1, 17:] = False
    return x, inside


@pytest.mark.parametrize("without", ["", "confidence", "saliency", "context"])
def test_a_term_that_is_left_out_of_the_gate_changes_nothing(without: str) -> None:
    torch.manual_seed(1)
    model = build(RECIPE, SIZES).eval()
    gate = Gate(replace(RECIPE, without=without)).eval()
    x, inside = sample()
    with torch.no_grad():
        read = model.motion(x, inside)
        confidence = torch.rand(2, 24, 2)
        base = gate(read, confidence)
        others = {
            "confidence": gate(read, confidence + 0.5),
            "saliency": gate(replace(read, before=read.before * 3), confidence),
            "context": gate(replace(read, embedding=read.embedding + 0.5), confidence),
        }
    assert base.shape == (2, 24, 2)
    assert ((base > 0) & (base < 1)).all()
    for term, other in others.items():
        assert torch.equal(base, other) == (term == without), term


def test_in_training_noise_opens_the_gate_and_gradients_reach_it() -> None:
    torch.manual_seed(2)
    looks = Looks(replace(RECIPE, opened=0.25), PICTURES)
    scores = torch.full((2, 24, 2), 0.5, requires_grad=True)
    inside = sample()[1]
    pictures = torch.randn(2, 24, 2, PICTURES)
    one, other = (looks.train().choose(scores, inside) for _ in range(2))
    assert not torch.equal(one, other)
    assert one.sum(dim=1).tolist() == [[6, 6], [4, 4]]
    looks(scores, pictures, inside).sum().backward()
    assert int((scores.grad != 0).sum()) == 20  # the opened ones alone
    assert looks.gate.score[0].weight.grad is None
    assert not looks.eval()(scores, torch.zeros_like(pictures), inside).any()


def test_without_pictures_only_keypoints_count_and_frames_outside_change_nothing() -> None:
    torch.manual_seed(4)
    model = build(RECIPE, SIZES).eval()
    x, inside = sample()
    blind = x.clone()
    blind[..., 18:] = 0
    moved = x.clone()
    moved[1, 17:] += 1
    with torch.no_grad():
        (seen,), (unseen,), (outside,) = model(x, inside), model(blind, inside), model(moved, inside)
        plain = model.heads[0](model.read(x, inside)[0].embedding.flatten(2))
    assert seen.shape == (2, 24, 3)
    np.testing.assert_allclose(unseen, plain, atol=1e-6)
    assert float((seen - unseen).abs().max()) > 1e-4
    np.testing.assert_allclose(seen[1, :17], outside[1, :17], atol=1e-5)


@pytest.mark.parametrize(
    ("gate", "opened"), [("learned", 0.25), ("uniform", 0.5), ("random", 0.25), ("learned", 0.0)]
)
def test_what_is_encoded_to_predict_is_the_share_that_is_declared(
    tmp_path: Path, gate: str, opened: float
) -> None:
    recipe = replace(RECIPE, gate=gate, opened=opened)
    run = replace(places.run(ALONE, ASKED, recipe=recipe), sizes=SIZES)
    state = ALONE.learn(run, Data({"toy/all": TRAIN}, {}), place(tmp_path / "state.pt"))
    here = place(tmp_path / "none.pt")
    predictor = ALONE.restore(run, state, here)
    (one,), (again,) = (list(predictor([OTHER.without_labels()], ASKED)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert one.shape == (61, 3)
    np.testing.assert_allclose(one.sum(axis=1), 1, rtol=1e-5)
    share = 2 * sum(round(opened * frames) for frames in (24, 24, 13))
    assert here.eyes.calls == ([share, share] if share else [])


def test_the_gate_reads_keypoints_alone() -> None:
    torch.manual_seed(4)
    run = replace(places.run(LOOKAGAIN, ASKED, recipe=replace(RECIPE, opened=0.25)), sizes=SIZES)
    model = build(run.recipe, SIZES).eval()
    poses = np.random.default_rng(1).random((61, 18)).astype(np.float32)
    chosen = choose(run, model, poses)
    assert chosen.shape == (61, 2)
    assert [int(chosen[start : start + 24].sum()) for start in (0, 24, 48)] == [12, 12, 6]


def test_the_predicted_features_are_those_of_later_pictures() -> None:
    recipe = replace(MOTION, horizons=(2, 5), horizon_weights=(1.0, 0.5))
    torch.manual_seed(6)
    model = network(recipe, SIZES).eval()
    x, inside = sample()
    pictures = x[..., 18:].reshape(2, 24, 2, PICTURES).clone()
    pictures[0, 9, 1] = 0  # no picture there
    with torch.no_grad():
        read = model(x, inside)
        loss = float(prediction_loss(read, pictures, inside, recipe))
    expected = 0.0
    for told, horizon, weight in zip(read.pictures, (2, 5), (1.0, 0.5), strict=True):
        apart = []
        for b in range(2):
            for t in range(24 - horizon):
                for a in range(2):
                    later = pictures[b, t + horizon, a].numpy()
                    if inside[b, t + horizon] and later.any():
                        one = told[b, t, a].numpy()
                        apart.append(1 - one @ later / np.linalg.norm(one) / np.linalg.norm(later))
        expected += weight * np.mean(apart)
    assert loss == pytest.approx(expected, rel=1e-4)


def test_a_codebook_that_collapses_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = [replace(one, keypoints=np.full_like(one.keypoints, 50)) for one in TRAIN]
    recipe = replace(MOTION, epochs=1, codes=140)
    run = replace(places.run(SEEING, places.question("features"), recipe=recipe), sizes=SIZES)
    state = learn(run, Data({"toy/all": still}, {}), place(tmp_path / "state.pt"))
    used = state.facts["codes used"]
    assert used[0] < 7
    assert f"{used[0]} of 140" in capsys.readouterr().err


@pytest.mark.slow
def test_it_trains_on_videos_of_the_store_and_a_missing_one_is_named(store: Path, tmp_path: Path) -> None:
    baseline = replace(ALONE, recipe=replace(ALONE.recipe, opened=0.25))
    with pytest.raises(DataError) as caught:
        toy.run(tmp_path / "out", baseline, toy.task(), epochs=1)
    assert len(caught.value.problems) == 3
    assert "videos" in str(caught.value.hint)
    folder = store / "videos" / "toy"
    folder.mkdir(parents=True)
    for id_, frames in toy.FRAMES.items():
        with av.open(str(folder / f"{id_}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 40, 30, "yuv420p"
            for number in range(frames):
                picture = np.full((30, 40, 3), number % 200, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    assert toy.run(tmp_path / "out", baseline, toy.task(), epochs=1).is_file()
