"""Bouts from frames: which runs become detections, what they score, and a whole localisation submission."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy

from baselines.adapters.bouts import BOUTS, detections
from baselines.contract import Baseline, Predictor, Question, Run, State, Workspace
from baselines.models import get_baseline
from baselines.runs.questions import adapter_for, question_of
from baselines.runs.train import train
from bench.evaluation import evaluate
from bench.kinds import SEGMENTS
from bench.metrics import DETECTION_METRICS
from bench.recordings import Detections, Recording, segments_of
from bench.store import load, pull
from bench.submissions import entry_card, read_tasks
from bench.submissions.forms.detections import MOST
from bench.tasks import WHOLE_RECORDINGS, Task

FPS = 10.0


def bouts(**parts: str) -> Task:
    """Ask the toy for the bouts of two of its classes."""
    return replace(
        toy.task(**parts),
        kind="segments",
        classes=toy.CLASSES[:2],
        background=None,
        metrics=DETECTION_METRICS,
        protocol=WHOLE_RECORDINGS,
    )


def test_runs_above_thresholds_are_scored_by_inside_against_outside() -> None:
    scores = np.zeros((100, 2))
    scores[20:60, 1] = 0.5
    scores[30:50, 1] = 0.9
    found = detections(scores, FPS)
    rows = {
        (label, *bounds): score
        for label, bounds, score in zip(
            found.labels.tolist(), found.bounds.tolist(), found.scores.tolist(), strict=True
        )
    }
    assert rows == {
        (0, 0.0, 10.0): 0.0,
        (1, 0.0, 10.0): pytest.approx((20 * 0.5 + 20 * 0.9) / 100),
        (1, 2.0, 6.0): pytest.approx((20 * 0.5 + 20 * 0.9) / 40),
        (1, 3.0, 5.0): pytest.approx(0.9 * (1 - 0.5)),
    }
    assert (np.diff(found.scores) <= 0).all()


def test_what_is_outside_ends_with_the_recording() -> None:
    scores = np.concatenate([np.full((20, 1), 0.8), np.full((40, 1), 0.2)])
    found = detections(scores, FPS)
    assert dict(zip(map(tuple, found.bounds.tolist()), found.scores.tolist(), strict=True)) == {
        (0.0, 6.0): pytest.approx((20 * 0.8 + 40 * 0.2) / 60),
        (0.0, 2.0): pytest.approx(0.8 * (1 - 0.2)),
    }


def test_a_constant_is_the_whole_recording_however_short() -> None:
    for frames in (4, 400):
        found = detections(np.tile([0.3, 0.0], (frames, 1)), FPS)
        np.testing.assert_array_equal(found.bounds, [[0.0, frames / FPS]] * 2)
        np.testing.assert_allclose(found.scores, [0.3, 0.0], atol=1e-12)


def test_short_runs_are_left_out_and_the_rest_is_what_may_be_submitted() -> None:
    peaks = np.zeros((100, 1))
    peaks[40:49] = 1.0
    assert len(detections(peaks, FPS).labels) == 1
    peaks[40:50] = 1.0
    assert len(detections(peaks, FPS).labels) == 2
    noise = np.kron(np.random.default_rng(0).random((3000, 4)), np.ones((10, 1)))
    assert len(detections(noise, FPS).labels) == MOST


def test_true_frames_give_true_bouts() -> None:
    labels = np.kron(np.random.default_rng(1).random((40, 3)) < 0.4, np.ones((10, 1))).astype(bool)
    found, truth = detections(labels.astype(np.float64), FPS), segments_of(labels, FPS)
    sure = found.take(found.scores > 0.99)
    rows = [sorted(zip(one.labels.tolist(), one.bounds.tolist(), strict=True)) for one in (sure, truth)]
    assert rows[0] == rows[1]


def test_a_model_of_frames_is_asked_about_frames_of_which_several_may_hold() -> None:
    assert adapter_for(get_baseline("prior"), toy.task()) is None
    assert question_of(toy.task(), "all", None).kind == "frames"
    asked, adapter = bouts(), adapter_for(get_baseline("prior"), bouts())
    assert adapter is BOUTS
    question = question_of(asked, "all", adapter)
    assert (question.kind, question.exclusive, question.classes) == ("frames", False, ("chase", "rest"))


def frames_as_annotated(run: Run, state: State, workspace: Workspace) -> Predictor:
    """Answer a question about frames without a fault: the toy's recordings are known by their ids."""

    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[np.ndarray]:
        for recording in recordings:
            assert not recording.labels.any()
            assert not recording.annotated.any()
            yield question.truth(toy.recording(recording.id)).astype(np.float32)

    return predict


PERFECT = replace(
    get_baseline("prior"),
    name="perfect",
    model="test_bouts_from_frames:perfect",
    restore=frames_as_annotated,
)


@pytest.mark.slow
@pytest.mark.parametrize(("baseline", "value"), [(get_baseline("prior"), None), (PERFECT, 1.0)])
def test_a_submission_of_detections(
    baseline: Baseline, value: float | None, bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baselines.adapters.bouts.SHORTEST", 0.0)  # some of the toy's bouts last one frame
    task, out = bouts(first="ab", second="c"), tmp_path / baseline.name
    pull(toy.DATASET, Path())
    paths = [train(baseline, task, seed=seed, device="cpu", out=out) for seed in (0, 1)]
    assert paths == [out / task.name / f"seed{seed}.json" for seed in (0, 1)]
    before = paths[0].stat().st_mtime_ns
    train(baseline, task, seed=0, device="cpu", out=out)
    assert paths[0].stat().st_mtime_ns == before, "a finished run is not repeated"
    recordings = {r.id: r for r in load(toy.DATASET, ["d", "e"], poses=False)}
    seconds = {
        part: {id_: SEGMENTS.length(r) for id_, r in recordings.items()} for part in ("first", "second")
    }
    entry, read = read_tasks(out, lambda _: task, lambda _: seconds)
    card = entry.tasks[task.name]
    assert (card.detections, card.output, card.causal) == ("raw", None, False)
    assert "inside against outside" in card.description
    result = evaluate(task, entry_card(entry, task.name), read[task.name], recordings, resamples=0)
    if value is not None:
        assert result.scores["detection_map"].value == pytest.approx(value, abs=1e-12)
        return
    assert result.scores["detection_map"].value < 0.3
    for recordings_of in read[task.name]["seed0"].values():
        for id_, found in recordings_of.items():
            assert isinstance(found, Detections)
            np.testing.assert_array_equal(found.bounds, [[0.0, seconds["first"][id_]]] * 2)
