"""Broken submissions: exit code 3, one message, every planted fault in it by its place."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import SubmissionError, UsageError
from bench.submissions import read_entry, read_tasks, write_card, write_run
from bench.submissions.forms.long_tables import frame_fault
from bench.tasks import Task

from .conftest import (
    CLASSES,
    EXPECTED,
    TASK,
    Arrays,
    as_table,
    get_task,
    make_entry,
    make_task,
    random_scores,
    read,
    save_npz,
    save_table,
)

Damage = Callable[[Path], object]
Case = tuple[Damage, list[str]]


def fault_of(folder: Path, task: Task = TASK) -> str:
    """Return the message of the one error that reading raises."""
    with pytest.raises(SubmissionError) as caught:
        read(folder, task)
    assert caught.value.exit_code == 3
    assert "next: " in str(caught.value)
    return str(caught.value)


def card(old: str, new: str) -> Damage:
    """Replace a piece of the card."""

    def damage(folder: Path) -> None:
        text = (folder / "submission.toml").read_text()
        assert old in text
        (folder / "submission.toml").write_text(text.replace(old, new))

    return damage


def arrays(change: Callable[[Arrays], None]) -> Damage:
    """Change the arrays of the first run, as numpy saves them."""

    def damage(folder: Path) -> None:
        scores = random_scores()
        change(scores)
        save_npz(folder, scores)

    return damage


def recording(part: str, id_: str, change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    return arrays(lambda scores: scores[part].update({id_: change(scores[part][id_])}))


def put(frame: int, column: int, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[frame, column] = value
        return array

    return change


def table(change: Callable[[pa.Table], pa.Table], form: str = "parquet") -> Damage:
    def damage(folder: Path) -> None:
        (folder / "demo" / "seed0.npz").unlink()
        save_table(folder, change(as_table(random_scores())), form)

    return damage


def csv_line(number: int, old: str, new: str) -> Damage:
    """Replace what matches in one line of a CSV, line 1 being the header."""

    def damage(folder: Path) -> None:
        table(lambda t: t, "csv")(folder)
        path = folder / "demo" / "seed0.csv"
        lines = path.read_text().splitlines()
        lines[number - 1] = re.sub(old, new, lines[number - 1], count=1)
        path.write_text("\n".join(lines) + "\n", errors="surrogateescape")

    return damage


def rows(column: str, changes: dict[int, object]) -> Callable[[pa.Table], pa.Table]:
    def change(t: pa.Table) -> pa.Table:
        values = t[column].to_pylist()
        for row, value in changes.items():
            values[row] = value
        return t.set_column(t.column_names.index(column), column, pa.array(values, t[column].type))

    return change


def swap(scores: Arrays) -> None:
    part = scores["all"]
    part["mouse001"], part["mouse003"] = part["mouse003"], part["mouse001"]


def names(scores: Arrays) -> None:
    scores["al"] = {"mouse001": scores["all"]["mouse001"]}
    scores["all"]["mouse01"] = scores["all"].pop("mouse001")
    scores["all"]["na"] = scores["rater-2"]["na"]


def add_cell(folder: Path, number: int, last: str | None = None) -> None:
    """Give one line of the CSV an eighth cell, or another last one."""
    path = folder / "demo" / "seed0.csv"
    lines = path.read_text().splitlines()
    line = lines[number - 1]
    lines[number - 1] = f"{line},0" if last is None else line.rpartition(",")[0] + f",{last}"
    path.write_text("\n".join(lines) + "\n")


def rename(old: str, new: str) -> Damage:
    return lambda folder: (folder / "demo" / old).rename(folder / "demo" / new)


def bare_key(folder: Path) -> None:
    np.savez(folder / "demo" / "seed0.npz", mouse001=random_scores()["all"]["mouse001"])


def no_runs(folder: Path) -> None:
    for path in (folder / "demo").iterdir():
        path.unlink()


def no_folder(folder: Path) -> None:
    no_runs(folder)
    (folder / "demo").rmdir()


def two_forms(folder: Path) -> None:
    save_table(folder, as_table(random_scores()), "csv")


CASES: dict[str, Case] = {
    "no card": (
        lambda f: (f / "submission.toml").unlink(),
        ["submission.toml: cannot be opened", "bench new"],
    ),
    "card is not TOML": (card("name =", "name"), ["submission.toml: not a TOML file"]),
    "unknown key": (
        card("licence", "license"),
        ["submission.toml: license: unknown key; did you mean 'licence'?", "licence: missing, expected text"],
    ),
    "unknown task key": (
        card("extra_data", "extra-data"),
        [
            "tasks.demo.extra-data: unknown key; did you mean 'extra_data'?",
            "tasks.demo.extra_data: missing, expected text",
        ],
    ),
    "mistyped values": (
        lambda f: (
            (card('["A. Mouse"]', '"A. Mouse"')(f), card("false", '"no"')(f), card("72540", "7.5")(f))
        ),
        [
            "authors: 'A. Mouse', expected a list of 1 to 100, each text",
            "causal: 'no', expected true or false",
            "parameters: 7.5, expected a whole number",
        ],
    ),
    "impossible costs": (
        card("72540", "72540\nlatency_ms = -1\nframes_per_second = nan\nflops_per_frame = true"),
        [
            "latency_ms: -1, expected a number from 0 to 2^63",
            "frames_per_second: nan, expected a number from 0 to 2^63",
            "flops_per_frame: true, expected a whole number",
        ],
    ),
    "no such output": (
        card('"probabilities"', '"logits"'),
        ["output: 'logits', expected \"probabilities\" or"],
    ),
    "unknown task": (card("[tasks.demo]", "[tasks.dmo]"), ["no table [tasks.demo]; did you mean 'dmo'?"]),
    "class order": (
        card('"attack", "investigation"', '"investigation", "attack"'),
        ["classes: in the order investigation, attack, mount, other; expected attack, investigation"],
    ),
    "class names": (
        card('"mount"', '"mounting"'),
        ["classes: 'mounting' is not a class; did you mean 'mount'?", "classes: 'mount' is missing"],
    ),
    "class twice": (card('"mount"', '"attack"'), ["'attack' stands there 2 times", "'mount' is missing"]),
    "not https": (
        card('licence = "MIT"', 'licence = "MIT"\ncode = "javascript:alert(1)"\npaper = "http://a.org"'),
        ["code: 'javascript:alert(1)', expected an address", "paper: 'http://a.org', expected an address"],
    ),
    "text that hides": (card("Mine", "Mi\u202ene"), ["name: holds U+202E, a format character"]),
    "no runs": (no_runs, ["demo/: no run, expected files such as seed0.npz"]),
    "no task folder": (
        no_folder,
        ["demo/: cannot be opened (No such file or directory): expected runs such as seed0.npz"],
    ),
    "stray files": (
        lambda f: (f / "demo" / "preds.pkl").write_bytes(b"x"),
        ["demo/'preds.pkl' is not a run: expected .npz, .parquet, .csv"],
    ),
    "run name": (rename("seed0.npz", "Seed 0.npz"), ["demo/'Seed 0.npz': expected lower-case letters"]),
    "one run in two forms": (two_forms, ["run 'seed0' is there already as seed0.csv"]),
    "empty file": (
        lambda f: (f / "demo" / "seed0.npz").write_bytes(b""),
        ["demo/seed0.npz: empty file"],
    ),
    "git-lfs pointer": (
        lambda f: (f / "demo" / "seed0.npz").write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
        ),
        ["demo/seed0.npz: a git-lfs pointer, not the file itself: run `git lfs pull`"],
    ),
    "truncated file": (
        lambda f: (f / "demo" / "seed0.npz").write_bytes((f / "demo" / "seed0.npz").read_bytes()[:-9]),
        ["demo/seed0.npz: not an .npz archive, or one that was cut off"],
    ),
    "missing recording": (
        arrays(lambda s: s["all"].pop("mouse002") is None),
        ["all/mouse002 is missing; frames expected: 67"],
    ),
    "names of parts and recordings": (
        arrays(names),
        [
            "part 'al' is not of this task; did you mean 'all'? (recordings in it: 1)",
            "all/'mouse01' is not a test recording; did you mean",
            "all/mouse001 is missing; frames expected: 41",
            "all/'na' is not a test recording; it is tested in part 'rater-2'",
        ],
    ),
    "no part in the name": (bare_key, ["'mouse001.npy': expected an array named <part>/<recording>"]),
    "one frame short": (
        recording("all", "mouse003", lambda a: a[:-1]),
        ["demo/seed0.npz: all/mouse003: 89 frames, expected 90: one frame short, an off-by-one"],
    ),
    "one frame long": (
        recording("all", "mouse003", lambda a: np.vstack([a, a[:1]])),
        ["all/mouse003: 91 frames, expected 90: one frame long"],
    ),
    "frames of the protocol": (
        recording("all", "mouse003", lambda a: a[3:-2]),
        ["85 frames, expected 90: the frames that protocol 'late-frames' counts"],
    ),
    "windows without padding": (
        recording("all", "mouse003", lambda a: a[35:]),
        ["55 frames, expected 90: 35 frames short, as windows of 35 or 36 frames"],
    ),
    "another frame rate": (
        recording("all", "mouse003", lambda a: np.vstack([a] * 9)),
        ["810 frames, expected 90"],
    ),
    "swapped recordings": (
        arrays(swap),
        [
            "all/mouse001: 90 frames, expected 41: the frames of all/mouse003",
            "all/mouse003: 41 frames, expected 90: the frames of all/mouse001",
        ],
    ),
    "class count": (
        recording("all", "mouse001", lambda a: a[:, :3]),
        ["all/mouse001: 3 columns, expected 4: attack"],
    ),
    "transposed": (recording("all", "mouse001", lambda a: a.T.copy()), ["transposed, save scores.T"]),
    "one axis": (recording("all", "mouse001", lambda a: a[:, 0]), ["shape (41,), expected (41, 4)"]),
    "float64": (
        recording("all", "mouse001", lambda a: a.astype(np.float64)),
        ['all/mouse001: float64, expected little-endian float32: save scores.astype("<f4")'],
    ),
    "float16": (
        recording("all", "mouse001", lambda a: a.astype(np.float16)),
        ["all/mouse001: float16, expected"],
    ),
    "integers": (
        recording("all", "mouse001", lambda a: a.astype(np.int64)),
        ["all/mouse001: int64, expected"],
    ),
    "big-endian": (
        recording("all", "mouse001", lambda a: a.astype(">f4")),
        ["all/mouse001: big-endian float32, exp"],
    ),
    "complex": (
        recording("all", "mouse001", lambda a: a.astype(np.complex64)),
        ["all/mouse001: complex64, expected"],
    ),
    "dates": (
        recording("all", "mouse001", lambda a: np.zeros(a.shape, "<M8[s]")),
        ["all/mouse001: numpy type '<M8[s]'"],
    ),
    "records": (
        recording("all", "mouse001", lambda a: np.zeros(41, [("x", "<f4"), ("y", "<f4")])),
        ["all/mouse001: structured records, expected"],
    ),
    "objects": (
        recording("all", "mouse001", lambda a: a.astype(object)),
        ["all/mouse001: Python objects, expected"],
    ),
    "NaN": (
        recording("all", "mouse002", put(17, 2, np.nan)),
        ["all/mouse002: NaN values: 1, the first at frame 17, class 'mount'"],
    ),
    "infinite": (
        recording("rater-2", "na", put(5, 0, -np.inf)),
        ["rater-2/na: infinite values: 1, the first at frame 5, class 'attack'"],
    ),
    "negative": (
        recording("all", "mouse002", put(4, 1, -0.5)),
        ["probabilities below zero: 1, the first -0.5 at frame 4, class 'investigation'", "sum to one"],
    ),
    "above one": (
        recording("all", "mouse002", put(4, 1, 1.5)),
        ["probabilities above one: 1, the first 1.5 at frame 4"],
    ),
    "sums": (
        recording("all", "mouse002", lambda a: a * 0.99),
        ["rows that do not sum to one within 0.001: 67, the worst is frame", 'output = "scores"'],
    ),
    "Parquet columns": (
        table(lambda t: t.rename_columns(["part", "recording", "frame", "atack", *CLASSES[1:]])),
        ["column 'atack' is not expected; did you mean 'attack'?", "column 'attack' is missing"],
    ),
    "Parquet without recordings": (
        table(lambda t: t.drop_columns(["recording"])),
        ["demo/seed0.parquet: column 'recording' is missing"],
    ),
    "Parquet column order": (
        table(
            lambda t: t.select(["part", "recording", "frame", "other", "attack", "investigation", "mount"])
        ),
        ["columns in the order part, recording, frame, other, attack"],
    ),
    "Parquet with an index": (
        table(lambda t: t.append_column("__index_level_0__", pa.array(range(len(t))))),
        ["column '__index_level_0__' is not expected; save the table without its index"],
    ),
    "Parquet types": (
        table(
            lambda t: t.set_column(2, "frame", t["frame"].cast(pa.float64())).set_column(
                3, "attack", pa.array([1] * len(t))
            )
        ),
        [
            "column 'frame' holds 'double', expected whole numbers",
            "column 'attack' holds 'int64', expected float32",
        ],
    ),
    "Parquet frames beyond every number": (
        table(lambda t: t.set_column(2, "frame", pa.array([2**63 + i for i in range(len(t))], pa.uint64()))),
        ["demo/seed0.parquet: not a readable Parquet file", "not in range"],
    ),
    "Parquet nulls": (table(rows("recording", {3: None})), ["empty cells in column 'recording': 1"]),
    "Parquet empty score": (
        table(rows("mount", {3: None})),
        ["NaN values: 1, the first at frame 3, class 'mount'"],
    ),
    "no Parquet": (
        lambda f: two_forms(f) or (f / "demo" / "seed0.csv").rename(f / "demo" / "x.parquet"),
        ["demo/x.parquet: not a Parquet file"],
    ),
    "frames twice and missing": (
        table(rows("frame", {10: 9, 12: -4})),
        [
            "all/mouse001: negative frames: 1, the first -4; rows for a frame that is there already: 1, ",
            "the first for frame 9; ",
            "missing frames: 2 of 41, the first 10",
        ],
    ),
    "frames from one": (
        table(rows("frame", {i: i + 1 for i in range(41)})),
        ["all/mouse001: frames 1 to 41, expected 0 to 40: frames count from 0"],
    ),
    "frames beyond the end": (table(rows("frame", {40: 4000})), ["frame 4,000, expected 40 as the last"]),
    "table a frame short": (
        table(lambda t: t.slice(0, len(t) - 2)),
        ["rater-2/001 is missing", "rater-2/na: 22 frames, expected 23: one frame short"],
    ),
    "CSV header": (csv_line(1, '"mount"', '"mnt"'), ["column 'mnt' is not expected; did you mean 'mount'?"]),
    "CSV column twice": (
        csv_line(1, '"mount"', '"attack"'),
        ["column 'attack' stands there 2 times", "column 'mount' is missing"],
    ),
    "CSV words": (csv_line(7, "[^,]+$", "high"), ["line 7: 'other' is 'high', expected a finite decimal"]),
    "CSV hexadecimal": (
        csv_line(7, "[^,]+$", "0x10"),
        ["line 7: 'other' is '0x10', expected a finite decimal"],
    ),
    "CSV underscores": (
        csv_line(7, "[^,]+$", "1_0"),
        ["line 7: 'other' is '1_0', expected a finite decimal"],
    ),
    "CSV empty cell": (csv_line(7, "[^,]+$", ""), ["line 7: 'other' is '', expected a finite decimal"]),
    "CSV nan": (csv_line(7, "[^,]+$", "nan"), ["line 7: 'other' is 'nan', expected a finite decimal"]),
    "CSV inf": (csv_line(7, "[^,]+$", "inf"), ["line 7: 'other' is 'inf', expected a finite decimal"]),
    "CSV too large a number": (csv_line(7, "[^,]+$", "1e999"), ["at frame 5, class 'other'"]),
    "CSV beyond float32": (
        csv_line(7, "[^,]+$", "1e39"),
        ["infinite values: 1, the first at frame 5, class 'other'"],
    ),
    "CSV frame": (csv_line(7, ",5,", ",5.0,"), ["line 7: 'frame' is '5.0', expected a whole number"]),
    "CSV frame with a sign": (
        csv_line(7, ",5,", ",+5,"),
        ["line 7: 'frame' is '+5', expected a whole number"],
    ),
    "CSV blanks": (
        lambda f: (csv_line(7, ",5,", ", 5,")(f), add_cell(f, 9, "0.5 ")),
        [
            "line 7: 'frame' is ' 5', expected a whole number",
            "line 9: 'other' is '0.5 ', expected a finite decimal",
        ],
    ),
    "CSV ragged rows": (
        lambda f: (csv_line(7, ",[^,]+$", "")(f), add_cell(f, 9), add_cell(f, 12, "x")),
        [
            "line 7: 6 cells, expected 7",
            "line 9: 8 cells, expected 7",
            "line 12: 'other' is 'x', expected a finite",
        ],
    ),
    "CSV bad text": (csv_line(7, '"all"', "\udcff"), ["not a readable CSV", "UTF8"]),
    "CSV short row": (csv_line(7, ",[^,]+$", ""), ["line 7: 6 cells, expected 7"]),
    "CSV unclosed quote": (
        csv_line(7, '"all"', '"all'),
        ["demo/seed0.csv: line 7: "],
    ),
}


@pytest.mark.parametrize(("damage", "said"), CASES.values(), ids=CASES)
def test_every_planted_fault_is_named(folder, damage, said):
    damage(folder)
    message = fault_of(folder)
    for piece in said:
        assert piece in message


def test_faults_of_card_names_shapes_and_values_come_in_one_message(folder):
    CASES["unknown key"][0](folder)
    CASES["class names"][0](folder)
    CASES["stray files"][0](folder)
    scores = random_scores(1)
    names(scores)
    scores["all"]["mouse002"][8, 1] = np.nan
    scores["all"]["mouse003"] = scores["all"]["mouse003"][:-1]
    scores["rater-2"]["na"] = scores["rater-2"]["na"] * 2
    scores["rater-2"]["mouse001"] = scores["rater-2"]["mouse001"].astype(np.float64)
    save_npz(folder, scores, "seed1")
    CASES["CSV words"][0](folder)
    message = fault_of(folder)
    planted = ("unknown key", "class names", "stray files", "CSV words", "names of parts and recordings")
    for piece in [piece for name in planted for piece in CASES[name][1]]:
        assert piece in message
    for place in (
        "all/mouse002: NaN values: 1",
        "all/mouse003: 89 frames",
        "rater-2/na: rows that do not sum to one within 0.001: 23",
        "rater-2/mouse001: float64",
    ):
        assert f"demo/seed1.npz: {place}" in message
    assert message.count("\n") == len(set(message.splitlines())) - 1, "nothing is said twice"


def test_ten_thousand_faults_stay_readable_and_quick(folder):
    tiny = np.zeros((1, 4), np.float32)
    scores = {"all": {f"mouse{i:05}": tiny for i in range(10_000)}}
    write_run(folder, "demo", "seed0", scores)
    message = fault_of(folder)
    assert "... and 9,990 more (recordings not expected)" in message
    assert message.count("\n") < 30


def test_a_cause_is_only_named_where_there_is_one(folder):
    CASES["another frame rate"][0](folder)
    assert "810 frames, expected 90\n" in fault_of(folder)
    recording("all", "mouse003", lambda a: a[::2])(folder)
    expected = {**EXPECTED, "all": {**EXPECTED["all"], "mouse003": 900}}
    save_npz(folder, {**random_scores(), "all": random_scores(expected=expected)["all"]})
    scores = random_scores(expected=expected)
    scores["all"]["mouse003"] = scores["all"]["mouse003"][::2]
    save_npz(folder, scores)
    with pytest.raises(SubmissionError, match="450 frames, expected 900: one in 2, another frame rate"):
        read(folder, TASK, expected)


def test_unknown_tasks_and_classes_are_the_readers_to_name_and_not_the_cards(folder):
    tasks = {"demo": make_entry(folder).tasks["demo"]}
    write_card(folder, make_entry(folder, tasks={**tasks, "dem": tasks["demo"]}), replace=True)
    card('"mount", "other"', '"other", "mount"')(folder)
    message = fault_of(folder)
    assert "tasks.dem: unknown task 'dem'; did you mean 'demo'?" in message
    assert "tasks.demo: classes: in the order" in message
    assert read_entry(folder).tasks["dem"].classes == (*CLASSES[:2], "other", "mount")


def test_classes_that_overlap_want_probabilities(folder):
    overlapping = make_task(exclusive=False)
    card('"probabilities"', '"scores"')(folder)
    read(folder)
    save_npz(folder, {part: {i: 9 * a for i, a in of.items()} for part, of in random_scores().items()})
    message = fault_of(folder, overlapping)
    assert 'submission.toml: tasks.demo: output: expected "probabilities", each in [0, 1]' in message
    assert "apply a sigmoid to every score" in message
    assert "demo/seed0.npz: all/mouse001: probabilities above one" in message
    card('"scores"', '"probabilities"')(folder)
    message = fault_of(folder, overlapping)
    assert "probabilities above one" in message
    assert "; apply a sigmoid" in message
    assert "declare output" not in message, "scores are no way out here"
    assert "sum to one" not in message


@given(st.lists(st.integers(-3, 12), min_size=1, max_size=12), st.none() | st.integers(1, 12))
def test_frames_are_faulty_unless_they_count_from_0(numbers, expected):
    frames = np.array(sorted(numbers), dtype=np.int64)
    said = frame_fault(frames, expected)
    assert (said is None) == (frames.tolist() == list(range(len(frames))))
    if said is None or "count from 0" in said:
        return
    total = max(-1, *numbers) + 1 if expected is None else expected
    absent = sorted(set(range(total)) - set(numbers))
    missing = f"missing frames: {len(absent)} of {total}, the first {absent[0]}" if absent else None
    assert next((text for text in said.split("; ") if text.startswith("missing")), None) == missing
    assert ("there already" in said) == (len(set(numbers)) < len(numbers))
    assert ("negative" in said) == (min(numbers) < 0)


@pytest.mark.parametrize("name", ["Mine", "my model", "-rf", "a" * 101, "mine\u202e"])
def test_the_folder_has_a_safe_name(folder, name):
    with pytest.raises(SubmissionError, match=r"folder name .*: expected lower-case letters"):
        read_entry(folder.rename(folder.parent / name))


def test_a_path_that_is_no_submission_says_how_to_start_one(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "absent", tmp_path / "empty"):
        with pytest.raises(SubmissionError, match=f"next: bench new {re.escape(str(path))} --task"):
            read_entry(path)


def test_the_name_of_an_entry_is_not_taken_for_a_new_one(folder, monkeypatch):
    folder.rename(folder.parent / "moved")
    home = folder.parent / "work" / "submissions"
    home.mkdir(parents=True)
    (folder.parent / "moved").rename(home / folder.name)
    monkeypatch.chdir(home.parent)
    with pytest.raises(SubmissionError, match=f"did you mean submissions/{folder.name}") as caught:
        read_entry(Path(folder.name))
    assert "bench new" not in str(caught.value)


@pytest.mark.parametrize("place", ["submission.toml", "demo", "demo/seed0.npz", "../mime", ".."])
def test_a_path_near_an_entry_names_the_entry(folder, place):
    with pytest.raises(SubmissionError) as caught:
        read_entry(Path(os.path.normpath(folder / place)))
    assert caught.value.hint.endswith(f": {folder}")


def two_tasks(name: str):
    return make_task("rats") if name == "rats" else get_task(name)


def test_the_faults_of_the_card_and_of_all_its_tasks_come_in_one_message(folder):
    tasks = dict.fromkeys(["demo", "rats", "dem"], make_entry(folder).tasks["demo"])
    write_card(folder, make_entry(folder, tasks=tasks), replace=True)
    write_run(folder, "rats", "seed0", random_scores())
    with pytest.raises(SubmissionError, match=r"tasks\.dem: unknown task 'dem'"):
        read_tasks(folder, two_tasks, lambda task: EXPECTED)
    card("licence", "license")(folder)
    card('"mount", "other"', '"other", "mount"')(folder)
    CASES["one frame short"][0](folder)
    write_run(folder, "rats", "seed0", {"all": random_scores()["all"]})
    with pytest.raises(SubmissionError) as caught:
        read_tasks(folder, two_tasks, lambda task: EXPECTED)
    message = str(caught.value)
    for piece in (
        "license: unknown key",
        "tasks.dem: unknown task",
        "tasks.demo: classes: in the order",
        "tasks.rats: classes: in the order",
        "demo/seed0.npz: all/mouse003: 89 frames",
        "rats/seed0.npz: rater-2/na is missing",
    ):
        assert message.count(piece) == 1


def test_all_tasks_of_a_card_are_read_or_the_one_that_is_asked_for(folder):
    tasks = dict.fromkeys(["demo", "rats"], make_entry(folder).tasks["demo"])
    write_card(folder, make_entry(folder, tasks=tasks), replace=True)
    entry, read = read_tasks(folder, two_tasks, lambda task: EXPECTED, only="demo")
    assert entry.id == "mine"
    assert list(read) == ["demo"]
    assert list(read["demo"]) == ["seed0", "seed1"]
    with pytest.raises(SubmissionError, match="rats/: cannot be opened"):
        read_tasks(folder, two_tasks, lambda task: EXPECTED)
    write_run(folder, "rats", "seed0", random_scores())
    assert list(read_tasks(folder, two_tasks, lambda task: EXPECTED)[1]) == ["demo", "rats"]
    with pytest.raises(UsageError, match="unknown task 'dmo'"):
        read_tasks(folder, two_tasks, lambda task: EXPECTED, only="dmo")
    (folder / "submission.toml").unlink()
    with pytest.raises(SubmissionError, match="next: bench new"):
        read_tasks(folder, two_tasks, lambda task: EXPECTED)
