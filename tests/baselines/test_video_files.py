"""The videos of recordings: where they lie, that runs depend on their content, and which are missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy

from baselines.runs import videos
from baselines.runs.recordings import Recordings
from bench.errors import DataError


def asked(*ids: str) -> Recordings:
    return Recordings(toy.DATASET, ids, poses=True)


def test_a_video_goes_by_the_id_and_its_content_is_what_a_run_depends_on(bench_home: Path) -> None:
    folder = videos.folder_of("toy")
    assert folder == bench_home / "videos" / "toy"
    folder.mkdir(parents=True)
    (folder / "a.mp4").write_bytes(b"one")
    (folder / "b.avi").write_bytes(b"two")
    assert videos.video_of("toy", toy.recording("b")) == folder / "b.avi"
    videos.require([asked("a"), asked("b")])
    before = videos.digest([asked("a", "b")])
    assert videos.digest([asked("a", "b")]) == before
    (folder / "c.mp4").write_bytes(b"no recording that is asked for")
    assert videos.digest([asked("a", "b")]) == before
    (folder / "a.mp4").write_bytes(b"another")
    assert videos.digest([asked("a", "b")]) != before


def test_all_recordings_without_a_video_are_listed(bench_home: Path) -> None:
    folder = videos.folder_of("toy")
    folder.mkdir(parents=True)
    (folder / "b.mp4").write_bytes(b"two")
    for look in (videos.require, videos.digest):
        with pytest.raises(DataError) as caught:
            look([asked("a", "b", "c")])
        assert [problem.partition(":")[0] for problem in caught.value.problems] == ["a", "c"]
        assert str(folder) in str(caught.value.hint)
    with pytest.raises(DataError):
        videos.video_of("toy", toy.recording("c"))
