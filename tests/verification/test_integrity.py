"""Tampered results: `bench verify --results` names each with its place, `bench publish` refuses them."""

from __future__ import annotations

import ast
import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from bench import datasets
from bench.cli import cli
from bench.errors import BenchError, DataError, UsageError
from bench.results import Result, digest_of, parse, write
from bench.tasks import Task
from bench.verification import results as integrity
from bench.verification.results import check_result, check_results, read_result, read_results
from tests.made_up import read
from tests.verification.toys import Content, content, drop, put, toy_result, toy_task, write_content

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "leaderboard" / "results"
FIRST_FORMAT = COMMITTED / "rat-dyads--msgl.json"
Change = Callable[[Content], None]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch, bench_home: Path) -> None:
    """Let the toy tasks be known, and no recordings be at hand."""
    monkeypatch.setattr(datasets, "TASKS", (*datasets.TASKS, toy_task(), toy_task(exclusive=False)))


@pytest.fixture(scope="module")
def result() -> Result:
    return toy_result(toy_task())


@pytest.fixture(scope="module")
def overlapping() -> Result:
    return toy_result(toy_task(exclusive=False), seeds=(3,))


def run(*arguments: object) -> tuple[int, str]:
    """Return the exit code and what was printed of a command."""
    done = CliRunner().invoke(cli, [str(of) for of in arguments])
    if isinstance(done.exception, BenchError):
        return done.exception.exit_code, done.output + str(done.exception)
    assert done.exception is None, done.exception
    return done.exit_code, done.output


def refused(folder: Path, place: str) -> str:
    """Return what `verify --results` prints of a folder that it and `publish` must refuse.

    The folder is checked once for both: checks cost more than the commands.
    """
    checked = check_results(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integrity, "check_results", lambda *_: checked)
        patch.setattr(integrity.reading, "check_results", lambda *_: checked)
        return _refused(folder, place)


def _refused(folder: Path, place: str, *, others: bool = False) -> str:
    """Return what `verify --results` prints; `publish` builds a site where there are sound `others`."""
    code, printed = run("verify", "--results", folder)
    assert code == 4, printed
    lines = [line.strip() for line in printed.splitlines()]
    assert any(line.startswith(f"{place}:") for line in lines), printed
    assert "next: bench evaluate submissions/" in printed
    code, said = run("publish", "--results", folder, "--out", folder / "site")
    assert code == 4
    assert f"bench verify --results {folder}" in said
    assert (folder / "site").exists() == others
    return printed


def scaled(factor: float) -> Callable[[float], float]:
    return lambda value: value * factor


def everywhere(metric: str, class_: str, factor: float) -> Change:
    """Return a change of one class of a metric that leaves every mean over classes, parts and runs right."""

    def change(made: Content) -> None:
        score = made["scores"][metric]
        classes = [name for name in score["per_class"] if name != "other"]
        for part in score["per_part"].values():
            moved = part["per_class"][class_] * (factor - 1)
            part["per_class"][class_] += moved
            part["value"] += moved / len(classes)
        parts = list(score["per_part"].values())
        before = score["value"]
        score["value"] = sum(part["value"] for part in parts) / len(parts)
        score["per_class"][class_] = sum(part["per_class"][class_] for part in parts) / len(parts)
        score["per_run"] = {run: of + score["value"] - before for run, of in score["per_run"].items()}
        if score["std_parts"] is not None:
            score["std_parts"] = abs(parts[0]["value"] - parts[1]["value"]) / 2

    return change


def swap_ends(made: Content) -> None:
    score = made["scores"]["accuracy"]
    score["low"], score["high"] = score["high"], score["low"]


def rename(made: Content) -> None:
    made["scores"]["f1_mean"] = made["scores"].pop("f1")


def other_order(made: Content) -> None:
    for card in (made["task"], made["entry"]):
        card["classes"] = card["classes"][1:] + card["classes"][:1]


def move_frames(made: Content) -> None:
    """Let one run of a recording be right in one more frame, and the other in one less."""
    cells = made["details"]["parts"]["one"]["recordings"]["counts"][1]
    right = next(k for k in range(0, len(cells), 4) if cells[k] == cells[k + 1])
    wrong = next(k for k in range(0, len(cells), 4) if cells[k] == cells[right] and cells[k + 1] != cells[k])
    for place, change in ((right + 2, 1), (wrong + 2, -1), (right + 3, -1), (wrong + 3, 1)):
        cells[place] += change


def one_run_less(made: Content) -> None:
    del made["scores"]["map"]["per_run"]["seed2"]


SCORES: dict[str, tuple[Change, str]] = {
    "a value": (put("scores", "f1", "value", value=scaled(1.01)), "scores.f1.value"),
    "a value that counts give": (put("scores", "accuracy", "value", value=0.5), "scores.accuracy.value"),
    "a value of 1.5": (put("scores", "f1", "value", value=1.5), "scores.f1.value"),
    "a negative value": (put("scores", "edit", "value", value=-0.25), "scores.edit.value"),
    "a value of a class": (
        put("scores", "map", "per_class", "attack", value=scaled(0.99)),
        "scores.map.per_class.attack",
    ),
    "a class of a part": (
        put("scores", "map", "per_part", "two", "per_class", "attack", value=scaled(0.99)),
        "scores.map.per_class.attack",
    ),
    "a class in all its places": (everywhere("f1", "mount", 1.02), "scores.f1.value"),
    "a recall in all its places": (
        everywhere("recall", "mount", 1.02),
        "scores.recall.per_part.one.per_class.mount",
    ),
    "a class undefined": (
        put("scores", "map", "per_part", "one", "per_class", "mount", value=None),
        "scores.map.per_part.one.per_class.mount",
    ),
    "a class of no name": (
        put("scores", "map", "per_class", value=lambda of: {**of, "bite": 0.5}),
        "scores.map.per_class.bite",
    ),
    "ends in the wrong order": (swap_ends, "scores.accuracy"),
    "a lower end above the value": (
        lambda made: put("scores", "map", "low", value=made["scores"]["map"]["high"])(made),
        "scores.map",
    ),
    "half an interval": (put("scores", "map", "high", value=None), "scores.map"),
    "an end that counts give": (put("scores", "f1", "low", value=scaled(0.999)), "scores.f1.low"),
    "an end of another method": (
        put("scores", "f1", "other_intervals", "bca", value=lambda ends: [ends[0], ends[1] * 1.001]),
        "scores.f1.other_intervals.bca[1]",
    ),
    "a run": (put("scores", "map", "per_run", "seed1", value=scaled(1.01)), "scores.map.value"),
    "two runs that keep their mean": (
        put(
            "scores",
            "map",
            "per_run",
            value=lambda of: {"seed1": of["seed1"] + 0.01, "seed2": of["seed2"] - 0.01},
        ),
        "scores.map.std_runs",
    ),
    "a run less": (one_run_less, "scores.map.per_run.seed2"),
    "a deviation over runs": (put("scores", "map", "std_runs", value=0.0), "scores.map.std_runs"),
    "a deviation over parts": (put("scores", "map", "std_parts", value=0.0), "scores.map.std_parts"),
    "a negative deviation": (put("scores", "map", "std_runs", value=-1.0), "scores.map.std_runs"),
    "a part": (put("scores", "map", "per_part", "one", "value", value=scaled(1.01)), "scores.map.value"),
    "a part less": (drop("scores", "map", "per_part", "two"), "scores.map.per_part.two"),
    "a metric less": (drop("scores", "map"), "scores.map"),
    "a metric more": (put("scores", "kudos", value={}), "scores.kudos.value"),
    "a metric of another name": (rename, "scores.f1_mean"),
    "a boolean": (put("scores", "f1", "value", value=True), "scores.f1.value"),
    "a text": (put("scores", "f1", "value", value="0.9"), "scores.f1.value"),
    "an infinite value": (put("scores", "f1", "value", value="inf"), "scores.f1.value"),
    "another level": (put("interval", "level", value=0.9), "interval.level"),
    "another seed": (put("interval", "seed", value=1), "interval.seed"),
    "fewer resamples": (put("interval", "resamples", value=100), "interval.resamples"),
    "another method": (put("interval", "method", value="percentile"), "interval.method"),
    "a reason for no interval": (put("interval", "reason", value="few groups"), "interval.reason"),
}
CARDS: dict[str, tuple[Change, str]] = {
    "a digest of the split": (put("split_digest", value="0" * 64), "split_digest"),
    "no digest of the predictions": (put("predictions_digest", value="0" * 63), "predictions_digest"),
    "frames": (put("frames", value=lambda n: n + 1), "frames"),
    "recordings": (put("recordings", value=8), "recordings"),
    "more recordings than there are": (put("recordings", value=10**6), "recordings"),
    "groups": (put("groups", value=6), "groups"),
    "groups of intervals": (put("interval", "groups", value=6), "interval.groups"),
    "support": (put("support", "attack", value=lambda n: n - 1), "support.attack"),
    "support of another class": (put("support", value=lambda of: {**of, "bite": 1}), "support"),
    "a huge integer": (put("frames", value=10**30), "frames"),
    "a fraction of a frame": (put("frames", value=1000.5), "frames"),
    "another metrics version": (put("metrics_version", value=1), "metrics_version"),
    "a later metrics version": (put("metrics_version", value=99), "metrics_version"),
    "no such task": (put("task", "name", value="toys"), "task.name"),
    "another order of classes": (other_order, "task.classes[0]"),
    "columns in another order": (
        put("entry", "classes", value=["mount", "attack", "other"]),
        "entry.classes[0]",
    ),
    "another background": (put("task", "background", value=None), "task.background"),
    "another protocol": (put("task", "protocol", "name", value="late"), "task.protocol.name"),
    "real data": (put("task", "dataset", "simulated", value=True), "task.dataset.simulated"),
    "another frame rate": (put("task", "dataset", "fps", value=30.0), "task.dataset.fps"),
    "less is better": (
        put("task", "metrics", 0, "higher_is_better", value=False),
        "task.metrics[0].higher_is_better",
    ),
    "another metric that ranks": (
        put("task", "metrics", value=lambda of: [of[1], of[0], *of[2:]]),
        "task.metrics[0].name",
    ),
    "escape sequences": (put("entry", "name", value="\x1b[31mred\x1b[0m"), "entry.name"),
    "an address of another kind": (put("entry", "code", value="javascript:alert(1)"), "entry.code"),
    "a name that is none": (put("entry", "authors", value=[7]), "entry.authors[0]"),
    "no form of output": (put("entry", "output", value=None), "entry"),
    "a form of detections": (put("entry", "detections", value="raw"), "entry"),
    "a negative cost": (put("entry", "parameters", value=-1), "entry.parameters"),
    "an unknown key": (put("note", value="best of all"), "note"),
    "a missing key": (drop("support"), "support"),
    "a value without a group": (
        put("scores", "f1", "left_out", 2, value=scaled(1.01)),
        "scores.f1.left_out[2]",
    ),
    "a group too few": (
        put("scores", "map", "left_out", value=lambda values: values[1:]),
        "scores.map.left_out",
    ),
    "values without a group that spread too much": (
        put("scores", "map", "left_out", value=lambda of: [0.05 if k % 2 else 0.95 for k in range(len(of))]),
        "scores.map.left_out",
    ),
    "values without a group that are all the same": (
        put("scores", "map", "left_out", value=lambda of: of[:1] * len(of)),
        "scores.map.left_out",
    ),
    "one group that decides": (
        put("scores", "map", "left_out", 3, value=0.002),
        "scores.map.left_out",
    ),
    "frames of a group": (put("group_frames", 1, value=lambda n: n + 1), "group_frames[1]"),
    "a missing key of a score": (drop("scores", "f1", "other_intervals"), "scores.f1.other_intervals"),
    "an unknown format": (put("format", value=4), "format"),
    "an older format": (put("format", value=1), "digest"),
}
DETAILS: dict[str, tuple[Change, str]] = {
    "a cell of a confusion": (
        put("details", "parts", "one", "confusion", 0, 1, value=lambda n: n + 1),
        "details.parts.one.confusion[0]",
    ),
    "two cells of a row": (
        put("details", "parts", "one", "confusion", 0, value=lambda row: [row[0], row[1] + 1, row[2] - 1]),
        "details.parts.one.confusion[0][1]",
    ),
    "a count of a recording": (move_frames, "scores.f1.per_run.seed1"),
    "counts of no shape": (
        put("details", "parts", "one", "recordings", "counts", 0, value=[0, 0, 1]),
        "details.parts.one.recordings.counts[0]",
    ),
    "a category that is none": (
        put("details", "parts", "two", "categories", 0, value=[3]),
        "details.parts.two.categories[0]",
    ),
    "a group of a recording": (
        put("details", "parts", "one", "recordings", "group", 1, value=1),
        "details.parts.one.recordings.group[1]",
    ),
    "a recording of another task": (
        put("details", "parts", "one", "recordings", "id", 0, value="x1"),
        "details.parts.one.recordings.id[0]",
    ),
    "frames of a recording": (
        put("details", "parts", "one", "recordings", "frames", 0, value=lambda n: n - 1),
        "details.parts.one.recordings.frames[0]",
    ),
    "a value of a recording": (
        put("details", "parts", "one", "recordings", "values", "f1", 0, value=0.5),
        "details.parts.one.recordings.values.f1[0]",
    ),
    "an accuracy of a recording": (
        put("details", "parts", "two", "recordings", "values", "accuracy", 0, value=0.5),
        "details.parts.two.recordings.values.accuracy",
    ),
    "a value of a recording out of range": (
        put("details", "parts", "one", "recordings", "values", "map", 0, value=1.25),
        "details.parts.one.recordings.values.map[0]",
    ),
    "a count by distance": (
        put("details", "parts", "one", "boundary", "all", "right", 0, value=lambda n: n + 1),
        "details.parts.one.boundary.all.right[0]",
    ),
    "more right than there are": (
        put("details", "parts", "one", "boundary", "per_class", "attack", "right", 2, value=10**6),
        "details.parts.one.boundary.per_class.attack.right[2]",
    ),
    "a curve of onsets": (
        put("details", "parts", "two", "edges", "onset", "attack", "f1", 5, value=0.0),
        "details.parts.two.edges.onset.attack.f1[5]",
    ),
    "an end of a curve": (
        put("details", "parts", "two", "edges", "offset", "mount", "f1", 30, value=1.0),
        "scores.offset_f1_area.per_part.two.per_class.mount",
    ),
    "a number of runs": (put("details", "runs", value=3), "details.runs"),
    "details of a part less": (drop("details", "parts", "two"), "details.parts.two"),
    "no details": (put("details", value={}), "details"),
    "no counts": (
        drop("details", "parts", "one", "recordings", "counts"),
        "details.parts.one.recordings.counts",
    ),
}
TAMPERED = SCORES | CARDS | DETAILS


@pytest.mark.slow
def test_an_untouched_result_has_no_fault(result: Result, overlapping: Result, tmp_path: Path) -> None:
    for one in (result, overlapping):
        assert check_result(write(one, tmp_path)).faults == ()
    code, printed = run("verify", "--results", tmp_path)
    assert (code, printed.splitlines()[-1]) == (0, "2 results: 2 ok, 0 with faults")
    assert run("publish", "--results", tmp_path, "--out", tmp_path / "site")[0] == 0
    assert (tmp_path / "site" / "toy--toy-entry.html").is_file()


@pytest.mark.parametrize("name", TAMPERED)
def test_what_was_changed_by_hand_is_named_with_its_place(name: str, result: Result, tmp_path: Path) -> None:
    """The digest of the file is made anew each time, so that it is not the digest that tells."""
    change, place = TAMPERED[name]
    made = content(result)
    change(made)
    write_content(tmp_path, made)
    refused(tmp_path, place)


@pytest.mark.parametrize("place", ["predictions_digest", "truth_digest"])
def test_what_nothing_else_derives_is_noticed_by_the_digest_of_the_file(
    place: str, result: Result, tmp_path: Path
) -> None:
    made = content(result)
    put(place, value="f" * 64)(made)
    write_content(tmp_path, made, seal=False)
    refused(tmp_path, "digest")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (put("scores", "f1", "value", value=scaled(1.01)), "scores.f1.value"),
        (put("truth_digest", value="f" * 64), "truth_digest"),
        (
            put("details", "parts", "all", "confusion", 2, 2, value=lambda n: n + 1),
            "details.parts.all.confusion[2]",
        ),
        (put("frames", value=lambda n: n - 1), "frames"),
        (put("scores", "accuracy", "value", value=0.9), "scores.accuracy.value"),
        (everywhere("recall", "social", 1.01), "scores.recall.per_part.all.per_class.social"),
        (
            everywhere("onset_f1_within_5", "social", 1.01),
            "scores.onset_f1_within_5.per_part.all.per_class.social",
        ),
        (put("digest", value="0" * 64), "digest"),
        (
            put("details", "parts", "all", "recordings", "group", value=list(range(12))),
            "details.parts.all.recordings.group",
        ),
    ],
)
def test_the_first_format_is_checked_as_far_as_it_goes(change: Change, place: str, tmp_path: Path) -> None:
    made = json.loads(FIRST_FORMAT.read_bytes())
    assert made["format"] == 1
    change(made)
    write_content(tmp_path, made)
    refused(tmp_path, place)


def test_one_run_of_the_first_format_follows_from_its_confusion(result: Result, tmp_path: Path) -> None:
    """F1 in every place that has it: only the matrix tells."""
    made = content(toy_result(toy_task(), seeds=(5,)))
    older(made, 1)
    del made["digest"]
    for part in made["details"]["parts"].values():
        del part["categories"], part["recordings"]["group"], part["recordings"]["counts"]
    path = write_content(tmp_path, made)
    assert check_result(path).faults == ()
    for metric in ("f1", "f1_all_classes"):
        everywhere(metric, "mount", 1.01)(made)
    write_content(tmp_path, made)
    refused(tmp_path, "scores.f1.per_part.one.per_class.mount")


def test_the_second_format_is_read_without_what_it_lacks(result: Result, tmp_path: Path) -> None:
    made = content(result)
    older(made, 2)
    path = write_content(tmp_path, made)
    assert check_result(path).faults == ()
    put("scores", "f1", "value", value=scaled(1.01))(made)
    write_content(tmp_path, made)
    refused(tmp_path, "scores.f1.value")


def older(made: dict[str, Any], number: int) -> None:
    """Take out what a result of an earlier format does not have."""
    made["format"] = number
    del made["group_frames"]
    for score in made["scores"].values():
        del score["left_out"]


def test_where_classes_overlap_the_counts_of_sets_tell(overlapping: Result, tmp_path: Path) -> None:
    made = content(overlapping)
    assert "confusion" not in made["details"]["parts"]["one"]
    put("scores", "cohen_kappa", "per_part", "one", "value", value=scaled(1.01))(made)
    write_content(tmp_path, made)
    refused(tmp_path, "scores.cohen_kappa.per_part.one.value")


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old.encode(), new.encode(), 1)


FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "NaN": (replaced('"value": 0', '"value": NaN, "old": 0'), "values that JSON does not have: "),
    "Infinity": (
        replaced('"frames": 1', '"frames": Infinity, "old": 1'),
        "values that JSON does not have: frames",
    ),
    "a number beyond all floats": (
        replaced('"frames": 1', '"frames": 1e999, "old": 1'),
        "values that JSON does not have: frames",
    ),
    "keys that stand twice": (
        replaced('"frames": ', '"frames": 5, "frames": '),
        "keys that stand twice in one object: 'frames'",
    ),
    "half a character": (replaced('"MIT"', '"\\ud800"'), "values that JSON does not have: entry.licence"),
    "deep nesting": (lambda data: b"[" * 200_000 + data, "nested far too deeply"),
    "half a file": (lambda data: data[: len(data) // 2], "not JSON, or cut short: "),
    "no JSON": (lambda data: b"\xff\xfe" + data, "not UTF-8: "),
    "an empty file": (lambda data: b"", "empty file"),
    "a list": (lambda data: b"[" + data + b"]", "format: "),
    "a pointer of git-lfs": (
        lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "a git-lfs pointer",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_strict_json_is_refused(name: str, result: Result, tmp_path: Path) -> None:
    change, fault = FILES[name]
    path = write_content(tmp_path, content(result))
    path.write_bytes(change(path.read_bytes()))
    code, printed = run("verify", "--results", tmp_path)
    assert code == 4
    assert f"\n  {fault}" in printed
    assert run("publish", "--results", tmp_path, "--out", tmp_path / "site")[0] == 4
    assert not (tmp_path / "site").exists()


def test_a_link_is_not_followed(result: Result, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    path = write(result, tmp_path)
    (folder / path.name).symlink_to(path)
    (fault,) = check_results(folder)[0].faults
    assert "a link, expected a file" in str(fault)
    assert run("publish", "--results", folder, "--out", tmp_path / "site")[0] == 4


def test_a_file_name_that_is_not_the_entrys(result: Result, tmp_path: Path) -> None:
    write(result, tmp_path).rename(tmp_path / "toy--another.json")
    refused(tmp_path, "entry.id")


def test_of_one_task_the_truth_of_most_is_the_truth(result: Result, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        made = content(replace(result, entry={**result.entry, "id": name}))
        if name == "b":
            made["truth_digest"] = "f" * 64
        write_content(tmp_path, made)
    assert "truth_digest: another truth" in run("verify", "--results", tmp_path)[1]
    assert [bool(one.faults) for one in check_results(tmp_path)] == [False, True, False]
    made["changed"] = [{"name": "labels.csv", "expected": "sha256:0", "found": "sha256:1"}]
    made["entry"]["id"] = "b"
    made["truth_digest"] = "f" * 64
    write_content(tmp_path, made)
    assert not any(one.faults for one in check_results(tmp_path)), "data that were changed are another truth"


def test_faults_are_listed_for_programs(result: Result, tmp_path: Path) -> None:
    made = content(result)
    put("scores", "f1", "value", value=1.5)(made)
    path = write_content(tmp_path, made)
    code, printed = run("verify", "--results", tmp_path, "--json")
    assert code == 4
    ((of_file),) = json.loads(printed[: printed.rindex("]") + 1])
    assert of_file["file"] == str(path)
    assert of_file["faults"][0] == {
        "place": "scores.f1.value",
        "found": "1.5",
        "expected": "from 0 to 1, the range of f1",
    }
    assert of_file["next"].startswith("bench evaluate submissions/toy-entry --task toy")


@pytest.mark.slow
def test_one_tampered_file_does_not_hide_behind_others(result: Result, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    for path in COMMITTED.glob("*--prior.json"):
        shutil.copy(path, tmp_path / "results")
    made = content(result)
    put("scores", "f1", "value", value=1.5)(made)
    write_content(tmp_path / "results", made)
    printed = _refused(tmp_path / "results", "scores.f1.value", others=True)
    assert printed.count(": ok\n") == len(list(COMMITTED.glob("*--prior.json")))
    pages = {path.name for path in (tmp_path / "results" / "site").glob("*.html")}
    assert {f"{path.stem}.html" for path in COMMITTED.glob("*--prior.json")} < pages
    assert not [name for name in pages if "toy" in name]
    assert run("verify", "rat-dyads", "--results", tmp_path / "results")[0] == 0
    assert run("verify", "toy", "--results", tmp_path / "results")[0] == 4


def test_nothing_to_check_is_no_success(tmp_path: Path) -> None:
    assert run("verify", "--results", tmp_path)[0] == UsageError.exit_code
    assert run("verify", "--results", tmp_path / "nowhere")[0] == UsageError.exit_code


def test_what_is_read_speaks_of_the_task_as_it_is_declared(result: Result, tmp_path: Path) -> None:
    made = content(result)
    made["task"] |= {"title": "Best of all tasks", "question": "<script>?"}
    made["task"]["metrics"][0]["definition"] = "The best."
    path = write_content(tmp_path, made)
    assert read_result(path).task == result.task
    (tmp_path / "._a--b.json").write_bytes(b"\x00\x05\x16\x07")  # macOS leaves it on shares
    assert [one.task for one in read_results(tmp_path)] == [result.task]
    run("publish", "--results", tmp_path, "--out", tmp_path / "site")
    assert "Best of all" not in "".join(page.read_text() for page in (tmp_path / "site").iterdir())


def test_explain_and_a_new_card_refuse_a_tampered_result(result: Result, tmp_path: Path) -> None:
    made = content(result)
    put("scores", "f1", "value", value=1.5)(made)
    path = write_content(tmp_path, made)
    with pytest.raises(DataError) as caught:
        read_result(path)
    assert caught.value.hint is not None
    assert "scores.f1.value: 1.5, expected from 0 to 1, the range of f1" in caught.value.problems
    assert run("explain", "toy", "toy-entry", "--results", tmp_path)[0] == 4


def test_scoring_again_mends_a_result_that_was_changed(result: Result, tmp_path: Path) -> None:
    for seal in (True, False):
        made = content(result)
        put("scores", "f1", "value", value=0.9)(made)
        path = write_content(tmp_path, made, seal=seal)
        write(result, tmp_path)
        assert check_result(path).faults == ()


@pytest.mark.slow
def test_the_committed_results_are_all_as_they_should_be() -> None:
    checked = check_results(COMMITTED)
    assert checked
    assert {one.path.name: list(map(str, one.faults)) for one in checked if one.faults} == {}


def test_two_results_are_read_as_they_were_written(result: Result, overlapping: Result) -> None:
    for one in (result, overlapping):
        assert parse(content(one)).digest() == one.digest()
        assert any(math.isnan(score.low) for score in one.scores["f1"].per_part.values())


def test_tasks_of_few_groups_have_no_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = few(toy_task())
    monkeypatch.setattr(datasets, "TASKS", (small,))
    made: Any = content(toy_result(small))
    path = write_content(tmp_path, made)
    assert check_result(path).faults == ()
    assert read(path).interval["reason"] is not None
    made["scores"]["f1"] |= {"low": made["scores"]["f1"]["value"], "high": 1.0}
    write_content(tmp_path, made)
    refused(tmp_path, "scores.f1")


def few(task: Task) -> Task:
    """Return the task with three groups: those of its second part, in both."""
    split = task.load_split()
    parts = dict.fromkeys(split.parts, split.parts["two"])
    return replace(task, split=replace(split, parts=parts))


ODD = [None, 0, -1, 2**39, 1e308, 0.5, "", "inf", [], {}, [0], {"a": 1}, True, [[0, 0, 1, 1]], "0" * 64]


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the places of a document: all keys of tables, the first three items of lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value[:3])
    for key, inner in items:
        yield (*place, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*place, key))


def test_no_odd_value_anywhere_is_an_error_of_the_program(
    result: Result, overlapping: Result, tmp_path: Path
) -> None:
    random = Random(0)  # noqa: S311
    for k in range(90):
        made = content((result, overlapping)[k % 2])
        place = random.choice(list(places(made)))
        change = drop(*place) if random.random() < 0.2 else put(*place, value=random.choice(ODD))
        change(made)
        made["digest"] = digest_of(made)
        path = tmp_path / "toy--toy-entry.json"
        path.write_bytes(json.dumps(made).encode())
        for fault in check_result(path).faults:
            assert str(fault)


def test_results_are_read_where_they_are_checked() -> None:
    """Whoever builds a result from a file elsewhere goes past every check."""
    room = ROOT / "bench" / "verification" / "results"
    for path in (ROOT / "bench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "bench.results":
                assert "parse" not in {alias.name for alias in node.names} or path.is_relative_to(room)
