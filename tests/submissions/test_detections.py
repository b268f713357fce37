"""Submissions of detections: what is written reads back, what is broken or hostile is named and refused."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import SubmissionError
from bench.kinds import SEGMENTS
from bench.recordings import Detections
from bench.submissions import (
    TaskCard,
    entry_card,
    predictions_digest,
    read_entry,
    scaffold,
    write_card,
    write_detections,
)
from bench.submissions.forms.detections import MOST
from bench.tasks import WHOLE_RECORDINGS, Part, Task

from .conftest import CLASSES, make_entry, make_task, read

SECONDS: dict[str, dict[str, float]] = {
    "all": {"mouse001": 41.0, "mouse002": 67.5, "mouse003": 90.0},
    "rater-2": {"mouse001": 41.0, "na": 23.0},
}
TASK = replace(make_task(expected=SECONDS), kind="segments", background=None, protocol=WHOLE_RECORDINGS)
SINGLE = replace(
    TASK,
    parts=(Part("all", "all"),),
    split=replace(TASK.load_split(), parts={"all": TASK.load_split().parts["all"]}),
)
LENGTHS = {"all": SECONDS["all"]}
CARD = TaskCard(CLASSES, None, "a toy", "none", causal=False, detections="raw")
Content = dict[str, Any]
Damage = Callable[[Content], object]


def detections(seed: int, end: float) -> Detections:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 9))
    start = rng.uniform(0, end - 1, count)
    return Detections(
        np.column_stack([start, start + rng.uniform(0.1, 1, count)]),
        rng.integers(0, len(CLASSES), count),
        rng.uniform(0, 1, count),
    )


def found(seed: int = 0, lengths: dict[str, dict[str, float]] = LENGTHS) -> dict[str, dict[str, Detections]]:
    return {
        part: {id_: detections(seed + i, end) for i, (id_, end) in enumerate(of.items())}
        for part, of in lengths.items()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a submission without a fault: one run of the task of one part."""
    path = tmp_path / "mine"
    write_card(path, make_entry(path, tasks={"demo": CARD}))
    write_detections(path, SINGLE, "seed0", found())
    return path


def content(folder: Path) -> Content:
    loaded: Content = json.loads((folder / "demo" / "seed0.json").read_text())
    return loaded


def save(folder: Path, text: str | bytes) -> None:
    data = text.encode() if isinstance(text, str) else text
    (folder / "demo" / "seed0.json").write_bytes(data)


def fault_of(folder: Path, task: Task = SINGLE, lengths: Any = LENGTHS) -> str:
    with pytest.raises(SubmissionError) as caught:
        read(folder, task, lengths)
    assert caught.value.exit_code == 3
    assert "next: " in str(caught.value)
    return str(caught.value)


# --- Writing and reading -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "lengths"), [(SINGLE, LENGTHS), (TASK, SECONDS)], ids=["one part", "two"])
def test_what_is_written_reads_back(tmp_path: Path, task: Task, lengths: Any) -> None:
    path = tmp_path / "mine"
    write_card(path, make_entry(path, tasks={"demo": CARD}))
    put = {f"seed{seed}": found(10 * seed, lengths) for seed in (0, 1)}
    for run, of in put.items():
        write_detections(path, task, run, of)
    _, got = read(path, task, lengths)
    assert predictions_digest(SEGMENTS, got) == predictions_digest(SEGMENTS, put)
    for run, parts in put.items():
        for part, recordings in parts.items():
            for id_, one in recordings.items():
                np.testing.assert_array_equal(got[run][part][id_].bounds, one.bounds)
                np.testing.assert_array_equal(got[run][part][id_].labels, one.labels)
                np.testing.assert_array_equal(got[run][part][id_].scores, one.scores)


def test_the_same_detections_are_the_same_bytes(folder: Path) -> None:
    before = (folder / "demo" / "seed0.json").read_bytes()
    turned = {part: dict(reversed(of.items())) for part, of in found().items()}
    assert write_detections(folder, SINGLE, "seed0", turned).read_bytes() == before


def test_the_digest_knows_names_and_values_but_no_order_of_rows() -> None:
    base = {
        "seed0": {
            "all": {
                "m": Detections(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([0, 1]), np.array([0.5, 0.5]))
            }
        }
    }
    one = base["seed0"]["all"]["m"]
    turned = {"seed0": {"all": {"m": one.take(np.array([1, 0]))}}}
    assert predictions_digest(SEGMENTS, base) == predictions_digest(SEGMENTS, turned)
    nought = Detections(np.array([[-0.0, 1.0], [0.0, 1.0]]), np.array([0, 0]), np.array([0.5, 0.5]))
    both = [{"seed0": {"all": {"m": nought.take(np.array(rows))}}} for rows in ([0, 1], [1, 0])]
    assert predictions_digest(SEGMENTS, both[0]) == predictions_digest(SEGMENTS, both[1])
    others = [
        Detections(one.bounds + 1, one.labels, one.scores),
        Detections(one.bounds, one.labels[::-1].copy(), one.scores),
        Detections(one.bounds, one.labels, np.array([0.5, 0.25])),
        one.take(np.array([0])),
    ]
    digests = {predictions_digest(SEGMENTS, {"seed0": {"all": {"m": other}}}) for other in others}
    digests.add(predictions_digest(SEGMENTS, {"seed1": base["seed0"]}))
    assert len(digests) == 5
    assert predictions_digest(SEGMENTS, base) not in digests


def test_integers_other_keys_and_an_empty_list_are_fine(folder: Path) -> None:
    rows = [{"segment": [1, 2], "label": "mount", "score": 1, "video": "x"}]
    results = {"mouse001": rows, "mouse002": [], "mouse003": []}
    save(folder, json.dumps({"version": "1.3", "results": results}, indent=4))
    _, got = read(folder, SINGLE, LENGTHS)
    assert got["seed0"]["all"]["mouse001"].bounds.tolist() == [[1.0, 2.0]]
    assert len(got["seed0"]["all"]["mouse002"].labels) == 0


def test_a_segment_may_reach_one_frame_beyond_the_recording(folder: Path) -> None:
    made = content(folder)
    made["results"]["mouse001"] = [{"segment": [-1 / 30, 41 + 1 / 30], "label": "mount", "score": 0.5}]
    save(folder, json.dumps(made))
    read(folder, SINGLE, LENGTHS)


def test_writing_refuses_what_reading_would(tmp_path: Path) -> None:
    many = MOST + 1
    start = np.arange(many, dtype=np.float64)
    flood = Detections(np.column_stack([start, start + 1]), np.zeros(many, int), np.ones(many))
    odd = Detections(np.array([[0.0, 1.0]]), np.array([len(CLASSES)]), np.array([0.5]))
    with pytest.raises(SubmissionError) as caught:
        write_detections(tmp_path, SINGLE, "Seed 0", {"al": {"mouse001": flood, "mouse002": odd, "M 3": odd}})
    text = str(caught.value)
    for piece in (
        "run 'Seed 0'",
        "parts 'al'; expected all",
        "al/mouse001: 2,001 detections, expected at most 2,000",
        "al/mouse002: label 4, expected 0 to 3",
        "recording 'M 3'",
    ):
        assert piece in text
    assert not (tmp_path / "demo").exists()


# --- The card ----------------------------------------------------------------------------------------------


def test_the_card_says_raw_or_final(folder: Path) -> None:
    entry, _ = read(folder, SINGLE, LENGTHS)
    assert entry.tasks["demo"] == CARD
    card = entry_card(entry, "demo")
    assert (card["detections"], card["output"]) == ("raw", None)
    assert "output" not in (folder / "submission.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('detections = "raw"\n', "", "tasks.demo: key 'detections' is missing; expected \"raw\" or"),
        ('"raw"', '"nms"', 'detections: \'nms\', expected "raw" or "final"'),
        ('"raw"', "7", "detections: 7, expected"),
        ('"raw"', '"raw"\noutput = "scores"', "key 'output' is for tasks that ask for frames"),
        ('"raw"', '"raw"\ndetection = "raw"', "detection: unknown key; did you mean 'detections'?"),
    ],
)
def test_faults_of_the_form(folder: Path, old: str, new: str, said: str) -> None:
    text = (folder / "submission.toml").read_text()
    assert old in text
    (folder / "submission.toml").write_text(text.replace(old, new))
    message = fault_of(folder)
    assert said in message
    assert message.count("\n  - ") == 1, "one fault is one line"


def test_a_frame_task_has_no_form_of_detections(folder: Path) -> None:
    frames = make_task(expected={"all": {"mouse001": 41}})
    message = fault_of(folder, frames, {"all": {"mouse001": 41}})
    assert "tasks.demo: key 'output' is missing" in message
    assert "tasks.demo: key 'detections' is for tasks that ask for segments" in message
    assert "'seed0.json' is not a run: expected .npz, .parquet, .csv" in message


def test_a_scaffold_of_a_localisation_task_validates_once_detections_are_there(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    scaffold(path, TASK)
    page = (path / "README.md").read_text()
    assert (
        '{"parts": {"all": {"mouse001": [{"segment": [1.5, 4.0], "label": "attack", "score": 0.9}]}}}' in page
    )
    assert str(tmp_path) not in page
    assert read_entry(path).tasks["demo"].detections == "raw"
    write_detections(path, TASK, "seed0", found(0, SECONDS))
    read(path, TASK, SECONDS)


# --- Broken ------------------------------------------------------------------------------------------------


def row(**changes: Any) -> Content:
    made = {"segment": [1.0, 2.0], "label": "mount", "score": 0.5, **changes}
    return {key: value for key, value in made.items() if value is not None}


def rows(*given: Any) -> Damage:
    """Put rows in place of those of one recording."""
    return lambda made: made["results"].update(mouse002=list(given))


CASES: dict[str, tuple[Damage, list[str]]] = {
    "no results": (lambda c: c.pop("results"), ['expected {"results": {recording: [...]}}, found {}']),
    "results in a list": (lambda c: c.update(results=[]), ["found 'results'"]),
    "parts of one": (lambda c: c.update(parts={"all": c.pop("results")}), ["found 'parts'"]),
    "missing": (
        lambda c: c["results"].pop("mouse002"),
        ["all/mouse002 is missing; where nothing was found write an empty list"],
    ),
    "unknown recording": (
        lambda c: c["results"].update(mouse04=[]),
        ["all/'mouse04' is not a test recording"],
    ),
    "misspelt recording": (
        lambda c: c["results"].update({"mouse-002": c["results"].pop("mouse002")}),
        ["all/mouse002 is missing", "'mouse-002' is not a test recording; did you mean 'mouse002'?"],
    ),
    "no list": (lambda c: c["results"].update(mouse002={}), ["all/mouse002: {}, expected a list of"]),
    "null": (lambda c: c["results"].update(mouse002=None), ["all/mouse002: null, expected a list of"]),
    "row of numbers": (rows([1, 2]), ["all/mouse002: row 0: [1, 2], expected an object of segment, label"]),
    "no score": (rows(row(), row(score=None)), ["all/mouse002: row 1: no score"]),
    "scores": (rows(row(score=None, scores=0.5)), ["row 0: no score; it is called 'score'"]),
    "score of text": (rows(row(score="0.5")), ["row 0: score is '0.5', expected a finite number"]),
    "score of truth": (rows(row(score=True)), ["row 0: score is true, expected a finite number"]),
    "infinite score": (
        rows(row(score=10**400)),
        ["row 0: score is a whole number of 1,329 bits, expected"],
    ),
    "score below zero": (rows(row(), row(score=-0.25)), ["row 1: a score below 0, which Soft-NMS", "-0.25"]),
    "unknown label": (
        rows(row(label="mounting"), row(label="mounting")),
        ["label 'mounting' of 2 detections is no class; did you mean 'mount'?"],
    ),
    "strange label": (
        rows(row(label="zzz")),
        ["label 'zzz' of 1 detections is no class; expected one of attack, investigation, mount, other"],
    ),
    "label of a number": (rows(row(label=2)), ["row 0: label is 2, expected text"]),
    "empty label": (rows(row(label="")), ["row 0: label is '', expected text"]),
    "half a character": (rows(row(label="\ud800")), [r"results.mouse002[0].label: '\ud800', expected"]),
    "end before start": (rows(row(segment=[2.0, 1.0])), ["row 0: segment [2.0, 1.0]: its end is not after"]),
    "no length": (rows(row(segment=[2.0, 2.0])), ["row 0: segment [2.0, 2.0]: its end is not after"]),
    "three bounds": (rows(row(segment=[1, 2, 3])), ["row 0: segment is [1, 2, 3], expected [start, end]"]),
    "bounds of text": (rows(row(segment=["1", "2"])), ["row 0: segment is ['1', '2'], expected [start"]),
    "beyond the end": (
        rows(row(), row(segment=[60.0, 68.0])),
        ["row 1: a segment beyond the recording, which lasts 67.500 s: clip it (row 1 has [60.0, 68.0])"],
    ),
    "before the start": (rows(row(segment=[-1.0, 2.0])), ["row 0: a segment beyond the recording"]),
    "beyond all time": (
        rows(row(segment=[-1e308, 1e308])),
        ["row 0: segment [-1e+308, 1e+308]: its start or end is beyond 1e+12 s"],
    ),
    "in frames": (rows(row(segment=[300, 900])), ["row 0: a segment beyond the recording"]),
    "too many": (
        rows(*[row()] * (MOST + 1)),
        ["all/mouse002: 2,001 detections, expected at most 2,000: keep the best"],
    ),
}


@pytest.mark.parametrize(("damage", "said"), CASES.values(), ids=CASES)
def test_every_planted_fault_is_named(folder: Path, damage: Damage, said: list[str]) -> None:
    made = content(folder)
    damage(made)
    save(folder, json.dumps(made))
    message = fault_of(folder)
    assert "demo/seed0.json: " in message
    for piece in said:
        assert piece in message


def test_faults_of_all_recordings_and_runs_come_in_one_message(folder: Path) -> None:
    made = content(folder)
    made["results"]["mouse001"] = [row(label="mounting")]
    made["results"]["mouse003"] = [row(segment=[0, 100.5])]
    del made["results"]["mouse002"]
    save(folder, json.dumps(made))
    (folder / "demo" / "seed1.json").write_text("{")
    (folder / "demo" / "seed2.npz").write_bytes(b"PK")
    message = fault_of(folder)
    for piece in (
        "demo/seed0.json: all/mouse001: label 'mounting'",
        "demo/seed0.json: all/mouse003: row 0: a segment beyond",
        "demo/seed0.json: all/mouse002 is missing",
        "demo/seed1.json: not JSON, or cut short",
        "'seed2.npz' is not a run: expected .json",
    ):
        assert piece in message


def test_parts_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    write_card(path, make_entry(path, tasks={"demo": CARD}))
    write_detections(path, TASK, "seed0", found(0, SECONDS))
    made = content(path)
    made["parts"]["rater2"] = made["parts"].pop("rater-2")
    made["parts"]["all"]["na"] = []
    save(path, json.dumps(made))
    message = fault_of(path, TASK, SECONDS)
    for piece in (
        "rater-2/na is missing",
        "part 'rater2' is not of this task; did you mean 'rater-2'? (recordings in it: 2)",
        "all/'na' is not a test recording; it is tested in part 'rater-2'",
    ):
        assert piece in message
    save(path, json.dumps({"parts": {"all": [], "rater-2": made["parts"]["rater2"]}}))
    assert "'all': [], expected {recording: [...]}" in fault_of(path, TASK, SECONDS)
    save(path, json.dumps({"results": {}}))
    assert "expected {\"parts\": {part: {recording: [...]}}}, found 'results'" in fault_of(
        path, TASK, SECONDS
    )


# --- Hostile -----------------------------------------------------------------------------------------------

ROW = '{"segment": [0, 1], "label": "mount", "score": %s}'
ONE = '{"results": {"mouse001": [' + ROW + '], "mouse002": [], "mouse003": []}}'
TEXTS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "empty file"),
    "cut off": (ONE[:40], "not JSON, or cut short"),
    "NaN": (ONE % "NaN", "results.mouse001[0].score: nan, expected a finite number"),
    "Infinity": (ONE % "Infinity", "[0].score: inf, expected"),
    "minus Infinity": (ONE % "-Infinity", "[0].score: -inf, expected"),
    "beyond every float": (ONE % "1e999", "[0].score: inf, expected a finite number"),
    "a million digits": (ONE % ("7" * 1_000_000), "a number of 1,000,000 digits, expected"),
    "a million decimals": (ONE % ("0." + "7" * 1_000_000 + "e9999999"), "expected a finite number"),
    "deep": ("[" * 100_000, "nested far too deeply"),
    "deep objects": ('{"results":' * 50_000, "nested far too deeply"),
    "key twice": (ONE.replace("mouse002", "mouse001") % 1, "keys that stand twice in one object: 'mouse001'"),
    "score twice": (ONE % '1, "score": 2', "keys that stand twice in one object: 'score'"),
    "results twice": ('{"results": {}, "results": {}}', "keys that stand twice"),
    "a list": ("[]", 'expected {"results"'),
    "a number": ("7", 'expected {"results": {recording: [...]}}, found 7'),
    "not UTF-8": (b'{"results": "\xff"}', "not UTF-8: byte 13"),
    "UTF-16": ((ONE % 1).encode("utf-16"), "not UTF-8: byte 0"),
    "NUL": (ONE % "1\0", "not JSON, or cut short"),
    "a pickle": (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "not UTF-8: byte 0"),
    "git-lfs": ("version https://git-lfs.github.com/spec/v1\n", "git-lfs"),
    "a name of a megabyte": (
        json.dumps({"results": {"m" * 2**20: []}}),
        "is not a test recording",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), TEXTS.values(), ids=TEXTS)
def test_hostile_files_are_refused(folder: Path, text: str | bytes, said: str) -> None:
    save(folder, text)
    message = fault_of(folder)
    assert said in message
    assert len(message) < 3_000, "what a stranger wrote is cut"


def test_a_file_that_is_far_too_large_is_not_read(folder: Path) -> None:
    with (folder / "demo" / "seed0.json").open("wb") as file:
        file.truncate(2**33)
    tracemalloc.start()
    try:
        assert "too large to be read" in fault_of(folder)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    path = folder / "demo" / "seed0.json"
    path.rename(tmp_path / "truth.json")
    path.symlink_to(tmp_path / "truth.json")
    assert "a link, expected a file" in fault_of(folder)


def test_the_most_that_is_allowed_fits_and_all_faults_stay_readable(folder: Path) -> None:
    full = [
        row(segment=[k / 100 + 0.123456789, k / 100 + 1.123456789], score=1 / (k + 3)) for k in range(MOST)
    ]
    save(folder, json.dumps({"results": dict.fromkeys(SECONDS["all"], full)}, indent=4))
    _, got = read(folder, SINGLE, LENGTHS)
    assert len(got["seed0"]["all"]["mouse003"].labels) == MOST
    wrong = [row(label=f"mount{k}", segment=[0, 1000 + k]) for k in range(MOST)]
    save(folder, json.dumps({"results": dict.fromkeys(SECONDS["all"], wrong)}))
    message = fault_of(folder)
    assert "... and" in message
    assert len(message.splitlines()) < 40
