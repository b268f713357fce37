"""A localisation task from end to end: truth, evaluation, comparison, and the way of the commands."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench import store
from bench.cli import cli
from bench.datasets import demo, get_task
from bench.errors import UsageError
from bench.evaluation import evaluate
from bench.evaluation.compare import compare
from bench.floors import compute_floors, frozen_floors
from bench.metrics import DETECTION_METRICS, softnms
from bench.recordings import Detections, Recording, Segments, one_hot
from bench.results import canonical, to_json
from bench.scoring import score_segments
from bench.submissions import Predictions
from bench.tasks import WHOLE_RECORDINGS, Task
from bench.text import comparison_text, result_text
from bench.verification.results import read_results
from tests.made_up import read
from tests.toys import CLASSES, FRAMES, recordings
from tests.toys import task as frame_task

FINAL, RAW = ({"id": "entry", "name": "Entry", "detections": form} for form in ("final", "raw"))
Found = dict[str, Detections]


def task(**parts: tuple[str, ...]) -> Task:
    """Ask for the bouts of the toy recordings; classes in another order than theirs."""
    return replace(
        frame_task(**parts),
        kind="segments",
        classes=("mount", "attack"),
        background=None,
        metrics=DETECTION_METRICS,
        protocol=WHOLE_RECORDINGS,
    )


def found(of: Task, truth: dict[str, Recording], seed: int, jitter: float) -> Found:
    """Detect every true segment, moved by so many seconds, and as many that are not there."""
    rng = np.random.default_rng(seed)
    made = {}
    for id_, recording in truth.items():
        segments, end = of.segments(recording), recording.frames / recording.fps
        count = len(segments.labels)
        moved = np.sort(np.clip(segments.bounds + rng.normal(0, jitter, (count, 2)), 0, end), axis=1)
        start = rng.uniform(0, end - 0.3, count if jitter else 0)
        bounds = np.concatenate([moved, np.column_stack([start, start + 0.3])])
        labels = np.concatenate([segments.labels, rng.integers(0, 2, len(start))])
        scores = np.concatenate([rng.uniform(0.4, 1.0, count), rng.uniform(0.0, 0.8, len(start))])
        long = bounds[:, 1] - bounds[:, 0] > 0.01
        made[id_] = Detections(bounds[long], labels[long], scores[long])
    return made


# --- Truth -------------------------------------------------------------------------------------------------


def test_the_truth_is_the_bouts_of_the_labels_in_the_order_of_the_task() -> None:
    labels = one_hot(np.array([0, 0, -1, 0, 1, 1, 2, 1]), 3)
    held = Recording("m1", "m1", 4.0, CLASSES, labels, labels.any(axis=1))
    segments = task().segments(held)
    np.testing.assert_array_equal(segments.bounds, [[1.0, 1.5], [1.75, 2.0], [0.0, 0.5], [0.75, 1.0]])
    np.testing.assert_array_equal(segments.labels, [0, 0, 1, 1])
    assert segments.classes == 2


def test_the_truth_is_the_segments_of_the_recording_where_it_has_some() -> None:
    own = Segments(np.array([[0.0, 1.0], [0.5, 1.5], [0.2, 0.4]]), np.array([1, 2, 0]), 3)
    held = Recording(
        "m1", "m1", 4.0, CLASSES, np.zeros((8, 3), dtype=bool), np.ones(8, dtype=bool), segments=own
    )
    segments = task().segments(held)
    np.testing.assert_array_equal(segments.bounds, [[0.0, 1.0], [0.2, 0.4]])
    np.testing.assert_array_equal(segments.labels, [0, 1])


# --- Evaluation --------------------------------------------------------------------------------------------


def test_perfect_detections_score_one_and_late_ones_less() -> None:
    truth = recordings()
    perfect = evaluate(task(), FINAL, {"seed0": {"all": found(task(), truth, 1, 0.0)}}, truth)
    assert all(perfect.scores[metric.name].value == 1.0 for metric in DETECTION_METRICS)
    late = evaluate(task(), FINAL, {"seed0": {"all": found(task(), truth, 1, 0.08)}}, truth)
    assert 0 < late.scores["detection_map"].value < 1
    assert late.scores["detection_map_30"].value > late.scores["detection_map_70"].value
    assert late.support == {
        name: int(sum((task().segments(r).labels == c).sum() for r in truth.values()))
        for c, name in enumerate(("mount", "attack"))
    }
    assert (late.frames, late.recordings, late.groups) == (sum(FRAMES.values()), 7, 7)
    assert late.truth_digest == perfect.truth_digest
    assert late.predictions_digest != perfect.predictions_digest


def test_numbers_and_intervals_are_those_of_score_segments() -> None:
    truth = recordings()
    predicted = found(task(), truth, 2, 0.1)
    result = evaluate(task(), FINAL, {"seed0": {"all": predicted}}, truth)
    alone = score_segments({id_: task().segments(r) for id_, r in truth.items()}, predicted, task().classes)
    assert result.support == alone.support
    assert dict(result.interval) == dict(alone.interval)
    for name, score in result.scores.items():
        theirs = alone.scores[name]
        assert (score.value, score.low, score.high) == (theirs.value, theirs.low, theirs.high)
        assert score.per_class == theirs.per_class
        assert score.per_class_interval == theirs.per_class_interval


def test_raw_detections_go_through_soft_nms_and_final_ones_do_not() -> None:
    truth = recordings()
    twice = {
        id_: Detections(
            np.concatenate([one.bounds, one.bounds]), np.tile(one.labels, 2), np.concatenate([one.scores] * 2)
        )
        for id_, one in found(task(), truth, 3, 0.1).items()
    }
    entries: dict[str, Predictions] = {
        "twice": {"seed0": {"all": twice}},
        "reduced": {"seed0": {"all": {id_: softnms.soft_nms(one) for id_, one in twice.items()}}},
    }
    raw = evaluate(task(), RAW, entries["twice"], truth)
    reduced = evaluate(task(), FINAL, entries["reduced"], truth)
    final = evaluate(task(), FINAL, entries["twice"], truth)
    assert canonical(to_json(raw)["scores"]) == canonical(to_json(reduced)["scores"])
    assert raw.scores["detection_map"].value > final.scores["detection_map"].value
    assert raw.predictions_digest == final.predictions_digest
    with pytest.raises(UsageError, match="raw or final"):
        evaluate(task(), {"id": "entry"}, entries["twice"], truth)


def test_mean_over_parts_then_over_runs() -> None:
    parts = {"a": ("m1", "m2", "m3"), "b": ("m4", "m5", "m6", "m7")}
    truth = recordings()
    predictions = {
        f"seed{seed}": {
            part: {id_: found(task(), truth, seed, 0.1)[id_] for id_ in ids} for part, ids in parts.items()
        }
        for seed in (0, 1)
    }
    whole = evaluate(task(**parts), FINAL, predictions, truth)
    alone = {
        (run, part): evaluate(
            task(**{part: ids}), FINAL, {run: {part: predictions[run][part]}}, truth
        ).scores["detection_map"]
        for run in predictions
        for part, ids in parts.items()
    }
    score = whole.scores["detection_map"]
    per_run = [np.mean([alone[run, part].value for part in parts]) for run in predictions]
    assert score.value == pytest.approx(np.mean(per_run), abs=1e-12)
    assert list(score.per_run.values()) == pytest.approx(per_run, abs=1e-12)
    over_runs = [np.mean([alone[run, part].value for run in predictions]) for part in parts]
    assert [score.per_part[part].value for part in parts] == pytest.approx(over_runs, abs=1e-12)


def test_a_class_that_few_recordings_show_has_no_interval_and_one_that_none_shows_no_value() -> None:
    truth = {
        id_: replace(r, labels=r.labels & np.array([True, id_ in ("m1", "m2"), True]))
        for id_, r in recordings().items()
    }
    result = evaluate(task(), FINAL, {"seed0": {"all": found(task(), truth, 1, 0.1)}}, truth)
    low, _ = result.scores["detection_map"].per_class_interval["mount"]
    assert math.isnan(low)
    assert not math.isnan(result.scores["detection_map"].per_class_interval["attack"][0])
    none = {id_: replace(r, labels=r.labels & np.array([True, False, True])) for id_, r in truth.items()}
    result = evaluate(task(), FINAL, {"seed0": {"all": found(task(), truth, 1, 0.1)}}, none)
    assert math.isnan(result.scores["detection_map"].per_class["mount"])
    assert to_json(result)["scores"]["detection_map"]["per_class"]["mount"] is None


def test_same_detections_same_bytes_in_whatever_order() -> None:
    truth = recordings()
    predicted = found(task(), truth, 1, 0.1)
    rng = np.random.default_rng(0)
    turned = {
        id_: one.take(rng.permutation(len(one.labels))) for id_, one in reversed(list(predicted.items()))
    }
    first, second = (evaluate(task(), RAW, {"s": {"all": of}}, truth) for of in (predicted, turned))
    assert canonical(to_json(first)) == canonical(to_json(second))


def test_differences_are_those_of_the_two_results() -> None:
    truth = recordings()
    one, other = ({"seed0": {"all": found(task(), truth, 1, jitter)}} for jitter in (0.03, 0.2))
    results = [evaluate(task(), card, entry, truth) for card, entry in ((RAW, one), (FINAL, other))]
    rows = compare(task(), one, other, truth, forms=("raw", "final"))
    assert [row.metric for row in rows] == [metric.name for metric in DETECTION_METRICS]
    for row in rows:
        assert (row.first, row.second) == tuple(result.scores[row.metric].value for result in results)
    assert 0 < rows[0].low < rows[0].difference < rows[0].high
    with pytest.raises(UsageError, match="raw or final"):
        compare(task(), one, other, truth)
    assert "Entry (raw)" in comparison_text(("Entry (raw)", "B"), results[0].task, rows, every=False)


def test_the_table_says_segments_and_raw_or_final() -> None:
    truth = recordings()
    predictions = {"seed0": {"all": found(task(), truth, 1, 0.1)}}
    for card, said in (
        (RAW, "detections: raw, so put through Soft-NMS"),
        (FINAL, "detections: final, scored"),
        ({**FINAL, "remark": "3 of 7 clips"}, " (3 of 7 clips) on "),
    ):
        shown = result_text(evaluate(task(), card, predictions, truth, resamples=0))
        assert said in shown
        assert f"{sum(len(task().segments(r).labels) for r in truth.values())} true segments" in shown
        assert "segments per class: mount " in shown
        assert "frames" not in shown


# --- From end to end ---------------------------------------------------------------------------------------


def bench(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, list(arguments), catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output


def layout(of: Task, truth: dict[str, Recording]) -> str:
    """Write the truth as ActivityNet has it, for `bench score segments`."""
    database = {}
    for id_, recording in truth.items():
        segments = of.segments(recording)
        pairs = zip(segments.bounds.tolist(), segments.labels.tolist(), strict=True)
        rows = [{"segment": bounds, "label": of.classes[label]} for bounds, label in pairs]
        database[id_] = {"annotations": rows}
    return json.dumps({"database": database})


def whole_path(of: Task, folder: Path) -> None:
    """Go the way of a user: start, write, validate, evaluate, compare, publish; and score the same files."""
    ids = of.load_split().ids("all", "test")
    truth = {r.id: r for r in store.load(of.dataset, ids, poses=False)}
    mine, late = folder / "submissions" / "mine", folder / "submissions" / "late"
    for submission, shift in ((mine, 0.0), (late, 0.4)):
        assert f"<run>.json, then bench validate {submission}" in bench(
            "new", str(submission), "--task", of.name
        )
        results = {}
        for id_, recording in truth.items():
            segments, end = of.segments(recording), recording.frames / recording.fps
            moved = np.minimum(segments.bounds + shift, end)
            results[id_] = [
                {"segment": bounds, "label": of.classes[label], "score": 0.9}
                for bounds, label in zip(moved.tolist(), segments.labels.tolist(), strict=True)
                if bounds[0] < bounds[1]
            ]
        (submission / of.name / "seed0.json").write_text(json.dumps({"results": results}))
    card = late / "submission.toml"
    card.write_text(card.read_text().replace('detections = "raw"', 'detections = "final"'))
    assert "detections (raw)" in bench("validate", str(mine))
    place = str(folder / "results")
    for submission in (mine, late):
        printed = bench("evaluate", str(submission), "--results", place)
        assert "mAP over tIoU 0.3:0.1:0.7" in printed
        assert "computed lines, mAP over tIoU 0.3:0.1:0.7: true classes over whole recordings " in printed
    second, first = read_results(folder / "results")
    assert (first.entry["detections"], second.entry["detections"]) == ("raw", "final")
    assert first.scores["detection_map"].value == 1.0
    assert second.scores["detection_map"].value < 1.0
    compared = bench("compare", str(mine), str(late), "--task", of.name)
    assert "mine (raw) against late (final)" in compared
    assert "the difference is mine (raw) minus late (final)" in compared
    (folder / "truth.json").write_text(layout(of, truth))
    arguments = (str(folder / "truth.json"), str(late / of.name / "seed0.json"), "--json")
    scored = json.loads(bench("score", "segments", *arguments))
    for name, score in second.scores.items():
        assert scored["scores"][name]["value"] == pytest.approx(score.value, abs=1e-12)
        low = scored["scores"][name]["low"]
        assert (math.nan if low is None else low) == pytest.approx(score.low, nan_ok=True)
    assert scored["support"] == {name: count for name, count in second.support.items() if count}
    bench("publish", "--results", place, "--out", str(folder / "site"))
    page = (folder / "site" / f"{of.name}.html").read_text()
    for said in ("mAP over tIoU 0.3:0.1:0.7", ">raw detections<", ">final detections<", " true segments of "):
        assert said in page


def test_on_simulated_recordings(bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = get_task("demo-12x900")
    bouts = replace(
        base,
        name="demo-bouts",
        kind="segments",
        classes=base.classes[:3],
        background=None,
        metrics=DETECTION_METRICS,
        protocol=WHOLE_RECORDINGS,
    )
    store.pull_simulated(bouts.dataset)
    monkeypatch.setattr(demo, "task_by_name", lambda name: bouts if name == bouts.name else None)
    whole_path(bouts, tmp_path)


def test_on_the_real_rat_dyads(bench_home: Path, real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "rat-dyads"
    if not folder.is_dir():
        pytest.skip(f"no rat dyads in {real_data}")
    bouts = get_task("rat-dyads-bouts")
    store.pull(bouts.dataset, folder, [bouts])
    whole_path(bouts, tmp_path)
    result = read(tmp_path / "results" / "rat-dyads-bouts--mine.json")
    assert result.support == {"social": 334, "nonsocial": 288, "aggression": 57}
    computed, frozen = compute_floors(bouts), frozen_floors()["rat-dyads-bouts"]
    assert (computed.truth_digest, computed.values) == (frozen.truth_digest, pytest.approx(frozen.values))
    assert "Computed lines, by mAP" in (tmp_path / "site" / "rat-dyads-bouts.html").read_text()
