"""Annotations of whole recordings, carried over to clips by `bench clips`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.datasets.clip_annotations import cut_annotations, read_annotations
from bench.datasets.clips import Cut
from bench.errors import DataError


def database() -> dict[str, Any]:
    rows = [
        {"segment": [2.0, 4.0], "label": "staring", "label_id": 1},
        {"segment": [8.0, 12.0], "label": "rearing"},
        {"segment": [12.0, 16.5], "label": "staring"},
    ]
    return {
        "cage1": {"duration": 21.0, "subset": "training", "annotations": rows},
        "cage2": {"duration": 9.9, "annotations": []},
    }


def test_clips_have_what_their_time_shows_and_short_episodes_are_marked() -> None:
    clips = cut_annotations(database(), Cut())
    assert list(clips) == ["cage1-000", "cage1-001", "cage1-002"]
    assert {(clip["duration"], clip["subset"]) for clip in clips.values()} == {(10.0, "training")}
    first, second, third = (clip["annotations"] for clip in clips.values())
    assert first[0] == {
        **database()["cage1"]["annotations"][0],
        "episode": 2.0,
        "short_episode": True,
    }
    assert first[1]["segment"] == [8, 10]
    assert (first[1]["episode"], first[1]["short_episode"]) == (8.5, False)
    assert [row["segment"] for row in second] == [[3, 7], [7, 10]]
    assert [row["segment"] for row in third] == [[0, 2], [2, 6.5]]


def test_the_command_writes_the_same_layout(tmp_path: Path) -> None:
    path, out = tmp_path / "in.json", tmp_path / "out.json"
    path.write_text(json.dumps({"database": database()}))
    options = ["--out", str(out), "--seconds", "4", "--every", "3"]
    done = CliRunner().invoke(cli, ["clips", str(path), *options], catch_exceptions=False)
    assert done.exit_code == 0
    clips = json.loads(out.read_text())["database"]
    assert [name for name in clips if name.startswith("cage1")] == [
        f"cage1-00{number}" for number in range(6)
    ]
    assert clips["cage1-005"]["annotations"][0]["segment"] == [0, 1.5]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda one: one["annotations"][1].update(segment=[8, 22]), "annotations[1].segment"),
        (lambda one: one["annotations"][1].update(segment=[8, 8]), "annotations[1].segment"),
        (lambda one: one["annotations"][2].pop("label"), "annotations[2].label"),
        (lambda one: one.pop("duration"), "duration"),
        (lambda one: one.update(frames=3), "frames"),
    ],
)
def test_faults_are_told_with_their_place(change: Any, place: str, tmp_path: Path) -> None:
    content = database()
    change(content["cage1"])
    (tmp_path / "in.json").write_text(json.dumps({"database": content}))
    with pytest.raises(DataError) as caught:
        read_annotations(tmp_path / "in.json")
    assert [fault.partition(": ")[0] for fault in caught.value.problems] == [f"database.cage1.{place}"]
    assert caught.value.hint


def test_files_that_are_no_annotations_are_refused(tmp_path: Path) -> None:
    for text in ("[]", "{", '{"database": {}}', '{"database": {"../x": {"duration": 3, "annotations": []}}}'):
        (tmp_path / "in.json").write_text(text)
        with pytest.raises(DataError):
            read_annotations(tmp_path / "in.json")
