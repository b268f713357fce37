"""Pictures of animals: where they are cut, what is encoded of them, and faults of their videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import places
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")
av = pytest.importorskip("av", reason="av is in the extra `video`")
pytest.importorskip("cv2", reason="opencv is in the extra `video`")

from baselines.contract import Data, Epoch, PictureExtractor  # noqa: E402
from baselines.engine.contrast import contrastive_loss  # noqa: E402
from baselines.extractors.images import SMALL, Pictures  # noqa: E402
from baselines.inputs.pictures import pictures, squares_of  # noqa: E402
from baselines.recipes.images import Small  # noqa: E402
from bench.errors import DataError  # noqa: E402

RECIPE = Small(epochs=2, batch=16, pictures=60, size=16, width=7, projected=5)
ASKED = places.question("features")
WIDTH, HEIGHT = places.SKELETON.image


def film(path: Path, frames: int) -> Path:
    """Write a video of half the size in which keypoints are: frame t is red t, a white spot at 50, 40."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=20)
        stream.width, stream.height, stream.pix_fmt = WIDTH // 2, HEIGHT // 2, "rgb24"
        stream.options = {"crf": "0", "preset": "ultrafast", "threads": "1"}
        for number in range(frames):
            picture = np.zeros((HEIGHT // 2, WIDTH // 2, 3), np.uint8)
            picture[..., 0] = 2 * number
            picture[38:43, 48:53] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, frames in (("a", 43), ("b", 31)):
        film(tmp_path / f"{name}.mp4", frames)
    return tmp_path


RECORDINGS = [places.recording(id_, frames, seed) for id_, frames, seed in (("a", 43, 1), ("b", 31, 2))]


def test_a_square_is_around_the_middle_of_an_animal_and_moves_evenly_where_it_is_lost() -> None:
    keypoints = np.full((5, 2, 3, 2), np.nan)
    keypoints[0, 0] = [[10, 20], [30, 20], [20, 26]]
    keypoints[4, 0] = [[50, 40], [70, 40], [60, 46]]
    squares = squares_of(keypoints, 2.0)
    np.testing.assert_allclose(squares[:, 0, 2], 40)  # twice the extent of 20
    np.testing.assert_allclose(squares[:, 0, 0], np.array([20, 30, 40, 50, 60]) - 20)
    np.testing.assert_allclose(squares[:, 0, 1], np.array([22, 27, 32, 37, 42]) - 20)
    assert np.isnan(squares[:, 1]).all()


def test_pictures_are_cut_at_the_scale_of_the_video(folder: Path) -> None:
    one = replace(RECORDINGS[0], keypoints=np.full((43, 2, 3, 2), np.nan, np.float32))
    one.keypoints[:, 0] = [[90, 80], [110, 80], [100, 80]]  # the spot, in pixels of keypoints
    chosen = np.zeros((43, 2), dtype=bool)
    chosen[[3, 17], 0] = chosen[17, 1] = True
    made = list(pictures(folder / "a.mp4", one, places.SKELETON.image, chosen, 8, 1.0))
    assert [picture.shape for picture in made] == [(8, 8, 3)] * 3
    assert (made[0][3:5, 3:5] > 200).all()
    assert (made[0][0, 0], made[1][0, 0]) == (
        pytest.approx([6, 0, 0], abs=1),
        pytest.approx([34, 0, 0], abs=1),
    )
    assert not made[2].any()  # never detected


def learned(folder: Path, place: type[places.Place] = places.Place, name: str = "state.pt") -> object:
    run = places.run(SMALL, ASKED, recipe=RECIPE)
    return SMALL.learn(run, Data({"toy/all": RECORDINGS}, {}), place(folder / name))


@dataclass
class Interrupted(places.Place):
    """A place that is left after the first epoch."""

    def report(self, history: Sequence[Epoch]) -> None:
        """Leave it."""
        if len(history) == 1:
            raise KeyboardInterrupt


def test_interrupted_it_ends_with_the_same_weights_and_encodes_what_is_chosen(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        learned(folder, Interrupted)
    state = learned(folder)
    assert places.same(state, learned(folder, name="other.pt"))
    run = places.run(SMALL, ASKED, recipe=RECIPE)
    extractor = SMALL.restore(run, state, places.Place(folder / "none.pt"))
    assert isinstance(extractor, PictureExtractor)
    (made,) = extractor([RECORDINGS[1].without_labels()], ASKED)
    assert made.values.shape == (31, 2 * 7)
    assert SMALL.width(RECIPE, run.sizes) == 2 * 7
    chosen = np.zeros((31, 2), dtype=bool)
    chosen[[2, 9], [1, 0]] = True
    some = extractor.some(RECORDINGS[1], chosen)
    np.testing.assert_allclose(some[chosen], made.values.reshape(31, 2, 7)[chosen], atol=1e-5)
    assert not some[~chosen].any()


def test_each_chosen_picture_is_one_call(folder: Path) -> None:
    calls: list[int] = []

    def encode(batch: torch.Tensor) -> torch.Tensor:
        calls.append(len(batch))
        return torch.ones(len(batch), 3)

    looks = Pictures(encode, places.Place(folder / "none.pt"), places.SKELETON.image, 12, 2.0, 3, together=4)
    chosen = np.zeros((43, 2), dtype=bool)
    chosen[5:14, 1] = True
    assert not looks.some(RECORDINGS[0], np.zeros_like(chosen)).any()
    assert calls == []
    assert looks.some(RECORDINGS[0], chosen).sum() == 9 * 3
    assert calls == [4, 4, 1]


@pytest.mark.parametrize("fault", ["missing", "shorter", "unreadable"])
def test_a_video_that_is_not_as_it_should_be_is_named(folder: Path, fault: str) -> None:
    path = folder / "b.mp4"
    if fault == "missing":
        path.unlink()
    elif fault == "shorter":
        film(path, 29)
    else:
        content = bytearray(path.read_bytes())
        start = content.index(b"mdat") + 4 + 900
        content[start : start + 3000] = bytes(3000)
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        learned(folder)
    told = " ".join([caught.value.title, *caught.value.problems])
    assert "b" in told
    assert caught.value.hint
    if fault == "shorter":
        assert "29" in told
        assert "31" in told


def test_the_contrastive_loss_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(4)
    one, other = rng.normal(size=(2, 5, 3))
    views = np.concatenate([one, other])
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    losses = []
    for i in range(10):
        alike = [np.exp(views[i] @ views[j] / 0.5) for j in range(10)]
        losses.append(-np.log(alike[(i + 5) % 10] / (sum(alike) - alike[i])))
    given = contrastive_loss(torch.from_numpy(one), torch.from_numpy(other), 0.5)
    assert float(given) == pytest.approx(np.mean(losses), rel=1e-6)
