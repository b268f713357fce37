"""Evidence: what lies behind a score can be rebuilt, is bound to the result, and refused when changed."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import precision_recall_curve, roc_curve

from bench import load_task, write_run
from bench.cli import cli
from bench.datasets import get_task
from bench.evidence import BOUTS, DETECTIONS, MISTAKES, evidence, labels_of_rows, rows_of
from bench.evidence.curves import calibration, curves
from bench.evidence.localised import by_length, mistakes, surest
from bench.recordings import Detections, Segments
from bench.results import EVIDENCE, Result, canonical, digest_of
from bench.store import pull_simulated
from bench.submissions import Entry, TaskCard, write_card
from bench.submitting import evaluate, write_results
from bench.verification.results import check_result, with_absent_evidence
from bench.verification.results.evidence import read_evidence

TASK = "demo-4x90"


@pytest.fixture
def scored(bench_home: Path, tmp_path: Path) -> tuple[Result, Path]:
    """Score two runs of an entry that is right in most frames; return the result and its file."""
    task = get_task(TASK)
    pull_simulated(task.dataset)
    folder = tmp_path / "entry"
    card = TaskCard(
        classes=task.classes, output="probabilities", description="made up", extra_data="none", causal=False
    )
    write_card(folder, Entry("entry", "Entry", ("nobody",), "CC0", {TASK: card}))
    rng = np.random.default_rng(5)
    for run in range(2):
        scores = {}
        for recording in load_task(TASK).recordings("test"):
            noise = rng.dirichlet(np.ones(len(task.classes)), recording.frames)
            scores[recording.id] = (0.3 * recording.labels + 0.7 * noise).astype(np.float32)
        write_run(folder, TASK, run, scores)
    (result,) = evaluate(folder)
    _, (file,) = write_results(folder, [result], tmp_path / "results")
    return result, file


@pytest.mark.parametrize("exclusive", [True, False])
def test_rows_of_bouts_give_the_labels_back(exclusive: bool) -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat(rng.random((13, 3)) < 0.4, rng.integers(1, 9, 13), axis=0)
    if exclusive:
        labels &= np.cumsum(labels, axis=1) == 1
    rows = rows_of(labels, exclusive=exclusive)
    assert len(rows) == (1 if exclusive else 3)
    assert (labels_of_rows(rows, 3) == labels).all()


def test_curves_are_points_of_the_reference_ones() -> None:
    rng = np.random.default_rng(3)
    truth = rng.random(997) < 0.2
    scores = np.round(rng.normal(truth, 1.0), 1)  # with ties
    made = curves(truth, scores)
    precision, recall, _ = precision_recall_curve(truth, scores)
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    steps = np.linspace(0, 1, 33)
    for step, one, other in zip(steps, made["precision"], made["recall"], strict=True):
        first = max(step, 1 / truth.sum())
        assert one == pytest.approx(precision[np.flatnonzero(recall >= first - 1e-9)[-1]], abs=5e-5)
        assert other == pytest.approx(true[np.flatnonzero(false <= step + 1e-9)[-1]], abs=5e-5)
    assert curves(np.zeros(4, dtype=bool), np.arange(4.0))["precision"] == [None] * 33
    assert curves(np.ones(4, dtype=bool), np.arange(4.0))["recall"] == [None] * 33


def test_bins_of_scores_hold_every_frame_once() -> None:
    truth = np.array([True, False, True, True])
    made = calibration(truth, np.array([0.0, 0.05, 0.35, 1.0]))
    assert made["frames"] == [2, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert made["true"] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert made["scores"][0] == 0.05


def test_detections_are_sorted_by_their_mistake() -> None:
    truth = Segments(np.array([[0.0, 10.0], [20.0, 24.0], [40.0, 41.0]]), np.array([0, 1, 0]), 2)
    rows = [  # bounds, score: right, double, badly placed, confusion, background
        ([0.0, 9.0], 0.9),
        ([1.0, 10.0], 0.8),
        ([40.0, 45.0], 0.7),
        ([20.0, 24.0], 0.6),
        ([60.0, 61.0], 0.5),
    ]
    bounds, scores = (np.array(column) for column in zip(*rows, strict=True))
    given = Detections(bounds, np.zeros(5, dtype=np.int64), scores)
    made = mistakes([truth], [given], 0)
    assert made["segments"] == 2
    assert made["counts"]["1"] == [1, 1, 0, 0, 0]
    assert made["counts"]["5"] == [1] * len(MISTAKES)
    shuffled = given.take(np.array([3, 0, 4, 2, 1]))
    assert mistakes([truth], [shuffled], 0) == made
    assert mistakes([truth], [given], 1)["counts"]["10"] == [0] * len(MISTAKES)
    lengths = by_length([truth], [given], 0)
    assert lengths == {"segments": [0, 0, 1, 0, 0, 1], "hits": [0, 0, 0, 0, 0, 1]}


def test_the_surest_detections_are_kept() -> None:
    count = DETECTIONS + 7
    bounds = np.column_stack([np.arange(count), np.arange(count) + 1.0])
    kept = surest(Detections(bounds, np.zeros(count, dtype=np.int64), np.arange(count, dtype=np.float64)))
    assert len(kept.labels) == DETECTIONS
    assert kept.scores.min() == 7


def test_a_result_is_bound_to_its_evidence(scored: tuple[Result, Path]) -> None:
    result, file = scored
    checked = check_result(file)
    assert not checked.faults
    assert checked.result is not None
    assert checked.result.beside == result.beside
    task = get_task(TASK)
    (part,) = result.beside["parts"].values()
    for recording in load_task(TASK).recordings("test"):
        rows = part["recordings"][recording.id]
        assert (labels_of_rows(rows["truth"], len(task.classes)) == recording.labels).all()
    assert len(part["agreement"]) == 61
    assert part["agreement"][30] == pytest.approx(result.scores["accuracy"].per_run["seed0"], abs=1e-4)
    assert sum(part["calibration"][task.classes[0]]["frames"]) == result.frames


def test_the_same_predictions_give_the_same_bytes(scored: tuple[Result, Path], tmp_path: Path) -> None:
    result, file = scored
    _, (again,) = write_results(tmp_path / "entry", evaluate(tmp_path / "entry"), tmp_path / "more")
    one, other = (path.parent / EVIDENCE / path.name for path in (file, again))
    assert one.read_bytes() == other.read_bytes() == canonical(result.beside)


def bout_moved(content: dict[str, Any], task: Any) -> None:
    part = content["parts"]["all"] if "all" in content["parts"] else next(iter(content["parts"].values()))
    row = next(iter(part["recordings"].values()))["entry"][0]
    row["states"][0] = (row["states"][0] + 1) % len(task.classes)


def truth_moved(content: dict[str, Any], task: Any) -> None:
    row = next(iter(next(iter(content["parts"].values()))["recordings"].values()))["truth"][0]
    row["states"][0] = (row["states"][0] + 1) % len(task.classes)


def length_wrong(content: dict[str, Any], _task: Any) -> None:
    next(iter(next(iter(content["parts"].values()))["recordings"].values()))["entry"][0]["lengths"][0] += 1


def state_of_nothing(content: dict[str, Any], task: Any) -> None:
    row = next(iter(next(iter(content["parts"].values()))["recordings"].values()))["entry"][0]
    row["states"][0] = len(task.classes)


def recording_unknown(content: dict[str, Any], _task: Any) -> None:
    recordings = next(iter(content["parts"].values()))["recordings"]
    recordings["mouse999"] = recordings.pop(next(iter(recordings)))


def edges_fall(content: dict[str, Any], _task: Any) -> None:
    next(iter(next(iter(content["parts"].values()))["recordings"].values()))["counted"][:] = [50, 10]


def run_unknown(content: dict[str, Any], _task: Any) -> None:
    content["run"] = "seed7"


def curve_too_high(content: dict[str, Any], task: Any) -> None:
    next(iter(content["parts"].values()))["curves"][task.classes[0]]["precision"][4] = 1.5


def key_added(content: dict[str, Any], _task: Any) -> None:
    content["script"] = "<script>"


CHANGES: dict[Callable[[dict[str, Any], Any], None], str] = {
    bout_moved: "recordings",
    truth_moved: "parts",
    length_wrong: "entry",
    state_of_nothing: "states",
    recording_unknown: "mouse999",
    edges_fall: "counted",
    run_unknown: "run",
    curve_too_high: "precision",
    key_added: "script",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_refused_even_with_the_digests_made_anew(
    change: Callable[[dict[str, Any], Any], None], scored: tuple[Result, Path]
) -> None:
    result, file = scored
    content = copy.deepcopy(dict(result.beside))
    change(content, get_task(TASK))
    beside = file.parent / EVIDENCE / file.name
    beside.write_bytes(canonical(content))
    (fault,) = check_result(file).faults
    assert fault.place == (EVIDENCE,), "its digest is another"
    stored = json.loads(file.read_text())
    stored["evidence"] = digest_of_file(content)
    stored["digest"] = digest_of(stored)
    file.write_bytes(canonical(stored))
    faults = check_result(file).faults
    assert faults
    assert all(fault.place[0] == EVIDENCE for fault in faults)
    assert any(CHANGES[change] in map(str, fault.place) for fault in faults)


def digest_of_file(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()


def test_what_is_not_at_hand_or_no_file_is_refused(scored: tuple[Result, Path], tmp_path: Path) -> None:
    _, file = scored
    beside = file.parent / EVIDENCE / file.name
    (tmp_path / "elsewhere.json").write_bytes(beside.read_bytes())
    beside.unlink()
    assert not check_result(file).faults, "a result that lies alone can be read"
    assert [fault.place for fault in with_absent_evidence(check_result(file)).faults] == [(EVIDENCE,)]
    printed = CliRunner().invoke(cli, ["verify", "--results", str(file.parent)])
    assert printed.exit_code == 0
    assert "1 ok" in printed.stdout
    arguments = ["publish", "--results", str(file.parent), "--out", str(tmp_path / "site")]
    published = CliRunner().invoke(cli, arguments)
    assert published.exit_code == 0
    (note,) = [line for line in printed.stderr.splitlines() if f"{EVIDENCE}/{file.name}" in line]
    assert note in published.stderr.splitlines(), "both commands say it"
    beside.symlink_to(tmp_path / "elsewhere.json")
    assert [fault.place for fault in check_result(file).faults] == [(EVIDENCE,)]
    beside.unlink()
    beside.write_bytes(b"[" * 100_000)
    assert [fault.place for fault in check_result(file).faults] == [(EVIDENCE,)]


def test_a_file_stays_in_its_bounds(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = get_task(TASK)
    pull_simulated(task.dataset)
    recordings = {one.id: one for one in load_task(TASK).recordings("test")}
    split = task.load_split()
    (part,) = split.parts
    scores = {id_: one.labels.astype(np.float32) for id_, one in recordings.items()}
    whole = evidence(task, {"output": "scores"}, {"seed0": {part: scores}}, recordings)
    assert whole is not None
    assert whole["left_out"] == []
    assert "calibration" not in whole["parts"][part]
    monkeypatch.setattr("bench.evidence.made.BOUTS", 0)
    cut = evidence(task, {"output": "scores"}, {"seed0": {part: scores}}, recordings)
    assert cut is not None
    assert cut["left_out"] == [f"{part}/{id_}" for id_ in whole["parts"][part]["recordings"]]
    assert len(canonical({"lengths": [10_000] * BOUTS, "states": [10] * BOUTS})) < 4 * 2**20


def test_labels_that_may_not_be_published_stay_out(scored: tuple[Result, Path]) -> None:
    result, file = scored
    open_task = get_task(TASK)
    closed = replace(open_task, dataset=replace(open_task.dataset, redistributable=False))
    (part,) = closed.load_split().parts
    recordings = {one.id: one for one in load_task(TASK).recordings("test")}
    scores = {id_: one.labels.astype(np.float32) for id_, one in recordings.items()}
    made = evidence(closed, {"output": "scores"}, {"seed0": {part: scores}}, recordings)
    assert made is not None
    assert made["parts"][part]["recordings"] == {}
    assert made["left_out"] == [f"{part}/{id_}" for id_ in recordings]
    assert set(made["parts"][part]["curves"]) == set(closed.classes)
    content, faults = read_evidence(file, closed, result)
    assert content is None
    assert {fault.place for fault in faults} == {
        (EVIDENCE, "parts", part, "recordings", id_) for id_ in recordings
    }
