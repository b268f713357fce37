"""Details: every curve, matrix and row agrees with the scores that it stands behind."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, confusion_matrix, f1_score

from bench.evaluation import details, evaluate
from bench.recordings import Recording, one_hot
from bench.results import Result, canonical, to_json, write
from bench.tasks import Part
from tests import toys
from tests.made_up import read
from tests.toys import CLASSES

FRAMES = {"m1": 211, "m2": 97, "m3": 151, "m4": 83, "m5": 127, "m6": 61}
PARTS = {"one": ("m1", "m2", "m3"), "two": ("m4", "m5", "m6")}
TASK = replace(toys.task(**PARTS), parts=(Part("one", "the first"), Part("two", "the second")))


def recordings() -> dict[str, Recording]:
    """Make recordings in bouts; m2 has a gap in its annotation, m6 no mount."""
    rng = np.random.default_rng(3)
    made = {}
    for id_, frames in FRAMES.items():
        drawn = rng.integers(0, 3, frames // 9 + 1)
        if id_ == "m6":
            drawn[drawn == 1] = 2
        annotated = np.ones(frames, dtype=bool)
        if id_ == "m2":
            annotated[40:52] = False
        labels = one_hot(np.repeat(drawn, 9)[:frames], 3) & annotated[:, None]
        made[id_] = Recording(id_, id_, 25.0, CLASSES, labels, annotated)
    return made


RECORDINGS = recordings()


def answers(*seeds: int) -> dict[str, Any]:
    """Return scores of one run per seed that are right more often than not."""
    made: dict[str, Any] = {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        made[f"seed{seed}"] = {
            part: {
                id_: (
                    RECORDINGS[id_].labels
                    + rng.normal(size=(3, FRAMES[id_] // 6 + 1)).repeat(6, 1).T[: FRAMES[id_]]
                ).astype(np.float32)
                for id_ in ids
            }
            for part, ids in PARTS.items()
        }
    return made


PREDICTED = answers(0, 1)
RESULT = evaluate(TASK, {"id": "entry", "name": "Entry"}, PREDICTED, RECORDINGS, resamples=20)


def pooled(part: str, run: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the true and the predicted class of every counted frame of a part."""
    truth = [RECORDINGS[id_].labels.argmax(1)[RECORDINGS[id_].annotated] for id_ in PARTS[part]]
    found = [PREDICTED[run][part][id_].argmax(1)[RECORDINGS[id_].annotated] for id_ in PARTS[part]]
    return np.concatenate(truth), np.concatenate(found)


def test_the_confusion_matrix_is_that_of_scikit_learn_summed_over_runs() -> None:
    for part in PARTS:
        expected = sum(confusion_matrix(*pooled(part, run), labels=range(3)) for run in PREDICTED)
        assert RESULT.details["parts"][part]["confusion"] == expected.tolist()
    whole = details.confusion_matrix(RESULT)
    assert whole is not None
    assert whole.sum(axis=1).tolist() == list(RESULT.support.values())
    one = details.confusion_matrix(RESULT, "one")
    assert one is not None
    assert one.sum() == sum(FRAMES[id_] for id_ in PARTS["one"]) - 12


def test_the_boundary_curve_passes_through_the_scores() -> None:
    for part in (None, *PARTS):
        curve = details.boundary(RESULT, part=part)
        assert curve is not None
        names = ("accuracy_at_transition", "accuracy_within_5", "accuracy_beyond_10")
        for name, value in zip(names, curve.bands.values(), strict=True):
            score = RESULT.scores[name]
            assert value == pytest.approx(score.value if part is None else score.per_part[part].value)
        assert curve.accuracy[0] == pytest.approx(curve.bands["at a transition"])
    whole = details.boundary(RESULT)
    assert whole is not None
    assert whole.frames.sum() == RESULT.frames
    by_class = [details.boundary(RESULT, name) for name in CLASSES]
    assert sum(of.frames for of in by_class if of).tolist() == whole.frames.tolist()


def test_the_onset_curve_passes_through_the_scores_and_its_area_is_the_metric() -> None:
    for edge in ("onset", "offset"):
        found = details.edges(RESULT, edge)
        assert found is not None
        assert found.area == pytest.approx(RESULT.scores[f"{edge}_f1_area"].value)
        for k in (5, 15):
            score = RESULT.scores[f"{edge}_f1_within_{k}"]
            assert found.f1[k] == pytest.approx(score.value)
            assert {name: curve[k] for name, curve in found.per_class.items()} == pytest.approx(
                score.per_class
            )
        assert (np.diff(found.f1) >= 0).all()


def test_a_recording_has_the_values_of_itself_alone() -> None:
    rows = {row.id: row for row in details.recording_rows(RESULT)}
    assert list(rows) == list(FRAMES)
    assert rows["m2"].frames == FRAMES["m2"] - 12
    assert sum(row.frames for row in rows.values()) == RESULT.frames
    for part, ids in PARTS.items():
        for id_ in ids:
            there = RECORDINGS[id_].annotated
            truth = RECORDINGS[id_].labels[there]
            scores = [PREDICTED[run][part][id_][there] for run in PREDICTED]
            labels = [one_hot(of.argmax(1), 3) for of in scores]
            shown = [c for c in range(2) if truth[:, c].any()]
            f1 = [f1_score(truth[:, c], of[:, c]) for of in labels for c in shown]
            ap = [average_precision_score(truth[:, c], of[:, c]) for of in scores for c in shown]
            assert rows[id_].values["f1"] == pytest.approx(np.mean(f1))
            assert rows[id_].values["map"] == pytest.approx(np.mean(ap))
            right = [accuracy_score(truth.argmax(1), of.argmax(1)) for of in labels]
            assert rows[id_].values["accuracy"] == pytest.approx(np.mean(right))
    assert np.isnan(rows["m6"].per_class["mount"])
    assert [row.id for row in details.recording_rows(RESULT, "two")] == list(PARTS["two"])


def test_the_counts_of_a_recording_are_its_confusion_matrix_in_every_run() -> None:
    for part, counts in details.part_counts(RESULT).items():
        assert counts.ids == PARTS[part]
        assert counts.group.tolist() == [list(FRAMES).index(id_) for id_ in PARTS[part]]
        names = [np.flatnonzero(of).item() for of in counts.categories]
        for k, run in enumerate(PREDICTED):
            for n, id_ in enumerate(counts.ids):
                there = RECORDINGS[id_].annotated
                truth = RECORDINGS[id_].labels[there].argmax(1)
                expected = confusion_matrix(
                    truth, PREDICTED[run][part][id_][there].argmax(1), labels=range(3)
                )
                own = counts.owner == n
                found = np.zeros((3, 3), dtype=int)
                for true, named, frames in zip(
                    counts.true[own], counts.predicted[own], counts.frames[own, k], strict=True
                ):
                    found[names[true], names[named]] = frames
                np.testing.assert_array_equal(found, expected)


def test_details_are_plain_values_that_a_file_keeps(tmp_path: Any) -> None:
    path = write(RESULT, tmp_path)
    again = read(path)
    assert again.details == RESULT.details == json.loads(json.dumps(RESULT.details, allow_nan=False))
    assert again.digest() == RESULT.digest()
    assert canonical(to_json(again)) == path.read_bytes()


def test_a_list_of_numbers_stands_on_one_line_and_strings_stay_as_they_are() -> None:
    value = {
        "a": [1, None, 2.5],
        "b": [[1, 2], [3, 4]],
        "c": ["[\n 1,\n 2\n]", "[ 1 ]"],
        "d": [],
        "e": [{"f": [7]}],
    }
    text = canonical(value).decode()
    assert json.loads(text) == value
    assert '"a": [1, null, 2.5]' in text
    assert "    [1, 2],\n    [3, 4]\n" in text


def test_overlapping_classes_have_no_confusion_matrix_but_curves() -> None:
    loose = replace(TASK, exclusive=False)
    both = {
        id_: replace(
            one, labels=one.labels | (np.arange(one.frames) % 5 == 0)[:, None] & one.annotated[:, None]
        )
        for id_, one in RECORDINGS.items()
    }
    made = evaluate(loose, {"id": "x", "name": "X"}, PREDICTED, both, resamples=5)
    assert details.confusion_matrix(made) is None
    curve = details.boundary(made)
    assert curve is not None
    assert curve.bands["at a transition"] == pytest.approx(made.scores["accuracy_at_transition"].value)


def test_a_result_without_details_has_none_to_view() -> None:
    bare: Result = replace(RESULT, details={})
    assert details.confusion_matrix(bare) is None
    assert details.boundary(bare) is None
    assert details.edges(bare, "onset") is None
    assert details.recording_rows(bare) == []


def test_a_task_of_segments_has_no_details() -> None:
    assert details.details(replace(TASK, kind="segments"), {}, {}, [], {}) == {}
