"""CalMS21's unlabelled set: poses alone, four files, and the simulated one in its layout."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import bench
from bench import hub, store
from bench.cli import cli
from bench.datasets import calms21_unlabelled, demo_unlabelled
from bench.datasets.calms21_unlabelled import FILES, GROUP
from bench.datasets.simulation import simulate
from bench.errors import DataError, UsageError
from bench.files.json_stream import entries
from bench.recordings import Recording


def sequence(frames: int, **changes: Any) -> dict[str, Any]:
    """Return an official sequence; keypoint values say where they belong."""
    t, a, xy, k = np.indices((frames, 2, 2, 7))
    scores = np.linspace(0, 1, frames * 14).reshape(frames, 2, 7)
    return {"keypoints": (100 * t + 50 * a + 10 * xy + k).tolist(), "scores": scores.tolist()} | changes


def save(folder: Path, *parts: dict[str, Any], group: str = GROUP) -> Path:
    """Write the four files; those that are not given hold one sequence each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(FILES):
        content = parts[number] if number < len(parts) else {f"{GROUP}/mouse9{number}": sequence(4)}
        (folder / name).write_text(json.dumps({group: content}), encoding="utf-8")
    return folder


def faults(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(calms21_unlabelled.read(folder))
    return "\n".join(caught.value.problems)


def test_a_sequence_is_named_by_its_place_and_has_no_labels(tmp_path: Path) -> None:
    found = list(calms21_unlabelled.read(save(tmp_path, {f"{GROUP}/Video 7": sequence(5), "b": sequence(3)})))
    assert [(r.id, r.group, r.frames) for r in found] == [
        ("part1-001", "Video 7", 5),
        ("part1-002", "b", 3),
        *((f"part{n}-001", f"mouse9{n - 1}", 4) for n in (2, 3, 4)),
    ]
    one = found[0]
    assert one.keypoints is not None
    assert one.confidence is not None
    assert one.keypoints.shape == (5, 2, 7, 2)
    assert one.keypoints[3, 1, 6].tolist() == [356, 366]
    assert one.confidence[4, 1, 6] == 1
    assert (one.classes, one.labels.shape, one.annotated.any()) == ((), (5, 0), False)


def test_recordings_that_are_stored_are_passed_over(tmp_path: Path) -> None:
    folder = save(tmp_path, {"a": sequence(5), "b": {"broken": 1}, "c": sequence(6)})
    found: list[Recording] = []
    with pytest.raises(DataError, match=r"b: without keypoints, scores"):
        found.extend(calms21_unlabelled.read(folder, {"part1-001", "part2-001"}))
    assert [r.id for r in found] == ["part1-003", "part3-001", "part4-001"]


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ({"scores": []}, "scores of shape (0,), expected (frames, 2, 7)"),
        ({"scores": np.zeros((6, 2, 7)).tolist()}, "5 frames of keypoints, 6 of scores"),
        ({"keypoints": np.zeros((5, 2, 7, 2)).tolist()}, "keypoints of shape (5, 2, 7, 2)"),
        ({"keypoints": "none"}, "ragged or not numbers"),
        ({"metadata": {"simulated": True}}, "simulated: not a recording of CalMS21"),
    ],
)
def test_a_broken_sequence_is_refused_by_name(tmp_path: Path, broken: dict[str, Any], expected: str) -> None:
    said = faults(save(tmp_path, {"mouse1": sequence(5) | broken}))
    assert said.startswith(f"{FILES[0]}: mouse1: ")
    assert expected in said


def test_a_file_that_is_missing_or_of_another_layout_is_named(tmp_path: Path) -> None:
    assert f"group 'approach', expected '{GROUP}'" in faults(save(tmp_path, group="approach"))
    (tmp_path / FILES[2]).unlink()
    with pytest.raises(DataError, match=r"unlabeled_videos\.zip") as fault:
        list(calms21_unlabelled.read(tmp_path))
    assert fault.value.problems == (f"{FILES[2]} is missing",)


def test_the_simulated_set_holds_the_mice_of_the_demo(bench_home: Path, tmp_path: Path) -> None:
    """Through the store, the front of the package and a copy for a hub: poses to the last digit."""
    run = CliRunner().invoke
    official = str(tmp_path / "official")
    made = run(cli, ["simulate", official, "--unlabelled", "--recordings", "7", "--frames", "31"])
    assert made.output.endswith(f"next: bench pull demo-unlabelled --from {official}\n")
    wrote = run(cli, ["pull", "demo-unlabelled", "--from", official]).output
    assert wrote.startswith("wrote 7 recordings, 217 frames, 7 with poses")
    assert run(cli, ["pull", "demo-unlabelled", "--from", official]).output.startswith("already there: 7")
    data = bench.load_dataset("demo-unlabelled")
    assert data.ids() == ["part1-001", *(f"part{n}-{m:03d}" for n in (2, 3, 4) for m in (1, 2))]
    for number, recording in enumerate(data.recordings(), start=1):
        mice = simulate(342, number, 31)
        np.testing.assert_array_equal(recording.keypoints, mice.keypoints.round(2).astype(np.float32))
        assert recording.group == f"mouse{number:05d}_simulated"
        assert recording.labels.shape == (31, 0)
    assert [r.id for r in data.recordings(["part4-002", "part1-001"])] == ["part4-002", "part1-001"]
    assert data.hub_dataset().num_rows == 7
    listed = hub.repository(demo_unlabelled.DATASET, [], tmp_path / "copy")
    copied = [r.id for r in store.read_parquet(tmp_path / "copy" / listed.shards[0], None, poses=True)]
    assert copied == data.ids()


def test_no_task_asks_the_unlabelled_set_anything() -> None:
    with pytest.raises(UsageError, match="'calms21-unlabelled' is a data set, no task"):
        bench.load_task("calms21-unlabelled")


def test_too_few_recordings_for_four_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 recordings, expected 4 or more"):
        demo_unlabelled.write(tmp_path, recordings=3)


def test_one_sequence_is_held_at_a_time(tmp_path: Path) -> None:
    """Twelve sequences to a file need the memory of three; read whole, a file would need four times that."""

    def peak(recordings: int) -> int:
        demo_unlabelled.write(tmp_path / str(recordings), recordings=recordings, frames=80)
        tracemalloc.start()
        frames = sum(r.frames for r in calms21_unlabelled.read(tmp_path / str(recordings), simulated=True))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert frames == recordings * 80
        return used

    assert peak(48) < 1.3 * peak(12)


# ---------------------------------------------------------------------- JSON, one value at a time
def test_values_are_found_without_being_parsed(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        ' { "g" : {"a\\"}": {"x": [1, {"y": "}\\\\"}]}, "b":[1, "]", [2]] ,"é": 3.5e2, "d": "}" },\n"h":{}} ',
        encoding="utf-8",
    )
    assert [(group, key, json.loads(value)) for group, key, value in entries(path)] == [
        ("g", 'a"}', {"x": [1, {"y": "}\\"}]}),
        ("g", "b", [1, "]", [2]]),
        ("g", "é", 350.0),
        ("g", "d", "}"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "an empty file"),
        (b'{"g": {"a": {"x": "}', "the value at byte 12 does not end"),
        (b'{"g": {"a": {"x": [1, 2', "the value at byte 12 does not end"),
        (b'{"g": {"a": }}', "expected a value at byte 12"),
        (b'{"g": {"a" 1}}', "expected ':' at byte 11"),
        (b'{"g": {a: 1}}', "expected a name in quotes at byte 7"),
        (b'{"g": {"\\q": 1}}', "no name at byte 7"),
        (b'{"g": {"a": 1} 5}', "expected ',' at byte 15"),
    ],
)
def test_another_layout_is_refused_with_its_place(tmp_path: Path, text: bytes, expected: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text)
    with pytest.raises(match=expected):
        list(entries(path))
