"""From a long video to the features of its clips: which frames they are of, masks, and what a kill leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")
av = pytest.importorskip("av", reason="av is in the extra `video`")
cv2 = pytest.importorskip("cv2", reason="opencv is in the extra `video`")

from baselines.extractors.clip_videos import clip_pictures, extract_clips  # noqa: E402
from baselines.extractors.i3d import WIDTH  # noqa: E402
from baselines.extractors.videos import Look, Settings, extract  # noqa: E402
from baselines.inputs.rendering import render, write_glass  # noqa: E402
from baselines.inputs.video import Video, probe  # noqa: E402
from bench.datasets import demo_segments  # noqa: E402
from bench.datasets.clips import Cut  # noqa: E402
from bench.datasets.overlapping import CLASSES, simulate  # noqa: E402
from bench.errors import DataError  # noqa: E402
from bench.recordings import Recording  # noqa: E402

FRAMES = 96
SMALL = Settings(chunk=8, stride=4, size=32, margin=6.0)
CUT = Cut(seconds=1.2, every=0.5)  # 36 frames, one every 15
CODE = """
import sys
from pathlib import Path
from baselines.extractors.clip_videos import extract_clips
from baselines.extractors.videos import Settings
from bench.datasets.clips import Cut
extract_clips(Path(sys.argv[1]), Path(sys.argv[2]), Settings(8, 4, 32, 6.0), Cut(1.2, 0.5))
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw a session of 96 frames, with its mirror; `mirror.png` hides that."""
    folder = tmp_path_factory.mktemp("session")
    made = simulate(3, 1, FRAMES, 30.0)
    everywhere = np.ones(FRAMES, dtype=bool)
    poses = made.keypoints.astype(np.float32)
    session = Recording("session00001", "s", 30.0, CLASSES, made.labels, everywhere, poses)
    skeleton = demo_segments.DATASET.skeleton
    path = folder / "session00001.mp4"
    render(session, skeleton, demo_segments.scene(session.id), path, width=128, mirror=True)
    write_glass(folder / "mirror.png", skeleton, 128)
    return path


def numbered(count: int) -> Look:
    """Return a look at pictures that show their own number."""

    class Numbers(Look):
        def crops(self, size: int, start: int = 0) -> Iterator[np.ndarray]:
            return (np.full((size, size, 3), number, dtype=np.uint8) for number in range(start, count))

    return Numbers(Video(Path("none.mp4"), count, 30.0, 2, 2), np.zeros((count, 4)), None)


def test_each_clip_has_its_own_pictures() -> None:
    starts = dict(enumerate(CUT.starts(FRAMES, 30.0)))
    assert starts == {0: 0, 1: 15, 2: 30, 3: 45, 4: 60}
    for chosen in ((0, 1, 2, 3, 4), (2, 4), (1,)):
        wanted = {number: starts[number] for number in chosen}
        made = {number: clip[:, 0, 0, 0] for number, clip in clip_pictures(numbered(FRAMES), wanted, 36, 2)}
        assert list(made) == list(wanted)
        for number, pictures in made.items():
            np.testing.assert_array_equal(pictures, np.arange(starts[number], starts[number] + 36))
    apart = {number: clip[0, 0, 0, 0] for number, clip in clip_pictures(numbered(90), {0: 3, 1: 50}, 10, 2)}
    assert apart == {0: 3, 1: 50}


@pytest.mark.slow
def test_a_clip_has_the_rows_that_its_frames_have_in_the_whole_video(drawn: Path, tmp_path: Path) -> None:
    made = extract_clips(drawn, tmp_path / "clips", SMALL, CUT)
    assert [path.name for path in made] == [f"session00001-00{number}.npy" for number in range(5)]
    rows = np.stack([np.load(path, allow_pickle=False) for path in made])
    assert rows.shape == (5, 8, WIDTH)
    whole = np.load(extract(drawn, tmp_path / "whole", SMALL), allow_pickle=False)
    np.testing.assert_allclose(rows[4], whole[15:23], rtol=1e-4, atol=1e-5)  # frame 60 is row 15
    told = json.loads((tmp_path / "clips" / "session00001.clips.json").read_text())
    assert (told["rows"], told["clips"]["session00001-003"]) == (8, 1.5)
    assert "trained on nothing" in told["weights"]
    before = [path.stat().st_mtime_ns for path in made]
    assert [
        path.stat().st_mtime_ns for path in extract_clips(drawn, tmp_path / "clips", SMALL, CUT)
    ] == before
    with pytest.raises(DataError) as caught:
        extract_clips(drawn, tmp_path / "clips", replace(SMALL, size=48), CUT)
    assert [fault.partition(":")[0] for fault in caught.value.problems] == ["settings"]


@pytest.mark.slow
def test_a_run_killed_by_the_system_goes_on_with_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CODE, str(drawn), str(tmp_path)]
    running = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2])
    while not (tmp_path / "session00001-001.npy").exists():
        assert running.poll() is None
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    left = sorted(path.name for path in tmp_path.glob("*.npy"))
    assert 2 <= len(left) <= 5
    made = extract_clips(drawn, tmp_path, SMALL, CUT)
    whole = extract_clips(drawn, tmp_path / "whole", SMALL, CUT)
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in whole]


@pytest.mark.slow
def test_what_the_mask_hides_is_in_no_feature(drawn: Path, tmp_path: Path) -> None:
    """Near the mirror the box reaches into it: what moves there must not matter."""
    mask = drawn.parent / "mirror.png"
    everything = replace(SMALL, whole=True)
    blurred = tmp_path / drawn.name
    with av.open(str(drawn)) as source, av.open(str(blurred), "w") as container:
        stream = container.add_stream("ffv1", rate=30, options={})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "bgr0"
        for frame in source.decode(video=0):
            picture = frame.to_ndarray(format="rgb24")
            picture[72:] = np.random.default_rng(frame.pts).integers(0, 255, picture[72:].shape)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    cut = Cut(seconds=1.2, every=1.2)
    one, other = (
        np.load(extract_clips(path, tmp_path / name, everything, cut, mask=mask)[0], allow_pickle=False)
        for path, name in ((drawn, "one"), (blurred, "other"))
    )
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    seen = np.load(extract_clips(blurred, tmp_path / "seen", everything, cut)[0], allow_pickle=False)
    assert np.abs(seen - one).max() > 1e-2


def test_what_is_too_short_is_refused(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="shorter than a clip"):
        extract_clips(drawn, tmp_path / "out", SMALL, Cut(seconds=3.3))
    with pytest.raises(DataError, match="too short"):
        extract(drawn, tmp_path / "out", replace(SMALL, chunk=FRAMES + 1))
    assert not (tmp_path / "out").exists()
    assert probe(drawn).frames == FRAMES
