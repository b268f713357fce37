"""Verification: every departure is one check that differs, and nothing at hand is no departure."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import cli as command
from bench import store
from bench.datasets import TASKS, calms21, demo, get_task
from bench.errors import DataError
from bench.recordings import Recording, Segments, one_hot
from bench.splits import FrozenSplit, Split, Totals
from bench.tasks import Dataset, Part, Protocol, Task
from bench.text import checks_text
from bench.verification import ROUNDED, Check, Printed, read_printed, unanswered, verify
from bench.verification.checks import near
from bench.verification.published import sums
from bench.verification.verify import split_checks

CLASSES = ("attack", "other")
TRUTHS = {"r1": [0, 0, 1], "r2": [1, 1, 0, -1, 1], "r3": [0, 1, 0, 0, 0, 1, 1]}
GROUPS = {"r1": "g", "r2": "g", "r3": "h"}


def recording(id_: str, group: str | None = None) -> Recording:
    labels = np.array(TRUTHS[id_])
    return Recording(id_, group or GROUPS[id_], 10.0, CLASSES, one_hot(labels, 2), labels >= 0)


def dataset(*recordings: Recording) -> Dataset:
    def read(folder: Path) -> Iterator[Recording]:
        return iter(recordings or [recording(id_) for id_ in TRUTHS])

    return replace(calms21.DATASET, name="toy", fps=10.0, classes=CLASSES, read=read)


SPLIT = Split(
    name="toy",
    source="own",
    rule="",
    parts={"all": {"train": {"g": ("r1", "r2")}, "test": {"h": ("r3",)}}},
    totals={
        "all": {
            "train": Totals(2, 8, {"attack": 3, "other": 4}),
            "test": Totals(1, 7, {"attack": 4, "other": 3}),
        }
    },
    truth={id_: recording(id_).truth_digest() for id_ in TRUTHS},
)
TASK = Task(
    name="toy",
    title="Toy",
    question="what?",
    dataset=dataset(),
    classes=("other", "attack"),
    background="other",
    split=SPLIT,
    metrics=demo.TASK.metrics,
    protocol=Protocol("late", "all but the first frame", skip_first=1),
)


def printed(subset: str, class_: str, quantity: str, number: str, recording: str = "") -> Printed:
    return Printed("A paper", "Table 1", "toy", "all", subset, recording, class_, quantity, number)


def differing(checks: list[Check]) -> list[str]:
    return [f"{check.what} ({check.found})" for check in checks if check.ok is False and not check.misprint]


@pytest.fixture
def stored(bench_home: Path, tmp_path: Path) -> None:
    store.pull(TASK.dataset, tmp_path)


def test_what_is_as_frozen_and_as_printed_is_ok(stored: None) -> None:
    table_ = [
        printed("train", "", "recordings", "2"),
        printed("train", "", "frames", "8"),
        printed("test", "", "frames", "7"),
        printed("test", "attack", "frames", "4"),
        printed("test", "other", "frames", "3"),
        printed("train", "attack", "percent", "42.8"),  # 3 of the 7 annotated frames: 42.857, cut off
        printed("train", "attack", "percent", "43"),  # rounded
        printed("test", "attack", "scored", "3"),  # without the first frame
        printed("test", "", "scored", "6"),
        printed("", "other", "frames", "7"),
        printed("", "", "frames", "5", recording="r2"),
    ]
    checks = verify([TASK], table_)
    assert [check for check in checks if not check.ok] == []
    assert len(checks) == 2 + 1 + 2 + 2 * 4 + len(table_) + 1, "the last: test adds up"


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (printed("train", "", "recordings", "3"), "train: recordings (2)"),
        (printed("train", "", "frames", "9"), "train: frames (8)"),
        (printed("test", "attack", "frames", "5"), "test: frames of attack (4)"),
        (printed("train", "attack", "percent", "42.9"), ""),
        (printed("train", "attack", "percent", "43.0"), "train: percent of attack (42.857)"),
        (printed("train", "attack", "percent", "42.86"), ""),
        (printed("train", "attack", "percent", "42.85"), ""),
        (printed("train", "attack", "percent", "42.87"), "train: percent of attack (42.8571)"),
        (printed("train", "attack", "percent", "42.84"), "train: percent of attack (42.8571)"),
        (printed("train", "", "thousands of frames", "0.01"), ""),
        (printed("train", "", "thousands of frames", "0.010"), "train: thousands of frames (0.00800)"),
        (printed("test", "other", "scored", "4"), "test: scored of other (3)"),
        (printed("", "", "frames", "6", recording="r2"), "r2: frames (5)"),
    ],
)
def test_a_printed_number_that_differs(stored: None, row: Printed, found: str) -> None:
    assert differing(verify([TASK], [row])) == ([found] if found else [])


def test_every_departure_from_the_frozen_totals(stored: None) -> None:
    totals = {"all": {"test": Totals(2, 8, {"attack": 5, "rearing": 1})}}
    task = replace(TASK, split=replace(SPLIT, totals=totals, truth={**SPLIT.truth, "r3": "0" * 64}))
    assert differing(verify([task], [])) == [
        "labels with the frozen digest (2)",
        "test: recordings (1)",
        "test: frames (7)",
        "test: frames of attack (4)",
        "test: frames of rearing (None)",
    ]


def test_a_group_that_the_recordings_carry_to_both_sides(bench_home: Path, tmp_path: Path) -> None:
    """The split file calls them two groups; the recordings say that they are one."""
    leaking = dataset(recording("r1"), recording("r2"), recording("r3", group="g"))
    store.pull(leaking, tmp_path)
    checks = verify([replace(TASK, dataset=leaking)], [])
    assert [(check.what, check.where) for check in checks if check.ok is False and not check.misprint] == [
        ("groups on two sides", "stored")
    ]


def test_labels_changed_in_the_store(stored: None) -> None:
    path = store.home() / "toy" / "manifest.json"
    data = json.loads(path.read_text())
    data["recordings"]["r2"]["truth"] = "0" * 64
    path.write_text(json.dumps(data))
    found = differing(verify([TASK], []))
    assert (
        found[0]
        == "ids, labels and poses as they were imported (the stored labels of 'r2' are not the ones imported)"
    )


def test_nothing_stored_is_compared_by_what_was_frozen(bench_home: Path) -> None:
    rows = [
        printed("train", "attack", "frames", "3"),
        printed("", "other", "frames", "8"),
        printed("test", "attack", "scored", "3"),
        printed("", "", "frames", "5", recording="r2"),
    ]
    checks = verify([TASK], rows)
    assert [check.ok for check in checks] == [True, True, None, True, False, None, None]
    assert [check.where for check in checks[3:]] == ["frozen", "frozen", "", ""]
    assert checks[2].get == "bench pull toy --from FOLDER"


def test_some_of_a_subset_is_not_compared(bench_home: Path, tmp_path: Path) -> None:
    some = dataset(recording("r1"), recording("r3"))
    store.pull(some, tmp_path)
    task = replace(TASK, dataset=some, split=replace(SPLIT, totals={}))
    checks = verify([task], [printed("train", "", "frames", "8"), printed("test", "", "frames", "7")])
    assert [(check.found, check.ok) for check in checks[-2:]] == [("1 of 2 stored", None), ("7", True)]


def test_parts_and_quantities_that_nobody_has(stored: None) -> None:
    other = Printed("A paper", "Table 2", "toy", "fold9", "test", "", "", "frames", "7")
    checks = verify([TASK], [other, printed("test", "", "segments", "7")])
    assert [(check.found, check.ok) for check in checks[-2:]] == [
        ("no part 'fold9'", None),
        ("no segments known", None),
    ]


def test_one_recording_is_compared_with_the_frozen_subset_that_is_it(bench_home: Path) -> None:
    """r3 alone tests; r1 trains beside r2, so that nothing frozen is of r1 alone."""
    rows = [
        printed("", "attack", "frames", "4", recording="r3"),
        printed("", "", "frames", "3", recording="r1"),
    ]
    checks = [check for check in verify([TASK], rows) if check.printed]
    assert [(check.where, check.ok) for check in checks] == [("frozen", True), ("", None)]


def test_what_a_protocol_leaves_of_frozen_frames(bench_home: Path) -> None:
    """Without the first frame of each recording; only where frozen classes make up all frames."""
    rows = [printed("test", "", "scored", "6"), printed("train", "", "scored", "6")]
    checks = [check for check in verify([TASK], rows) if check.printed]
    assert [(check.found, check.ok) for check in checks] == [("6", True), ("no scored known", None)]


SEGMENTS = {"r1": [[0.0, 0.3], [0.1, 0.2]], "r2": [[0.0, 0.5]], "r3": np.empty((0, 2)).tolist()}


def test_segments_are_counted_by_class(bench_home: Path, tmp_path: Path) -> None:
    recordings = [
        replace(recording(id_), segments=Segments(np.array(of).reshape(-1, 2), np.arange(len(of)), 2))
        for id_, of in SEGMENTS.items()
    ]
    totals = {"all": {"train": Totals(2, 8, {}, segments=3), "test": Totals(1, 7, {}, segments=1)}}
    frozen = replace(SPLIT, totals=totals, truth={})
    task = replace(TASK, dataset=dataset(*recordings), kind="segments", background=None, split=frozen)
    rows = [
        printed("train", "", "segments", "3"),
        printed("train", "attack", "segments", "2"),
        printed("train", "other", "segments", "1"),
        printed("test", "other", "segments", "0"),
        printed("", "attack", "recordings", "3"),
        printed("test", "", "segments", "1"),
    ]
    alone = [check for check in verify([task], rows) if check.printed]
    assert [check.where for check in alone] == ["frozen", "", "", "", "", "frozen", "printed"]
    store.pull(task.dataset, tmp_path)
    checks = verify([task], rows)
    added = "rows whose classes add up to the printed total (1)"  # of test they do not
    assert differing(checks) == ["test: segments (0)", "test: segments (0)", added], "frozen, then printed"
    assert all(check.where == "stored" for check in checks if check.printed and "add up" not in check.what)


def test_a_class_that_marks_no_recording_was_not_looked_for(bench_home: Path, tmp_path: Path) -> None:
    unmarked = [replace(recording(id_), labels=recording(id_).labels & [True, False]) for id_ in TRUTHS]
    task = replace(TASK, dataset=dataset(*unmarked), split=replace(SPLIT, totals={}, truth={}))
    store.pull(task.dataset, tmp_path)
    check = verify([task], [printed("", "other", "recordings", "3")])[-1]
    assert (check.ok, check.found, check.get) == (None, "none is marked", "bench pull toy --from FOLDER")


def test_folds(bench_home: Path) -> None:
    ids = ("r1", "r2", "r3")
    parts = {
        f"{val}-{test}": {"train": {}, "val": {val: (val,)}, "test": {test: (test,)}}
        for val, test in pairwise(ids)
    }
    task = replace(TASK, split=Split("toy", "", "", parts), parts=tuple(Part(name, name) for name in parts))
    rows = [Printed("A", "T", "toy", "", "", "", "", "fold", fold) for fold in ("r1|r2", "r2|r3", "r3|r1")]
    assert [check.ok for check in verify([task], rows)[-3:]] == [True, True, False]


def test_a_changed_split_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks, split = split_checks(replace(TASK, split=FrozenSplit("calms21-task1", "0" * 64)))
    assert split is None
    assert [check.ok for check in checks] == [False, False]
    assert "was changed" in checks[1].found
    checks, split = split_checks(replace(TASK, split=FrozenSplit("none", "0" * 64)))
    assert split is None
    assert checks[0].found == "no such file"


def test_a_table_that_does_not_add_up() -> None:
    rows = [
        printed("train", "attack", "frames", "3"),
        printed("train", "other", "frames", "4"),
        printed("train", "", "frames", "7"),
        printed("test", "attack", "frames", "3"),
        printed("test", "", "frames", "4"),
        printed("test", "", "recordings", "4"),
    ]
    (check,) = sums(rows)
    assert (check.expected, check.found, check.ok) == ("2", "1", False)


def test_tables_of_tasks_that_are_not_there() -> None:
    checks = unanswered([], [printed("train", "", "frames", "7"), printed("test", "", "frames", "4")])
    assert [(check.task, check.expected, check.ok) for check in checks] == [("toy", "2", None)]
    assert unanswered([TASK], [printed("train", "", "frames", "7")]) == []


def test_the_table_counts_the_verdicts(stored: None) -> None:
    text = checks_text(verify([TASK], [printed("train", "", "frames", "8,000".replace(",", ""))]), every=True)
    assert "8,000" in text
    assert "DIFFERS" in text
    assert text.endswith("14 checks: 13 ok, 1 DIFFERS, 0 misprint, 0 not at hand")


def test_every_table_has_a_line_that_says_what_it_was_compared_with(bench_home: Path) -> None:
    rows = [printed("train", "", "frames", "8"), printed("test", "attack", "scored", "3")]
    rows.append(Printed("Another paper", "Table 2", "toy", "all", "test", "", "", "frames", "8"))
    lines = [" ".join(line.split()) for line in checks_text(verify([TASK], rows), every=True).splitlines()]
    assert "A paper, Table 1 2 1 0 0 1 frozen splits bench pull toy --from FOLDER" in lines
    assert "Another paper, Table 2 1 0 1 0 0 frozen splits" in lines
    assert "toy 3 2 0 0 1 frozen splits bench pull toy --from FOLDER" in lines


def test_without_any_recording_the_papers_tables_are_compared_with_the_frozen_splits(
    bench_home: Path,
) -> None:
    checks = [check for check in verify(TASKS, read_printed()) if check.printed]
    whole = {
        place: {c.ok or c.misprint for c in checks if c.source == place}
        for place in {c.source for c in checks}
    }
    tables = ["CalMS21, Table 5", "CalMS21, Table 6"]
    tables += [f"MSGL-Transformer, Table {number}" for number in (1, 4, 8)]
    assert {place for place, found in whole.items() if found == {True}} >= set(tables)
    rats = {check.what: check.found for check in checks if check.task == "ratseizure" and check.ok}
    assert {rats[f"{s}: {q}"] for s in ("train", "test") for q in ("recordings", "segments")} == {
        *("513", "281"),
        *("836", "451"),
    }
    assert all(check.get.startswith("bench pull ") for check in checks if check.ok is None)


def test_the_command_prints_json(bench_home: Path) -> None:
    run = CliRunner().invoke(command.cli, ["verify", "ratseizure", "--json"])
    assert run.exit_code == 0, run.output
    found = [check for check in json.loads(run.output) if check["printed"]]
    assert {(check["what"], check["found"], check["ok"]) for check in found} >= {
        ("test: recordings", "281", True),
        ("test: segments of staring", "no segments known", None),
    }


@pytest.mark.parametrize(
    ("value", "text", "right"),
    [
        ("62.7231", "62.72", True),
        ("62.7231", "62.73", False),
        ("62.7271", "62.72", True),
        ("62.7271", "62.73", True),
        ("62.7271", "62.74", False),
        ("62.725", "62.73", True),
        ("62.725", "62.72", True),
        ("62.7199", "62.72", True),
        ("62.7149", "62.72", False),
        ("0.9999", "1", True),
        ("0.9999", "0", True),
        ("1.5001", "1", True),
        ("2", "2", True),
    ],
)
def test_rounded_or_cut_off_means_exactly_that(value: str, text: str, right: bool) -> None:
    assert near("t", "share", text, Fraction(value), "stored", "a table").ok is right


def test_a_share_that_the_papers_own_counts_contradict_is_a_misprint(stored: None) -> None:
    """It is shown, and no fault of the recordings; where the counts are wrong too it stays one."""
    share = printed("train", "attack", "percent", "44")
    right = [printed("train", "attack", "frames", "3"), printed("train", "", "frames", "7")]
    (found,) = [check for check in verify([TASK], [*right, share]) if "percent" in check.what]
    assert (found.ok, found.misprint) == (False, True)
    assert "misprint" in checks_text([found], every=False)
    wrong = [printed("train", "attack", "frames", "44"), printed("train", "", "frames", "100")]
    (found,) = [check for check in verify([TASK], [*wrong, share]) if "percent" in check.what]
    assert (found.ok, found.misprint) == (False, False)


def test_misprints_alone_are_no_failure(bench_home: Path) -> None:
    run = CliRunner().invoke(command.cli, ["verify", "calms21-task1"])
    assert run.exit_code == 0, run.output
    assert run.output.splitlines()[-1].endswith("0 DIFFERS, 5 misprint, 1 not at hand")
    (row,) = [line for line in run.output.splitlines() if "62.7231" in line and "62.73 " in line]
    assert "misprint" in row


def test_every_printed_share_stands_in_its_paper() -> None:
    papers = Path(os.environ.get("ETHOBENCH_PAPERS", Path(__file__).parent.parent / "../shared/papers"))
    texts = {"CalMS21": "calms21-dataset.txt", "MSGL-Transformer": "msgl-transformer.txt"}
    if not all((papers / name).is_file() for name in texts.values()):
        pytest.skip(f"no papers in {papers}")
    rounded = [row for row in read_printed() if row.quantity in ROUNDED]
    assert len(rounded) == 8 + 7 + 10 + 7
    for row in rounded:
        text = (papers / texts[row.source]).read_text(encoding="utf-8")
        assert re.search(rf"(?<![\d.,]){re.escape(row.printed)}(?![\d,]|\.\d)", text), row


def test_the_printed_tables_are_read_and_add_up() -> None:
    rows = read_printed()
    assert {row.quantity for row in rows} <= {
        "recordings",
        "frames",
        "percent",
        "thousands of frames",
        "scored",
        "segments",
        "fold",
    }
    assert all(check.ok for check in sums(rows))
    ratsi = {
        (row.recording, row.class_): int(row.printed)
        for row in rows
        if (row.table, row.quantity) == ("Table 1", "frames")
    }
    assert sum(count for (_, class_), count in ratsi.items() if class_) == 202_550
    used = ("solitary", "approaching", "following", "moving-away", "social-nose-contact")
    assert sum(count for (_, class_), count in ratsi.items() if class_ in used) == 182_418


def test_a_table_with_other_columns(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("source,table\na,b\n")
    with pytest.raises(DataError, match="has other columns"):
        read_printed(tmp_path / "counts.csv")


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_split_is_as_declared(task: Task) -> None:
    checks, split = split_checks(task)
    assert split is not None
    assert [check.what for check in checks if not check.ok] == []


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_frozen_total_is_as_printed(task: Task, bench_home: Path) -> None:
    assert differing(verify([task], read_printed())) == []


def test_the_command_fails_where_something_differs(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = get_task("demo-4x30")
    store.pull_simulated(task.dataset)
    run = CliRunner().invoke(command.cli, ["verify", "demo-4x30"])
    assert run.exit_code == 0, run.output
    assert "0 DIFFERS" in run.output
    wrong = [Printed("A paper", "Table 1", task.name, "all", "test", "", "", "frames", "31")]
    monkeypatch.setattr("bench.verification.read_printed", lambda: wrong)
    run = CliRunner().invoke(command.cli, ["verify", "demo-4x30"])
    assert isinstance(run.exception, DataError)
    assert run.exception.exit_code == 4
    assert run.exception.problems == ("demo-4x30: test: frames",)


def test_the_real_test_labels_are_those_of_the_papers(real_data: Path, bench_home: Path) -> None:
    """CalMS21 Tables 5 and 6, and Tables 4 and 12 of the MSGL-Transformer paper, on the official labels."""
    folder = real_data / "calms21"
    if not (folder / calms21.LABEL_FILE).is_file():
        pytest.skip(f"{folder / calms21.LABEL_FILE} does not exist")
    store.pull(calms21.DATASET, folder)
    checks = verify([calms21.TASK1, calms21.TASK1_MSGL], read_printed())
    assert differing(checks) == []
    scored = {check.what: check.found for check in checks if "scored" in check.what}
    assert scored == {
        "test: scored of attack": "12,586",
        "test: scored of investigation": "60,964",
        "test: scored of mount": "31,813",
        "test: scored of other": "156,079",
        "test: scored": "261,442",
    }
