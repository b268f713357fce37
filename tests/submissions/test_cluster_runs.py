"""Runs of clusters: every form gives the same numbers, and everything that is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from bench.errors import SubmissionError
from bench.kinds import CLUSTERS, MAX_CLUSTERS
from bench.submissions import (
    Predictions,
    TaskCard,
    entry_card,
    predictions_digest,
    read_entry,
    scaffold,
    write_card,
    write_clusters,
)
from bench.tasks import Task

from .conftest import CLASSES, EXPECTED, Arrays, make_entry, make_task, read, save_npz

TASK: Task = replace(make_task(), kind="clusters")
CARD = TaskCard(CLASSES, None, "a toy", "none", causal=False)
PLACE = ("all", "mouse002")


def random_clusters(seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    return {
        part: {id_: rng.integers(-2, 9, frames) for id_, frames in recordings.items()}
        for part, recordings in EXPECTED.items()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    write_card(path, make_entry(path, tasks={"demo": CARD}))
    write_clusters(path, TASK, "seed0", random_clusters())
    return path


def read_clusters(folder: Path) -> Predictions:
    return read(folder, TASK)[1]


def table(clusters: Arrays, **changes: object) -> pa.Table:
    blocks = [(part, id_, array) for part, ids in clusters.items() for id_, array in ids.items()]
    columns = {
        "part": [part for part, _, array in blocks for _ in array],
        "recording": [id_ for _, id_, array in blocks for _ in array],
        "frame": np.concatenate([np.arange(len(array)) for *_, array in blocks]),
        "cluster": np.concatenate([array for *_, array in blocks]),
    }
    return pa.table({**columns, **changes})


def save(folder: Path, rows: pa.Table, form: str) -> None:
    path = folder / "demo" / f"seed0.{form}"
    (folder / "demo" / "seed0.npz").unlink(missing_ok=True)
    if form == "parquet":
        pq.write_table(rows, path)
    else:
        pyarrow.csv.write_csv(rows, path)


# --- What is right -----------------------------------------------------------------------------------------


def test_a_run_reads_back_as_it_was_written(folder: Path) -> None:
    predictions = read_clusters(folder)
    for part, ids in random_clusters().items():
        assert list(predictions["seed0"][part]) == list(EXPECTED[part])
        for id_, array in ids.items():
            np.testing.assert_array_equal(predictions["seed0"][part][id_], array)
            assert predictions["seed0"][part][id_].dtype == np.int64
    card = entry_card(read_entry(folder), "demo")
    assert (card["output"], "detections" in card) == (None, False)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_tables_in_any_row_order_give_the_same_clusters(folder: Path, form: str) -> None:
    before = read_clusters(folder)
    rows = table(random_clusters())
    save(folder, rows.take(np.random.default_rng(0).permutation(len(rows))), form)
    after = read_clusters(folder)
    assert predictions_digest(CLUSTERS, after) == predictions_digest(CLUSTERS, before)
    np.testing.assert_array_equal(after["seed0"]["all"]["mouse002"], before["seed0"]["all"]["mouse002"])


@pytest.mark.parametrize("dtype", ["|i1", "<i2", "<i4", "<i8"])
def test_the_type_of_whole_numbers_changes_nothing(folder: Path, dtype: str) -> None:
    before = predictions_digest(CLUSTERS, read_clusters(folder))
    ids = {part: {id_: a.astype(dtype) for id_, a in of.items()} for part, of in random_clusters().items()}
    save_npz(folder, ids)
    assert predictions_digest(CLUSTERS, read_clusters(folder)) == before
    written = (folder / "demo" / "seed0.npz").read_bytes()
    first = write_clusters(folder, TASK, "seed0", ids).read_bytes()
    assert first == write_clusters(folder, TASK, "seed0", random_clusters()).read_bytes() != written


def test_unsigned_numbers_are_read(folder: Path) -> None:
    ids = {
        part: {id_: (a + 2).astype("<u4") for id_, a in of.items()} for part, of in random_clusters().items()
    }
    save_npz(folder, ids)
    assert read_clusters(folder)["seed0"]["all"]["mouse001"].dtype == np.int64


def test_a_new_folder_lacks_nothing_but_runs(tmp_path: Path) -> None:
    path = tmp_path / "fresh"
    task = make_task(expected={"all": {"mouse001": 41}})
    split = replace(task.split, parts={"all": {"train": {"a": ("mouse000",)}, "test": {"b": ("mouse001",)}}})
    scaffold(path, replace(task, kind="clusters", split=split))
    card = read_entry(path).tasks["demo"]
    assert (card.output, card.detections) == (None, None)
    page = (path / "README.md").read_text()
    assert "all/mouse000" in page
    assert f"{MAX_CLUSTERS:,}" in page


# --- What is wrong -----------------------------------------------------------------------------------------


def changed(array: Callable[[np.ndarray], np.ndarray]) -> Arrays:
    clusters = random_clusters()
    clusters[PLACE[0]][PLACE[1]] = array(clusters[PLACE[0]][PLACE[1]])
    return clusters


def without(part: str, id_: str) -> Arrays:
    clusters = random_clusters()
    del clusters[part][id_]
    return clusters


ARRAYS: dict[str, tuple[Arrays, tuple[str, ...]]] = {
    "floats": (changed(lambda a: a.astype(np.float32)), ("all/mouse002", "float32", "whole numbers")),
    "big-endian": (changed(lambda a: a.astype(">i4")), ("all/mouse002", "big-endian int32")),
    "too wide": (changed(lambda a: a.astype("<u8")), ("all/mouse002", "uint64")),
    "truth values": (changed(lambda a: a > 0), ("all/mouse002", "bool")),
    "one-hot": (
        changed(lambda a: np.eye(9, dtype=np.int64)[abs(a) % 9]),
        ("all/mouse002", "(67, 9)", "(67,)"),
    ),
    "a column": (changed(lambda a: a[:, None]), ("all/mouse002", "(67, 1)", "ravel")),
    "short by one": (changed(lambda a: a[:-1]), ("all/mouse002", "66 frames", "67", "off-by-one")),
    "missing": (without("rater-2", "na"), ("rater-2/na", "missing", "23")),
    "not asked": (
        {**random_clusters(), "all": {**random_clusters()["all"], "mouse009": np.zeros(3, int)}},
        ("all/'mouse009'", "training or test"),
    ),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_wrong_with_an_array_is_named(folder: Path, name: str) -> None:
    clusters, said = ARRAYS[name]
    save_npz(folder, clusters)
    with pytest.raises(SubmissionError) as caught:
        read_clusters(folder)
    assert len(caught.value.problems) == 1
    for piece in ("demo/seed0.npz", *said):
        assert piece in caught.value.problems[0]


def test_too_many_clusters_are_refused_part_by_part(tmp_path: Path) -> None:
    expected = {"all": {"a": 700, "b": 401}, "rater-2": {"a": 1000}}
    task = replace(make_task(expected=expected), kind="clusters")
    path = tmp_path / "mine"
    write_card(path, make_entry(path, tasks={"demo": CARD}))
    ids = {"all": {"a": np.arange(700), "b": np.arange(600, 1001)}, "rater-2": {"a": np.arange(1000)}}
    write_clusters(path, task, "seed0", ids)
    with pytest.raises(SubmissionError) as caught:
        read(path, task, expected)
    assert len(caught.value.problems) == 1
    assert "all: 1,001 distinct clusters" in caught.value.problems[0]
    ids["all"]["b"][-1] = 7
    write_clusters(path, task, "seed0", ids)
    read(path, task, expected)


TABLES = {
    "floats": (
        "parquet",
        lambda t: t["cluster"].cast(pa.float64()),
        ("'cluster'", "double", "whole numbers"),
    ),
    "text": ("csv", lambda t: pa.array(["k"] * len(t)), ("line 2", "'cluster'", "'k'", "a whole number")),
    "decimals": ("csv", lambda t: pa.array([0.5] * len(t)), ("line 2", "'cluster'", "'0.5'")),
    "empty": ("parquet", lambda t: pa.array([None] + [1] * (len(t) - 1)), ("'cluster'", "empty cells", "1")),
}


@pytest.mark.parametrize("name", TABLES)
def test_what_is_wrong_with_a_table_is_named(folder: Path, name: str) -> None:
    form, column, said = TABLES[name]
    rows = table(random_clusters())
    save(folder, rows.set_column(3, "cluster", column(rows)), form)
    with pytest.raises(SubmissionError) as caught:
        read_clusters(folder)
    assert all(piece in caught.value.problems[0] for piece in (f"demo/seed0.{form}", *said))


def test_a_table_of_scores_is_no_table_of_clusters(folder: Path) -> None:
    rows = table(random_clusters()).rename_columns(["part", "recording", "frame", "attack"])
    save(folder, rows, "csv")
    with pytest.raises(SubmissionError) as caught:
        read_clusters(folder)
    assert any("'attack'" in problem for problem in caught.value.problems)
    assert any("'cluster'" in problem and "missing" in problem for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("changes", "key"), [({"output": "scores"}, "output"), ({"detections": "raw"}, "detections")]
)
def test_a_card_says_nothing_of_scores_and_detections(folder: Path, changes: dict, key: str) -> None:
    write_card(folder, make_entry(folder, tasks={"demo": replace(CARD, **changes)}), replace=True)
    with pytest.raises(SubmissionError) as caught:
        read_clusters(folder)
    (problem,) = caught.value.problems
    for piece in ("submission.toml", "tasks.demo", repr(key), "clusters"):
        assert piece in problem


def test_what_cannot_be_read_back_is_not_written(tmp_path: Path) -> None:
    clusters = {"all": {"Mouse 1": np.zeros(3, int), "m2": np.zeros((3, 1), int), "m3": np.zeros(3)}}
    with pytest.raises(SubmissionError) as caught:
        write_clusters(tmp_path / "mine", TASK, "seed 0", clusters)
    text = "\n".join(caught.value.problems)
    for piece in ("'seed 0'", "'Mouse 1'", "all/m2: shape (3, 1)", "all/m3: float64"):
        assert piece in text
    assert not (tmp_path / "mine" / "demo").exists()
    with pytest.raises(SubmissionError, match="no recording"):
        write_clusters(tmp_path / "mine", TASK, "seed0", {"all": {}})
