"""Lines that localisers are compared with: what they answer, and what they score."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench import store
from bench.evaluation import evaluate
from bench.floors import compute_floors, find_floors, frozen_floors, frozen_floors_of
from bench.kinds import kind_of
from bench.metrics import DETECTION_METRICS, METRICS_VERSION
from bench.recordings import Detections, Recording
from bench.results import Result
from bench.splits import Split
from bench.tasks import WHOLE_RECORDINGS, Task
from bench.text import floors_text
from tests.toys import CARD, CLASSES, FEW, recordings
from tests.toys import task as frame_task

TRAIN, TEST = ("m1", "m2", "m3", "m4"), ("m5", "m6", "m7")
SPLIT = Split(
    name="toy",
    source="own",
    rule="by name",
    parts={
        "all": {
            "train": {id_: (id_,) for id_ in TRAIN},
            "val": {},
            "test": {id_: (id_,) for id_ in TEST},
        }
    },
)


def bouts() -> Task:
    return replace(
        frame_task(),
        kind="segments",
        classes=CLASSES[:2],
        background=None,
        metrics=DETECTION_METRICS,
        protocol=WHOLE_RECORDINGS,
        split=SPLIT,
    )


def answers(name: str, draw: int = 0) -> dict[str, Detections]:
    held = recordings()
    floor = next(one for one in kind_of(bouts()).floors if one.name == name)
    answer = floor.learn(bouts(), [held[id_] for id_ in TRAIN])
    return {id_: answer(held[id_], draw) for id_ in TEST}


def seconds(recording: Recording) -> float:
    return recording.frames / recording.fps


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    both = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    return both / (one[1] - one[0] + other[1] - other[0] - both)


def one_threshold(given: dict[str, Detections], label: int, least: float) -> float:
    """Return the AP of detections that are all equally sure: precision times recall."""
    held, hits, detections, segments = recordings(), 0, 0, 0
    for id_ in TEST:
        truth = bouts().segments(held[id_])
        true = truth.bounds[truth.labels == label]
        mine = given[id_].bounds[given[id_].labels == label]
        free = list(range(len(true)))
        for bounds in mine[np.lexsort((mine[:, 1], mine[:, 0]))]:
            best = max(free, key=lambda k: overlap(bounds, true[k]), default=None)
            if best is not None and overlap(bounds, true[best]) >= least:
                hits += 1
                free.remove(best)
        detections, segments = detections + len(mine), segments + len(true)
    return (hits / detections) * (hits / segments) if hits else 0.0


def test_the_oracle_answers_the_classes_that_occur_over_the_whole_recording() -> None:
    held = recordings()
    for id_, given in answers("true_classes").items():
        assert set(given.labels.tolist()) == set(bouts().segments(held[id_]).labels.tolist())
        assert given.bounds.tolist() == [[0.0, seconds(held[id_])]] * len(given.labels)


def test_the_length_prior_lays_the_median_length_end_to_end() -> None:
    held = recordings()
    trained = [bouts().segments(held[id_]) for id_ in TRAIN]
    for label in range(2):
        lengths = np.concatenate([np.diff(one.bounds, axis=1)[one.labels == label, 0] for one in trained])
        for id_, given in answers("length_prior").items():
            mine = given.bounds[given.labels == label]
            assert len(mine) == round(seconds(held[id_]) / np.median(lengths))
            assert (mine[0, 0], mine[-1, 1]) == (0.0, pytest.approx(seconds(held[id_])))
            assert all(end == start for (_, end), (start, _) in pairwise(mine.tolist()))


def test_random_is_the_same_each_time_and_another_with_each_draw() -> None:
    held = recordings()
    first, again, other = answers("random"), answers("random"), answers("random", 1)
    for id_ in TEST:
        np.testing.assert_array_equal(first[id_].bounds, again[id_].bounds)
        np.testing.assert_array_equal(first[id_].scores, again[id_].scores)
        assert first[id_].bounds.min() >= 0
        assert first[id_].bounds.max() <= seconds(held[id_])
    assert any(len(first[id_].scores) != len(other[id_].scores) for id_ in TEST)


@pytest.fixture
def stored(bench_home: Path) -> Task:
    task = bouts()
    store.pull(replace(task.dataset, read=lambda _: iter(recordings().values())), Path())
    return task


@pytest.mark.parametrize("name", ["true_classes", "length_prior"])
def test_their_scores_are_those_of_an_independent_computation(name: str, stored: Task) -> None:
    given = answers(name)
    levels = [0.3, 0.4, 0.5, 0.6, 0.7]
    expected = np.mean([[one_threshold(given, label, least) for label in range(2)] for least in levels])
    assert compute_floors(stored).values[name] == pytest.approx(expected, abs=1e-12)


def result_of(task: Task) -> Result:
    predictions = {"seed0": {"all": answers("random")}}
    return evaluate(task, {**CARD, "detections": "final"}, predictions, recordings(), resamples=FEW)


def scoring(result: Result, value: float) -> Result:
    """Return the result with another value of the metric that ranks."""
    score = replace(result.scores["detection_map"], value=value)
    return replace(result, scores={**result.scores, "detection_map": score})


def test_without_recordings_there_are_none(bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.floors.get_task", lambda _: bouts())
    assert find_floors(result_of(bouts())) is None


def test_an_entry_below_a_line_is_said_to_be(stored: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.floors.get_task", lambda _: stored)
    result = result_of(stored)
    floors = find_floors(result)
    assert floors == compute_floors(stored)
    assert "BELOW" not in floors_text(scoring(result, 1.0), floors)
    between = (floors.values["length_prior"] + floors.values["random"]) / 2
    assert floors.values["random"] < between < floors.values["length_prior"]
    assert floors_text(scoring(result, between), floors).endswith("BELOW length prior")
    assert frozen_floors_of(result) is None
    assert find_floors(replace(result, truth_digest="0" * 64)) is None


def test_frozen_lines_are_those_of_this_version_of_the_metrics() -> None:
    assert "rat-dyads-bouts" in frozen_floors()
    assert {floors.metrics_version for floors in frozen_floors().values()} == {METRICS_VERSION}
