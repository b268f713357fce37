"""From a video to features: what is decoded, where the animal is, and rows that a killed run goes on with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")
av = pytest.importorskip("av", reason="av is in the extra `video`")
cv2 = pytest.importorskip("cv2", reason="opencv is in the extra `video`")

from baselines.extractors import videos  # noqa: E402
from baselines.extractors.i3d import I3D, WIDTH, i3d, same  # noqa: E402
from baselines.extractors.videos import Settings, extract  # noqa: E402
from baselines.inputs.boxes import SECONDS, background, boxes, by_background, crops, read_mask, squares  # noqa: E402
from baselines.inputs.video import Video, frames, probe  # noqa: E402
from bench.errors import DataError  # noqa: E402

DATA = Path(os.environ.get("ETHOBENCH_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
REAL = sorted((DATA / "video").glob("*.mp4"))
WIDE, HIGH, FPS, COUNT = 160, 120, 20, 90
SMALL = Settings(chunk=8, stride=4, size=32, margin=6.0)


def path_of_animal(count: int = COUNT) -> Float[np.ndarray, "T 2"]:
    """Return where the middle of the animal is: it walks around the cage once."""
    turn = np.linspace(0, 2 * np.pi, count)
    return np.stack([80 + 45 * np.cos(turn), 60 + 30 * np.sin(turn)], axis=1)


def draw(path: Path, count: int = COUNT, mirror: bool = False, animal: bool = True) -> Path:
    """Draw a dark ellipse on a bright floor with bedding; a mirror at the right edge repeats it."""
    rng = np.random.default_rng(3)
    floor = rng.integers(180, 200, (HIGH, WIDE, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDE, HIGH, "yuv420p", 4_000_000
        for x, y in path_of_animal(count):
            picture = floor.copy()
            if animal:
                cv2.ellipse(picture, (round(x), round(y)), (9, 6), 0, 0, 360, (40, 40, 40), -1)
            if mirror:
                cv2.ellipse(picture, (150, round(y)), (9, 22), 0, 0, 360, (20, 20, 20), -1)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return probe(draw(tmp_path_factory.mktemp("video") / "mouse.mp4"))


def overlap(one: Float[np.ndarray, "T 4"], other: Float[np.ndarray, "T 4"]) -> Float[np.ndarray, " T"]:
    """Return intersection over union."""
    low, high = np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=1)
    area = [np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (one, other)]
    return both / (area[0] + area[1] - both)


def truth() -> Float[np.ndarray, "T 4"]:
    middle = path_of_animal()
    return np.concatenate([middle - np.array([9, 6]), middle + np.array([10, 7])], axis=1)


def test_a_video_says_what_it_holds(drawn: Video) -> None:
    assert (drawn.frames, drawn.width, drawn.height) == (COUNT, WIDE, HIGH)
    assert drawn.fps == pytest.approx(FPS)
    every = list(frames(drawn))
    assert len(every) == COUNT
    assert every[0].shape == (HIGH, WIDE, 3)
    later = next(frames(drawn, 40))
    np.testing.assert_array_equal(later, every[40])


def test_the_animal_is_found_and_cut_out(drawn: Video) -> None:
    found = boxes(drawn, by_background(background(drawn)))
    assert np.mean(overlap(found, truth()) >= 0.6) >= 0.95
    square = squares(found, drawn.fps, margin=6.0)
    side = square[:, 2:] - square[:, :2]
    np.testing.assert_allclose(side[:, 0], side[:, 1])
    middle = (square[:, :2] + square[:, 2:]) / 2
    inner = slice(20, -20)  # four deviations: nearer to an end frames are missing on one side
    lag = 45 * (1 - np.exp(-((SECONDS * FPS * 2 * np.pi / COUNT) ** 2) / 2))  # a Gaussian shrinks a circle so
    assert np.abs(middle - path_of_animal())[inner].max() < lag + 1
    assert np.abs(np.diff(middle, axis=0)).max() < 5
    cut = next(crops(drawn, square, 32, start=10))
    assert cut.shape == (32, 32, 3)
    assert cut[14:18, 14:18].mean() < 90 < 150 < cut[:3].mean(), "the animal is in the middle"


def test_a_mask_takes_out_a_mirror(tmp_path: Path) -> None:
    video = probe(draw(tmp_path / "mirror.mp4", mirror=True))
    empty = background(video)
    seen = boxes(video, by_background(empty))
    assert np.mean(overlap(seen, truth()) >= 0.6) < 0.5, "the larger mirror image takes the box"
    picture = np.zeros((HIGH, WIDE), np.uint8)
    picture[:, 138:] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), picture)
    hidden = read_mask(tmp_path / "mask.png", video)
    assert np.mean(overlap(boxes(video, by_background(empty, hidden)), truth()) >= 0.6) >= 0.95
    cv2.imwrite(str(tmp_path / "small.png"), picture[:50])
    with pytest.raises(DataError, match="160 x 50 pixels, expected 160 x 120"):
        read_mask(tmp_path / "small.png", video)


def test_where_no_animal_is_seen_boxes_move_evenly() -> None:
    found = np.array([[10.0, 10, 20, 20], [np.nan] * 4, [np.nan] * 4, [40, 10, 50, 20]])
    square = squares(found, fps=0.001, margin=0.0)
    np.testing.assert_allclose(square[:, 0], [10, 20, 30, 40], atol=1e-6)


def varying(path: Path) -> None:
    draw(path)
    with av.open(str(path)) as source, av.open(str(path.with_name("x.mp4")), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for place, packet in enumerate(source.demux(video=0)):
            if packet.dts is not None:
                late = round(Fraction(3, FPS) / packet.time_base) if place > 50 else 0
                packet.stream, packet.pts, packet.dts = stream, packet.pts + late, packet.dts + late
                container.mux(packet)
    path.with_name("x.mp4").replace(path)


def truncated(path: Path) -> None:
    content = draw(path).read_bytes()
    path.write_bytes(content[: len(content) // 3])


def of_text(path: Path) -> None:
    path.write_text("no video", encoding="utf-8")


def empty(path: Path) -> None:
    draw(path, animal=False)


def absent(_path: Path) -> None:
    """Write nothing."""


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (varying, "the rate of its frames varies"),
        (truncated, "cannot be read as a video"),
        (of_text, "cannot be read as a video"),
        (empty, "no animal in view"),
        (absent, "no such file"),
    ],
)
def test_videos_that_cannot_be_used_are_refused(
    make: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    make(tmp_path / "video.mp4")
    with pytest.raises(DataError, match=said):
        extract(tmp_path / "video.mp4", tmp_path / "out", SMALL)
    assert not (tmp_path / "out").exists()


def test_features_of_another_video_stay(drawn: Video, tmp_path: Path) -> None:
    target = tmp_path / f"{drawn.path.stem}.npy"
    target.write_bytes(b"of another video")
    for earlier in ('{"video": {"name": "mouse.mp4", "sha256": "0"}}', "[]", "{"):
        target.with_suffix(".json").write_text(earlier, encoding="utf-8")
        with pytest.raises(DataError) as caught:
            extract(drawn.path, tmp_path, SMALL)
        assert str(target) in str(caught.value)
        assert target.read_bytes() == b"of another video"


def test_the_clips_of_ratseizure_have_72_rows() -> None:
    assert [Settings().rows(frames) for frames in (300, 16, 15, 297, 296)] == [72, 1, 0, 71, 71]


def test_padding_is_that_of_tensorflow() -> None:
    x = torch.ones(1, 1, 5, 6, 7)
    assert same(x, (3, 3, 3), (2, 2, 2)).shape[2:] == (7, 7, 9)
    padded = same(x, (2, 2, 2), (2, 2, 2))
    assert padded.shape[2:] == (6, 6, 8)
    assert padded[0, 0, -1].sum() == 0, "the odd one stands behind"
    assert padded[0, 0, 0, 0, 0] == 1


def test_names_and_shapes_are_those_of_the_public_weights(tmp_path: Path) -> None:
    with torch.device("meta"):
        network = I3D()
    weights = network.state_dict()
    assert weights["Mixed_4f.b1b.conv3d.weight"].shape == (320, 160, 3, 3, 3)
    assert weights["Conv3d_1a_7x7.bn.running_var"].shape == (64,)
    assert sum(len(weights[f"Mixed_5c.{way}.conv3d.weight"]) for way in ("b0", "b1b", "b2b", "b3b")) == WIDTH
    torch.save({"Mixed_3b.b0.conv3d.weight": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(DataError, match="weights of another network"):
        i3d(tmp_path / "other.pt")
    (tmp_path / "no.pt").write_bytes(b"x")
    with pytest.raises(DataError, match="holds no weights"):
        i3d(tmp_path / "no.pt")


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_same_bytes(
    drawn: Video, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = extract(drawn.path, tmp_path / "whole", SMALL)
    values = np.load(whole, allow_pickle=False)
    assert values.shape == (SMALL.rows(COUNT), WIDTH)
    assert np.isfinite(values).all()
    told = json.loads(whole.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["start"] == pytest.approx(4 / FPS)
    assert told["step"] == pytest.approx(4 / FPS)
    assert "trained on nothing" in told["weights"]
    compute, calls = videos.rows_of, []

    def killed(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return compute(*arguments)

    monkeypatch.setattr(videos, "rows_of", killed)
    with pytest.raises(KeyboardInterrupt):
        extract(drawn.path, tmp_path / "killed", SMALL)
    (rows,) = (tmp_path / "killed").iterdir()
    with rows.open("ab") as file:
        file.write(b"half a row")
    monkeypatch.setattr(videos, "rows_of", compute)
    again = extract(drawn.path, tmp_path / "killed", SMALL)
    assert again.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in again.parent.iterdir()) == ["mouse.json", "mouse.npy"]


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason=f"no video in {DATA}: set ETHOBENCH_DATA")
def test_a_real_mouse_is_in_its_box() -> None:
    video = probe(REAL[0])
    found = boxes(video, by_background(background(video)))
    assert np.isnan(found).any(axis=1).mean() < 0.05
    square = squares(found, video.fps)
    side = square[:, 2] - square[:, 0]
    assert 100 < side.min() < side.max() < 400
