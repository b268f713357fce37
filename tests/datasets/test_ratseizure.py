"""RatSeizure: a file of the official counts, a small one, the list of augmented clips, and their faults."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from ratseizure_file import OVERLAPPING, TEST, clip, database, row, write

from bench import cli as command
from bench import evaluation, store
from bench.datasets import get_task, ratseizure
from bench.datasets.ratseizure import AUGMENTATION, DATASET, FILE, LABELS, LIST
from bench.datasets.splitting.rules import frozen_text
from bench.errors import DataError
from bench.metrics.segments import clean
from bench.recordings import Recording
from bench.resources import resource
from bench.verification import Printed, verify

SMALL = {
    "Rat4_b": clip("testing", row(13, 0, 10), row(9, 2.5, 6), row(9, 2.5, 6), row(0, 7, 9)),
    "Rat4_a": clip("training", row(2, 1, 4)),
    "Rat2_c": clip("testing"),
    "Rat9_a": clip("training", row(0, 0, 10), row(6, 3, 5)),
    "Rat1_z": clip("testing", row(8, 0, 3), row(1, 3, 8), row(4, 8, 10)),
}


def faults(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(ratseizure.read(folder))
    assert caught.value.hint
    return "\n".join(caught.value.problems)


def listed(folder: Path, **subsets: str) -> Path:
    lines = ["clip,subset", *(f"{name},{subset}" for name, subset in subsets.items())]
    (folder / LIST).write_text("\n".join(lines) + "\n")
    return folder


def test_a_small_file_is_read_clip_by_clip(tmp_path: Path) -> None:
    found = list(ratseizure.read(write(tmp_path, SMALL)))
    assert [(r.id, r.group) for r in found] == [
        ("test-001", "Rat4_b"),
        ("train-001", "Rat4_a"),
        ("test-002", "Rat2_c"),
        ("train-002", "Rat9_a"),
        ("test-003", "Rat1_z"),
    ]
    assert {(r.fps, r.frames, r.annotated.all(), r.keypoints) for r in found} == {(30.0, 300, True, None)}
    segments = found[0].segments
    assert segments is not None
    assert segments.bounds.tolist() == [[0, 10], [2.5, 6], [2.5, 6], [7, 9]]
    assert [LABELS[i] for i in segments.labels] == ["tonic extension", "rearing", "rearing", "others"]
    rearing = found[0].labels[:, LABELS.index("rearing")]
    assert np.flatnonzero(rearing).tolist() == list(range(75, 180))
    assert len(clean(get_task("ratseizure").segments(found[0])).labels) == 3  # the row that stands twice


def test_a_file_of_the_official_counts_has_them(tmp_path: Path) -> None:
    task, split = get_task("ratseizure"), get_task("ratseizure").load_split()
    found = {r.id: r for r in ratseizure.read(write(tmp_path, database()))}
    assert list(found) != sorted(found), "the subsets are mixed in the file"
    numbers = {s: [found[id_] for id_ in split.ids("all", s)] for s in ("train", "test")}
    assert {s: len(of) for s, of in numbers.items()} == {"train": 513, "test": 281}
    segments = {s: [task.segments(r) for r in of] for s, of in numbers.items()}
    assert {s: sum(len(one.labels) for one in of) for s, of in segments.items()} == {
        "train": 836,
        "test": 451,
    }
    labels = Counter(int(label) for one in segments["test"] for label in one.labels)
    assert tuple(labels[i] for i in range(len(LABELS))) == TEST
    assert sum(len(clean(one).labels) for one in segments["test"]) == 449, "two rows stand twice"
    every = [*segments["train"], *segments["test"]]
    assert sum(_overlaps(one.bounds) for one in every) == sum(OVERLAPPING.values()) == 27
    whole = sum(not r.labels[:, : len(LABELS)].any(axis=1).all() for r in found.values())
    assert whole == 2, "clips with frames that no label covers"


def _overlaps(bounds: np.ndarray) -> bool:
    ordered = bounds[np.argsort(bounds[:, 0])]
    return bool((ordered[1:, 0] < ordered[:-1, 1]).any())


def test_the_split_is_what_its_rule_gives_without_any_file() -> None:
    path = resource("splits", "splits") / "ratseizure.json"
    assert frozen_text(ratseizure.RULE, []) == path.read_text(encoding="utf-8")


def test_the_list_marks_whole_clips_and_changes_no_segment(tmp_path: Path) -> None:
    plain = list(ratseizure.read(write(tmp_path, SMALL)))
    names = dict.fromkeys(SMALL, "non-augmented") | {"Rat1_z": "augmented"}
    marked = list(ratseizure.read(listed(tmp_path, **names)))
    for name in AUGMENTATION:
        held = {r.group: r.labels[:, r.classes.index(name)] for r in marked}
        assert {group for group, of in held.items() if of.all()} == {g for g in SMALL if names[g] == name}
        assert not any(r.labels[:, r.classes.index(name)].any() for r in plain)
    for before, after in zip(plain, marked, strict=True):
        assert before.segments is not None
        assert after.segments is not None
        np.testing.assert_array_equal(before.segments.bounds, after.segments.bounds)


def _toy(name: str) -> Any:
    """Return a task on the three test clips of the small file."""
    task = get_task(name)
    split = task.load_split()
    kept = {"test": {g: ids for g, ids in split.parts["all"]["test"].items() if g <= "test-003"}}
    return replace(task, split=replace(split, parts={"all": kept}, totals={}))


def _by_id(recordings: list[Recording]) -> dict[str, Recording]:
    return {recording.id: recording for recording in recordings}


def test_the_clips_of_a_subset_count_alone(tmp_path: Path) -> None:
    names = dict.fromkeys(SMALL, "non-augmented") | {"Rat1_z": "augmented"}
    found = _by_id(list(ratseizure.read(listed(write(tmp_path, SMALL), **names))))
    for name, expected in (
        ("ratseizure", ["test-001", "test-002", "test-003"]),
        ("ratseizure-non-augmented", ["test-001", "test-002"]),
        ("ratseizure-augmented", ["test-003"]),
    ):
        task = _toy(name)
        spans = evaluation.cut(task, task.split, found)["all"].test
        assert [span.recording for span in spans] == expected


def test_without_a_list_the_subsets_have_no_clip_and_it_says_why(tmp_path: Path) -> None:
    found = _by_id(list(ratseizure.read(write(tmp_path, SMALL))))
    task = _toy("ratseizure-augmented")
    with pytest.raises(DataError, match=f"counts(.|\n)*{LIST} calls augmented"):
        evaluation.cut(task, task.split, found)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("clip;subset\n", "subsets.csv: header 'clip;subset', expected 'clip,subset'"),
        ("clip,subset\nRat4_a,augmented\n", "without 4 of 5 clips, the first 'Rat4_b'"),
        ("clip,subset\nRat4_a,augmented\nRat4_a,augmented\n", "line 3: clip 'Rat4_a' a second time"),
        ("clip,subset\nRat5_a,augmented\n", "line 2: no clip 'Rat5_a' in ratseizure.json"),
        ("clip,subset\nRat4_a,yes\n", "line 2: 'Rat4_a,yes', expected a clip and non-augmented or augmented"),
        ("", "no csv in UTF-8 with a header"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(tmp_path: Path, lines: str, expected: str) -> None:
    (write(tmp_path, SMALL) / LIST).write_text(lines)
    assert expected in faults(tmp_path)


def changed(**changes: Any) -> dict[str, Any]:
    return {**SMALL, "Rat2_c": {**clip("testing", row(8, 0, 3)), **changes}}


@pytest.mark.parametrize(
    ("clips", "expected"),
    [
        (changed(subset="validation"), "subset 'validation', expected one of training, testing"),
        (changed(duration=12), "duration 12, expected 10 seconds"),
        (changed(duration=True), "duration true, expected 10 seconds"),
        (changed(fps=25), "fps 25, expected 30"),
        (changed(annotations={}), "annotations {}, expected a list"),
        (changed(annotations=[[0, 1]]), "annotation 0: [0, 1], expected an object of segment, label"),
        (changed(annotations=[row(3, 4, 4)]), "segment [4, 4], expected 0 <= start < end <= 10 seconds"),
        (changed(annotations=[row(3, -1, 4)]), "segment [-1, 4]"),
        (changed(annotations=[row(3, 5, 10.5)]), "segment [5, 10.5]"),
        (changed(annotations=[{**row(3, 5, 9), "segment": ["5", 9]}]), "segment ['5', 9], expected [start"),
        (changed(annotations=[{**row(3, 5, 9), "label_id": 14}]), "label_id 14, expected 0 to 13"),
        (changed(annotations=[{**row(3, 5, 9), "label": "staring"}]), "label 'staring' with label_id 3"),
        ({**SMALL, "Rat2_c": 7}, "Rat2_c: 7, expected an object of subset, duration and annotations"),
        ({**SMALL, "Rat2_c": {"subset": "testing"}}, "Rat2_c: without duration, annotations"),
        ({}, "expected an object 'database' of clips"),
    ],
)
def test_a_broken_annotation_is_refused(tmp_path: Path, clips: dict[str, Any], expected: str) -> None:
    assert expected in faults(write(tmp_path, clips))


def test_every_broken_clip_is_named(tmp_path: Path) -> None:
    found = faults(write(tmp_path, {**changed(duration=3), "Rat4_a": clip("train", row(1, 9, 2))}))
    assert found.count("\n") == 2
    assert "Rat2_c: duration 3" in found
    assert "Rat4_a: subset 'train'" in found
    assert "Rat4_a: annotation 0: segment [9, 2]" in found


def test_a_file_that_is_not_the_official_one_is_refused_by_name(bench_home: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", database())
    with pytest.raises(DataError) as caught:
        store.pull(ratseizure.DATASET, folder, ratseizure.TASKS)
    assert FILE in caught.value.problems[0]
    assert f"sha256:{ratseizure.SHA256}" in caught.value.problems[0]
    assert not (bench_home / "ratseizure").exists()


def test_a_changed_file_is_scored_with_a_mark_and_the_papers_numbers_are_counted_anew(
    bench_home: Path, tmp_path: Path
) -> None:
    folder = write(tmp_path / "in", database())
    run = CliRunner().invoke(command.cli, ["pull", "ratseizure", "--from", str(folder), "--accept-changed"])
    assert run.exit_code == 0, run.output
    run = CliRunner().invoke(command.cli, ["tasks"])
    assert "absent: none of 794 is augmented" in run.output
    run = CliRunner().invoke(command.cli, ["verify", "ratseizure", "--json"])
    checks = json.loads(run.output)
    assert [check["what"] for check in checks if check["ok"] is False] == ["as declared: ratseizure.json"]
    told = {check["what"]: check for check in checks if check["printed"]}
    assert told["test: segments of tonic extension"]["found"] == "23"
    assert told["all: recordings of non-augmented"]["found"] == "none is marked"
    assert {c["where"] for what, c in told.items() if "non-augmented" not in what} == {"stored", "printed"}


def test_clips_that_a_list_calls_augmented_are_counted(bench_home: Path, tmp_path: Path) -> None:
    names = dict.fromkeys(SMALL, "non-augmented") | {"Rat1_z": "augmented"}
    folder = listed(write(tmp_path / "in", SMALL), **names)
    tasks = [replace(task, split=_toy(task.name).split) for task in ratseizure.TASKS]
    store.pull(ratseizure.DATASET, folder, tasks, accept_changed=True)
    printed = [
        Printed("P", "T", "ratseizure", "", "test", "", name, "recordings", "2") for name in AUGMENTATION
    ]
    assert [check.ok for check in verify(tasks[:1], printed) if check.printed] == [True, False]
    assert "absent" not in CliRunner().invoke(command.cli, ["tasks"]).output


def test_nothing_of_the_file_is_in_the_split(tmp_path: Path) -> None:
    text = (resource("splits", "splits") / "ratseizure.json").read_text(encoding="utf-8")
    assert json.loads(text)["truth"] == {}
    assert "Rat" not in text.replace("RatSeizure", "")


def _entry(folder: Path, results: dict[str, list[dict[str, Any]]]) -> Any:
    """Start an entry, answer with these detections and evaluate it."""
    made = CliRunner().invoke(command.cli, ["new", str(folder), "--task", "ratseizure"])
    assert made.exit_code == 0, made.output
    (folder / "ratseizure" / "seed0.json").write_text(json.dumps({"results": results}))
    where = ["--results", str(folder.parent / "results")]
    return CliRunner().invoke(command.cli, ["evaluate", str(folder), *where])


def test_detections_may_call_clips_by_their_own_names(bench_home: Path, tmp_path: Path) -> None:
    """Whoever has a model of RatSeizure has its answers under the names in the official file."""
    clips = database()
    folder = write(tmp_path / "in", clips)
    store.pull(ratseizure.DATASET, folder, ratseizure.TASKS, accept_changed=True)
    tested = [name for name, of in clips.items() if of["subset"] == "testing"]
    named = {
        name: [{**one, "score": 0.5 + 0.4 * (i % 2)} for i, one in enumerate(clips[name]["annotations"])]
        for name in tested
    }
    by_place = {f"test-{place:03d}": named[name] for place, name in enumerate(tested, start=1)}
    for name, results in (("named", named), ("placed", by_place)):
        done = _entry(tmp_path / name, results)
        assert done.exit_code == 0, done.exception
    digests = {
        json.loads(path.read_text())["predictions_digest"] for path in (tmp_path / "results").glob("*.json")
    }
    assert len(digests) == 1
    both = _entry(tmp_path / "both", {**named, "test-002": []})
    assert "all/'test-002' is 'test-002', which stands there under both" in str(both.exception)
    page = (tmp_path / "named" / "README.md").read_text()
    assert "The recordings have no poses" in page
    assert "recording.keypoints" not in page


def test_the_file_is_found_wherever_it_lies_in_a_clone(bench_home: Path, tmp_path: Path) -> None:
    clone = tmp_path / "RatSeizure"
    write(clone / "data" / "ratseizure", {"Rat1_a": clip("testing", row(3, 1, 2))})
    (clone / ".git" / "old").mkdir(parents=True)
    (clone / ".git" / "old" / FILE).write_text("{")
    dataset = replace(DATASET, digests={})
    held, new = store.pull(dataset, clone)
    assert (new, list(held.recordings), list(held.files)) == (True, ["test-001"], [FILE])
    assert store.pull(dataset, clone / "data" / "ratseizure") == (held, False)


def test_of_several_files_the_official_one_is_taken_or_the_folders_are_named(
    bench_home: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    for place, clip_ in (("a", "Rat1_a"), ("b/c", "Rat1_b")):
        write(clone / place, {clip_: clip("testing", row(3, 1, 2))})
    digest = hashlib.sha256((clone / "b" / "c" / FILE).read_bytes()).hexdigest()
    held, _ = store.pull(replace(DATASET, digests={FILE: f"sha256:{digest}"}), clone)
    assert held.files == {FILE: digest}
    with pytest.raises(DataError) as caught:
        store.pull(replace(DATASET, digests={}), clone)
    assert [str(clone / place) in str(caught.value) for place in ("a", "b/c")] == [True, True]
    assert caught.value.hint == f"bench pull ratseizure --from {clone / 'a'}"
