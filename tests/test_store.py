"""The store: what goes in comes out, a pull is all or nothing, and what changed is refused by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench import store
from bench.errors import DataError, UsageError
from bench.metrics import FRAME_METRICS
from bench.recordings import Recording, Segments, one_hot
from bench.splits import Split, Totals
from bench.store import loading, pulling, rows
from bench.tasks import Dataset, Task
from tests.toys import CLASSES, DATASET


def recording(id_: str, frames: int, *, poses: bool = True) -> Recording:
    rng = np.random.default_rng(frames)
    keypoints = rng.uniform(0, 500, (frames, 2, 5, 2)).astype(np.float32)
    keypoints[::3, 1, 4] = np.nan
    return Recording(
        id=id_,
        group=f"cage_{id_}",
        fps=25.0,
        classes=CLASSES,
        labels=one_hot(rng.integers(-1, 3, frames), 3),
        annotated=np.ones(frames, dtype=bool),
        keypoints=keypoints if poses else None,
        confidence=rng.uniform(0, 1, (frames, 2, 5)).astype(np.float32) if poses else None,
        annotator="a" if poses else None,
    )


def dataset(read: Callable[[Path], Iterator[Recording]]) -> Dataset:
    return replace(DATASET, keypoints=("1", "2", "3", "4", "5"), read=read)


def reading(*recordings: Recording) -> Dataset:
    return dataset(lambda folder: iter(recordings))


def test_what_goes_in_comes_out(bench_home: Path, tmp_path: Path) -> None:
    put = [recording("m1", 7), recording("m2", 11, poses=False), recording("m3", 13)]
    held, new = store.pull(reading(*put), tmp_path)
    assert new
    assert held.frames == 31
    got = list(store.load(reading(), ["m3", "m1"], poses=True))
    for before, after in zip([put[2], put[0]], got, strict=True):
        assert (before.id, before.group, before.fps, before.annotator, before.classes) == (
            after.id,
            after.group,
            after.fps,
            after.annotator,
            after.classes,
        )
        np.testing.assert_array_equal(before.labels, after.labels)
        np.testing.assert_array_equal(before.annotated, after.annotated)
        np.testing.assert_array_equal(before.keypoints, after.keypoints)
        np.testing.assert_array_equal(before.confidence, after.confidence)


def test_segments_go_in_and_come_out(bench_home: Path, tmp_path: Path) -> None:
    some = Segments(np.array([[0.04, 0.2], [0.0, 0.1]]), np.array([2, 0]), 3)
    none = Segments(np.empty((0, 2)), np.empty(0, dtype=np.int64), 3)
    kept = {"m1": some, "m2": None, "m3": none, "m4": some}
    put = [replace(recording(id_, 7 + i), segments=held) for i, (id_, held) in enumerate(kept.items())]
    store.pull(reading(*put), tmp_path)
    for poses in (True, False):
        for got in store.load(reading(), ["m4", "m2", "m3", "m1"], poses=poses):
            held = kept[got.id]
            if held is None:
                assert got.segments is None
                continue
            assert got.segments is not None
            np.testing.assert_array_equal(got.segments.bounds, held.bounds)
            np.testing.assert_array_equal(got.segments.labels, held.labels)
            assert got.segments.classes == 3


def test_recordings_larger_than_a_row_group(
    bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ROW_GROUP_FRAMES", 16)
    put = [recording(f"m{frames}", frames) for frames in (5, 17, 3, 9, 23)]
    store.pull(reading(*put), tmp_path)
    got = list(store.load(reading(), [r.id for r in put[::-1]], poses=False))
    assert [r.frames for r in got] == [23, 9, 3, 17, 5]
    assert got[0].keypoints is None


def test_truth_without_poses_scores_but_does_not_train(bench_home: Path, tmp_path: Path) -> None:
    store.pull(reading(recording("m1", 7, poses=False)), tmp_path)
    assert next(store.load(reading(), ["m1"], poses=False)).frames == 7
    with pytest.raises(DataError, match="m1: labels only, no poses"):
        list(store.load(reading(), ["m1"], poses=True))


def test_every_missing_recording_is_named(bench_home: Path, tmp_path: Path) -> None:
    store.pull(reading(recording("m1", 7)), tmp_path)
    with pytest.raises(DataError) as fault:
        list(store.load(reading(), ["m1", "m8", "m9"], poses=False))
    assert fault.value.exit_code == 4
    assert all(name in str(fault.value) for name in ("m8", "m9", "bench pull toy --from FOLDER"))


def test_an_empty_home_says_what_to_type(bench_home: Path) -> None:
    with pytest.raises(DataError, match="bench pull toy --from FOLDER"):
        store.manifest(reading())


def test_a_pull_that_fails_midway_leaves_nothing(bench_home: Path, tmp_path: Path) -> None:
    def breaks(folder: Path) -> Iterator[Recording]:
        yield recording("m1", 7)
        raise DataError("the second file is truncated")

    with pytest.raises(DataError, match="truncated"):
        store.pull(dataset(breaks), tmp_path)
    assert list(bench_home.iterdir()) == []


def test_a_pull_that_fails_keeps_the_old_store(bench_home: Path, tmp_path: Path) -> None:
    old, _ = store.pull(reading(recording("m1", 7)), tmp_path)
    with pytest.raises(DataError, match="--replace"):
        store.pull(reading(recording("m1", 8)), tmp_path)
    assert store.manifest(reading()) == old
    new, written = store.pull(reading(recording("m1", 8)), tmp_path, replace=True)
    assert written
    assert store.manifest(reading()) == new != old


def test_the_remains_of_a_killed_pull_are_no_store(bench_home: Path, tmp_path: Path) -> None:
    """Killed while the second recording was read; another pull, which still runs, keeps its folder."""
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from tests import test_store as t\n"
        "def read(folder):\n"
        "    yield t.recording('m1', 7)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "t.store.pull(t.dataset(read), Path())\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent.parent)], check=False)
    assert killed.returncode < 0
    (left,) = bench_home.iterdir()
    (unfinished,) = (left / "new").iterdir()
    assert unfinished.name != "recordings-00000.parquet"
    alive = bench_home / left.name.replace(left.name.split(".")[-3], str(os.getppid()))
    alive.mkdir()
    with pytest.raises(DataError):
        store.manifest(reading())
    store.pull(reading(recording("m1", 7)), tmp_path)
    assert {path.name for path in bench_home.iterdir()} == {"toy", alive.name}


def test_two_pulls_at_once_both_end_with_a_whole_store(bench_home: Path, tmp_path: Path) -> None:
    """A second pull of the same files runs from start to end while the first one reads."""
    put = [recording("m1", 7), recording("m2", 9)]

    def slow(folder: Path) -> Iterator[Recording]:
        yield put[0]
        assert store.pull(reading(*put), tmp_path)[1]
        yield put[1]

    assert not store.pull(dataset(slow), tmp_path)[1], "what came in meanwhile is the same"
    assert [r.id for r in store.load_all(reading())] == ["m1", "m2"]
    assert [path.name for path in bench_home.iterdir()] == ["toy"]


@pytest.mark.parametrize("replace_it", [False, True])
def test_of_two_pulls_at_once_the_later_replaces_only_where_it_was_told_to(
    bench_home: Path, tmp_path: Path, replace_it: bool
) -> None:
    def slow(folder: Path) -> Iterator[Recording]:
        store.pull(reading(recording("m1", 9)), tmp_path)
        yield recording("m1", 7)

    if replace_it:
        store.pull(dataset(slow), tmp_path, replace=True)
    else:
        with pytest.raises(DataError, match="already holds other recordings"):
            store.pull(dataset(slow), tmp_path)
    assert [r.frames for r in store.load_all(reading())] == [7 if replace_it else 9]
    assert [path.name for path in bench_home.iterdir()] == ["toy"]


def test_a_store_that_another_pull_moves_away_is_no_obstacle(
    bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between "a store is there" and setting it aside, another pull sets it aside."""
    store.pull(reading(recording("m1", 9)), tmp_path)
    placed = pulling._placed

    def meanwhile(new: Path, target: Path) -> bool:
        done = placed(new, target)
        if not done:
            target.replace(tmp_path / "moved by another pull")
        return done

    monkeypatch.setattr(pulling, "_placed", meanwhile)
    assert store.pull(reading(recording("m1", 7)), tmp_path, replace=True)[1]
    assert [r.frames for r in store.load_all(reading())] == [7]


def test_pulling_twice_writes_once(bench_home: Path, tmp_path: Path) -> None:
    _, first = store.pull(reading(recording("m1", 7)), tmp_path)
    _, second = store.pull(reading(recording("m1", 7)), tmp_path)
    assert (first, second) == (True, False)


@pytest.mark.parametrize("changed", ["keypoints", "confidence", "group", "annotator"])
def test_the_same_labels_with_something_else_changed_are_other_recordings(
    bench_home: Path, tmp_path: Path, changed: str
) -> None:
    one = recording("m1", 7)
    assert one.keypoints is not None
    assert one.confidence is not None
    others = {
        "keypoints": one.keypoints + np.float32(1),
        "confidence": one.confidence / np.float32(2),
        "group": "another_cage",
        "annotator": "b",
    }
    store.pull(reading(one), tmp_path)
    with pytest.raises(DataError, match="m1: the same labels, other poses") as fault:
        store.pull(reading(replace(one, **{changed: others[changed]})), tmp_path)
    assert "--replace" in (fault.value.hint or "")


@pytest.mark.parametrize("column", ["poses", "confidence"])
def test_changed_poses_are_refused_whenever_they_are_loaded(
    bench_home: Path, tmp_path: Path, column: str
) -> None:
    """One value of a valid file is another one; the labels, which are as they were, still score."""
    store.pull(reading(recording("m1", 7), recording("m2", 9)), tmp_path)
    path = bench_home / "toy" / "recordings-00000.parquet"
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[1][3] += 1.0
    at = table.schema.get_field_index(column)
    pq.write_table(
        table.set_column(at, store.SCHEMA.field(at), pa.array(values, store.SCHEMA.field(at).type)), path
    )
    for load in (
        lambda: list(store.load(reading(), ["m2"], poses=True)),
        lambda: list(store.load_all(reading())),
        lambda: store.shards(reading()),
    ):
        with pytest.raises(DataError, match=r"recordings-00000\.parquet: sha256") as fault:
            load()
        assert fault.value.hint == "bench pull toy --from FOLDER --replace"
    assert [r.frames for r in store.load(reading(), ["m2"], poses=False)] == [9]


def test_poses_are_compared_once_per_load(
    bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = [recording(f"m{n}", n, poses=n % 2 == 0) for n in range(5, 12)]
    store.pull(reading(*put), tmp_path)
    read: list[Path] = []
    digest = loading.file_digest
    monkeypatch.setattr(loading, "file_digest", lambda path: read.append(path) or digest(path))
    assert [r.keypoints is not None for r in store.load_all(reading())] == [n % 2 == 0 for n in range(5, 12)]
    assert len(read) == 1
    list(store.load(reading(), ["m6", "m8", "m10"], poses=True))
    assert len(read) == 2
    list(store.load(reading(), ["m6", "m5"], poses=False))
    assert len(read) == 2, "the digests of the truth are enough"


def test_a_store_without_the_digest_of_its_file_is_pulled_again(bench_home: Path, tmp_path: Path) -> None:
    store.pull(reading(recording("m1", 7)), tmp_path)
    path = bench_home / "toy" / "manifest.json"
    data = json.loads(path.read_text())
    data["shards"] = {}
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match=r"no SHA-256 of 'recordings-00000\.parquet'") as fault:
        list(store.load(reading(), ["m1"], poses=True))
    assert fault.value.hint == "bench pull toy --from FOLDER --replace"
    assert store.pull(reading(recording("m1", 7)), tmp_path, replace=True)[1]


def test_two_recordings_of_one_id_are_refused(bench_home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="m1"):
        store.pull(reading(recording("m1", 7), recording("m1", 9)), tmp_path)


def test_changed_labels_are_refused_by_name(bench_home: Path, tmp_path: Path) -> None:
    store.pull(reading(recording("m1", 7), recording("m2", 9)), tmp_path)
    manifest = bench_home / "toy" / "manifest.json"
    data = json.loads(manifest.read_text())
    data["recordings"]["m2"]["truth"] = "0" * 64
    manifest.write_text(json.dumps(data))
    with pytest.raises(DataError, match="'m2'"):
        list(store.load(reading(), ["m1", "m2"], poses=False))


def frozen(**changes: object) -> Task:
    held = recording("m1", 7)
    split = Split(
        name="toy",
        source="own",
        rule="all of it",
        parts={"all": {"train": {"b": ("m2",)}, "val": {}, "test": {"a": ("m1",), "c": ("m3",)}}},
        totals={"all": {"test": Totals(2, 20, dict(zip(CLASSES, (1, 2, 3), strict=True)))}},
        truth={"m1": held.truth_digest(), "m3": "0" * 64},
    )
    return Task(
        name="toy-task",
        title="Toy",
        question="what?",
        dataset=reading(),
        classes=CLASSES,
        background="other",
        split=replace(split, **changes),  # type: ignore[arg-type]
        metrics=FRAME_METRICS,
    )


def test_every_departure_from_the_frozen_split_is_named(bench_home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as fault:
        store.pull(reading(recording("m1", 7), recording("m3", 14)), tmp_path, [frozen()])
    text = str(fault.value)
    assert "all/test: frames: 21, expected 20" in text
    assert "all/test: frames of attack: " in text
    assert f"labels of m3: sha256:{recording('m3', 14).truth_digest()}, expected sha256:000" in text
    assert "labels of m1" not in text
    assert "all/train" not in text, "a subset that is absent altogether is fine"
    assert list(bench_home.iterdir()) == []


def test_half_a_subset_is_refused(bench_home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all/test: m3 is missing"):
        store.pull(reading(recording("m1", 7)), tmp_path, [frozen()])


def test_only_simulated_data_can_be_simulated(bench_home: Path) -> None:
    with pytest.raises(UsageError, match="recorded, not simulated"):
        store.pull_simulated(reading())


def test_no_recording_at_all_is_refused(bench_home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="hold no recording"):
        store.pull(reading(), tmp_path)


def test_a_damaged_store_says_how_to_mend_it(bench_home: Path, tmp_path: Path) -> None:
    store.pull(reading(recording("m1", 7)), tmp_path)
    parquet = bench_home / "toy" / "recordings-00000.parquet"
    parquet.write_bytes(parquet.read_bytes()[:-50])
    with pytest.raises(DataError, match="bench pull toy --from FOLDER --replace"):
        list(store.load(reading(), ["m1"], poses=True))
    (bench_home / "toy" / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="is not a store of this version"):
        store.manifest(reading())
    assert store.pull(reading(recording("m1", 7)), tmp_path, replace=True)[1]


# ------------------------------------------------------- what the digests of the truth do not say
def rewritten(bench_home: Path, **columns: list[object]) -> None:
    """Write the toy's file with other values in some columns, of the same types."""
    (path,) = (bench_home / "toy").glob("*.parquet")
    table = pq.read_table(path)
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        field = table.schema.field(name)
        table = table.set_column(place, field, pa.array(values, type=field.type))
    pq.write_table(table, path)


def test_another_frame_rate_is_refused_without_poses_too(bench_home: Path, tmp_path: Path) -> None:
    """Seconds are made of it: the truth of a task that asks for segments."""
    store.pull(reading(recording("m1", 7)), tmp_path)
    rewritten(bench_home, fps=[50.0])
    with pytest.raises(DataError, match="50 frames per second, expected 25"):
        list(store.load(reading(), ["m1"], poses=False))


def test_a_frame_rate_that_is_not_the_declared_one_is_not_imported(bench_home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="25 frames per second, declared 30"):
        store.pull(replace(reading(recording("m1", 7)), fps=30.0), tmp_path)
    assert list(bench_home.iterdir()) == []


def test_nulls_in_a_list_are_no_values(bench_home: Path, tmp_path: Path) -> None:
    store.pull(reading(recording("m1", 7)), tmp_path)
    rewritten(bench_home, annotated=[[True, None, *[True] * 5]])
    with pytest.raises(DataError, match="1 values of 7 are null"):
        list(store.load(reading(), ["m1"], poses=False))


def test_other_columns_are_refused(bench_home: Path, tmp_path: Path) -> None:
    store.pull(reading(recording("m1", 7)), tmp_path)
    (path,) = (bench_home / "toy").glob("*.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["labels"]).append_column("labels", [[7]]), path)
    with pytest.raises(DataError, match="has other columns"):
        list(store.load(reading(), ["m1"], poses=False))


def test_the_same_files_are_compared_with_a_task_that_asks_later(bench_home: Path, tmp_path: Path) -> None:
    (tmp_path / "toy.json").write_text("{}")
    toy = reading(recording("m1", 7), recording("m3", 14))
    store.pull(toy, tmp_path)
    with pytest.raises(DataError, match="labels of m3"):
        store.pull(toy, tmp_path, [frozen()])
    held, new = store.pull(toy, tmp_path, [frozen()], accept_changed=True)
    assert new
    assert held.changed
    assert store.pull(toy, tmp_path, [frozen()], accept_changed=True) == (held, False)
