"""Videos of simulated recordings: the same pixels each time, the feeder, true boxes, the mirror."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("av", reason="av is in the extra `video`")
pytest.importorskip("cv2", reason="opencv is in the extra `video`")

from baselines.inputs.boxes import read_mask
from baselines.inputs.rendering import FUR, draw, render, steady, view
from baselines.inputs.video import frames, probe
from bench import store
from bench.cli import cli
from bench.datasets import demo_feeder, get_dataset
from bench.datasets.feeding import places, simulate
from bench.errors import BenchError, DataError
from bench.recordings import Recording

DATASET = get_dataset("demo-feeder-4x40")
FRAMES, WIDTH = 40, 160


@pytest.fixture(scope="module")
def mouse() -> Recording:
    poses = simulate(demo_feeder.SEED, 2, FRAMES).keypoints.astype(np.float32)
    labels = np.zeros((FRAMES, 3), dtype=bool)
    return Recording("mouse00002_simulated", "m", 30.0, DATASET.classes, labels, ~labels[:, 0], poses)


def pixels(path: Path) -> np.ndarray:
    return np.stack(list(frames(probe(path)))).astype(int)


def test_the_same_recording_has_the_same_pixels(mouse: Recording, tmp_path: Path) -> None:
    scene = demo_feeder.scene(mouse.id)
    for name in ("one", "again"):
        render(mouse, DATASET.skeleton, scene, tmp_path / f"{name}.mp4", width=WIDTH)
    one, again = (pixels(tmp_path / f"{name}.mp4") for name in ("one", "again"))
    np.testing.assert_array_equal(one, again)
    assert one.shape == (FRAMES, 90, WIDTH, 3)
    render(mouse, DATASET.skeleton, replace(scene, seed=5), tmp_path / "other.mp4", width=WIDTH)
    assert not np.array_equal(one, pixels(tmp_path / "other.mp4"))


def test_the_feeder_is_orange_where_the_scene_has_it_alone(mouse: Recording, tmp_path: Path) -> None:
    feeder, elsewhere = places(demo_feeder.SEED, 2) * WIDTH / DATASET.image[0]
    render(mouse, DATASET.skeleton, demo_feeder.scene(mouse.id), tmp_path / "fed.mp4", width=WIDTH)
    x, y = np.rint(feeder).astype(int)
    picture = pixels(tmp_path / "fed.mp4")[0]
    orange = picture[..., 0] - picture[..., 2] > 110
    assert orange[y, x]
    rows, columns = np.nonzero(orange)
    assert np.hypot(rows - y, columns - x).max() < 6
    x, y = np.rint(elsewhere).astype(int)
    assert not orange[y, x]


def test_boxes_hold_the_animal_that_is_drawn(mouse: Recording, tmp_path: Path) -> None:
    truth = render(mouse, DATASET.skeleton, demo_feeder.scene(mouse.id), tmp_path / "m.mp4", width=WIDTH)
    assert truth.shape == (FRAMES, 2, 4)
    seen = view(DATASET.image, WIDTH)
    points = steady(mouse.keypoints) * seen.scale
    low, high = points.min(axis=2), points.max(axis=2)
    assert (truth[..., :2] <= low + 0.51).all()
    assert (truth[..., 2:] >= high - 0.51).all()
    assert (truth[..., 2:] - truth[..., :2] < high - low + 8).all()
    left, top, right, bottom = truth[7, 0].astype(int)
    dark = np.abs(pixels(tmp_path / "m.mp4")[7, top:bottom, left:right] - FUR[0]).max(axis=-1) < 30
    assert 0.2 < dark.mean() < 0.9


def test_the_mirror_shows_the_animal_upside_down_below_the_floor(mouse: Recording) -> None:
    seen = view(DATASET.image, WIDTH, mirror=True)
    assert (seen.floor, seen.height) == (90, 120)
    assert seen.glass.sum() == 30 * WIDTH
    picture, masks = next(draw(steady(mouse.keypoints), DATASET.skeleton, demo_feeder.scene(mouse.id), seen))
    assert not masks[:, seen.floor :].any()
    rows, columns = np.nonzero(masks[0])
    reflected = picture[seen.floor :].sum(axis=-1)
    dark = np.unravel_index(reflected.argmin(), reflected.shape)
    assert columns.min() <= dark[1] <= columns.max()
    assert dark[0] == pytest.approx((seen.floor - rows.mean()) / 3, abs=4)


def test_what_is_never_detected_cannot_be_drawn(mouse: Recording) -> None:
    lost = mouse.keypoints.copy()
    lost[3:9, 0, 1] = np.nan
    assert np.isfinite(steady(lost)).all()
    lost[:, 1, 4] = np.nan
    with pytest.raises(DataError, match="cannot be drawn"):
        steady(lost)


@pytest.mark.slow
def test_the_command_draws_what_the_store_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    DATASET.simulate(tmp_path / "official")
    store.pull(DATASET, tmp_path / "official")
    options = ["--out", str(tmp_path / "out"), "--width", "96", "--mirror"]
    done = CliRunner().invoke(
        cli, ["render", DATASET.name, *options, "--recording", "mouse00003_simulated"], catch_exceptions=False
    )
    assert done.exit_code == 0
    video = probe(tmp_path / "out" / "mouse00003_simulated.mp4")
    assert (video.frames, video.fps, video.width, video.height) == (40, 30, 96, 72)
    assert read_mask(tmp_path / "out" / "mirror.png", video).sum() == 18 * 96
    boxes = json.loads((tmp_path / "out" / "mouse00003_simulated.boxes.json").read_text())
    assert {name: np.shape(rows) for name, rows in boxes.items()} == {
        "resident": (40, 4),
        "intruder": (40, 4),
    }
    with pytest.raises(BenchError, match="not simulated"):
        CliRunner().invoke(cli, ["render", "rat-dyads", *options], catch_exceptions=False)
