"""CalMS21's precomputed features, beside the poses: read with them, stored with them, never instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import hub, store
from bench.datasets import calms21, calms21_parts
from bench.datasets.calms21_features import SIZE, name_beside
from bench.errors import DataError
from bench.tasks import Dataset
from tests.datasets.test_calms21 import ID, save, sequence

SECOND = ID.replace("001", "002")
GROUP = "annotator-id_0"
TOY = replace(calms21.DATASET, name="toy")


def numbers(frames: int) -> np.ndarray:
    return np.arange(frames * SIZE, dtype=np.float32).reshape(frames, SIZE) / 8


def files(folder: Path, features: Any) -> Path:
    save(folder, {GROUP: {ID: sequence(5), SECOND: sequence(9)}})
    return save(folder, features, name_beside("calms21_task1_train.json"))


def of(**frames: int) -> dict[str, Any]:
    """Return the content of the file of features, in another order than the poses."""
    keys = {"first": ID, "second": SECOND}
    return {GROUP: {keys[k]: {"features": numbers(n).tolist()} for k, n in reversed(frames.items())}}


def test_features_come_with_the_poses_whatever_their_order(bench_home: Path, tmp_path: Path) -> None:
    """From the official files through the store into a copy for a hub."""
    folder = files(tmp_path / "official", of(first=5, second=9))
    held, _ = store.pull(TOY, folder)
    assert len(held.files) == 2
    loaded = list(store.load(TOY, list(held.recordings), poses=True))
    assert [r.frames for r in loaded] == [5, 9]
    for recording in loaded:
        np.testing.assert_array_equal(recording.features, numbers(recording.frames))
        assert recording.keypoints is not None
    assert next(store.load(TOY, list(held.recordings), poses=False)).features is None
    listed = hub.repository(TOY, [], tmp_path / "copy")
    copied = list(store.read_parquet(tmp_path / "copy" / listed.shards[0], None, poses=True))
    np.testing.assert_array_equal(copied[1].features, numbers(9))


def test_other_features_are_other_recordings(bench_home: Path, tmp_path: Path) -> None:
    store.pull(TOY, files(tmp_path, of(first=5, second=9)))
    other = of(first=5, second=9)
    other[GROUP][ID]["features"][3][7] += 1
    with pytest.raises(DataError, match=r"mouse001_task1_annotator1: the same labels, other poses"):
        store.pull(TOY, files(tmp_path, other))


def test_without_the_file_there_are_none(bench_home: Path, tmp_path: Path) -> None:
    (recording,) = calms21.read(save(tmp_path, {GROUP: {ID: sequence(5)}}))
    assert recording.features is None


def _nan(content: dict[str, Any]) -> None:
    content[GROUP][ID]["features"][2][4] = float("nan")


def _ragged(content: dict[str, Any]) -> None:
    content[GROUP][ID]["features"][2].pop()


def _unnamed(content: dict[str, Any]) -> None:
    content[GROUP][ID] = {"feature": []}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda content: content[GROUP].pop(ID),
            f"no features of it in {name_beside(calms21.POSE_FILES[0])}",
        ),
        (lambda content: content[GROUP].update(of(first=6)[GROUP]), "shape (6, 32), expected (5, 32)"),
        (_nan, "features[2][4]: nan, expected a finite number"),
        (_ragged, "features that cannot be read"),
        (_unnamed, "features that cannot be read in taskprog_features_task1_train.json: KeyError"),
    ],
)
def test_broken_features_are_refused_by_sequence(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    content = of(first=5, second=9)
    change(content)
    with pytest.raises(DataError) as fault:
        list(calms21.read(files(tmp_path, content)))
    (problem,) = fault.value.problems
    assert problem.startswith(f"calms21_task1_train.json: {ID}: ")
    assert expected in problem


def test_a_file_of_features_that_is_cut_short_is_named(tmp_path: Path) -> None:
    folder = files(tmp_path, json.dumps(of(first=5, second=9))[:-3])
    with pytest.raises(DataError, match=r"taskprog_features_task1_train\.json: not JSON of this layout"):
        list(calms21.read(folder))


@pytest.mark.parametrize("dataset", [calms21.DATASET, calms21_parts.DATASET2, calms21_parts.DATASET3])
def test_an_import_keeps_the_digests_of_the_features(dataset: Dataset) -> None:
    poses = [name for name in dataset.official if name.startswith("calms21_")]
    assert {name_beside(name) for name in poses} <= set(dataset.official)
