"""Imports that are killed, and go on; files that were imported before, and are not read again."""

from __future__ import annotations

import importlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from bench import store
from bench.closure import import_closure
from bench.datasets import DATASETS, demo_unlabelled
from bench.errors import DataError
from bench.recordings import Recording
from bench.store import rows
from bench.tasks import Dataset
from tests.test_store import dataset, recording

ROOT = Path(__file__).parent.parent
LENGTHS = (7, 11, 5, 13, 3, 9, 8, 4)
SHARDS = {"recordings-00000.parquet": 2, "recordings-00001.parquet": 2, "recordings-00002.parquet": 3}
"""Full at 16 frames: 7 + 11, 5 + 13, 3 + 9 + 8; the 4 frames that are left over make the last one."""
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests import test_resume as t
t.rows.SHARD_FRAMES = 16
t.store.pull(t.toy(lambda: os.kill(os.getpid(), signal.SIGKILL), at=int(sys.argv[3])), Path(sys.argv[2]))
"""


def toy(at_recording: object = None, at: int = -1, read: list[str] | None = None) -> Dataset:
    """Return a data set of eight recordings; before number `at` something happens."""

    def reader(folder: Path) -> Iterator[Recording]:
        for number, frames in enumerate(LENGTHS):
            if number == at:
                at_recording()  # type: ignore[operator]
            if read is not None:
                read.append(f"m{frames}")
            yield recording(f"m{frames}", frames)

    return dataset(reader)


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of official files; shards are full at 16 frames."""
    monkeypatch.setattr(rows, "SHARD_FRAMES", 16)
    (tmp_path / "official").mkdir()
    (tmp_path / "official" / "toy.json").write_text("{}")
    return tmp_path / "official"


@pytest.fixture
def whole(official: Path, tmp_path: Path) -> dict[str, bytes]:
    """Return the store of an import that nobody disturbed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(tmp_path / "undisturbed"))
        store.pull(toy(), official)
        return content(tmp_path / "undisturbed" / "toy")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def stop(official: Path, at: int) -> None:
    """Interrupt an import before it reads recording number `at`; its process lives on, without its lock."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.pull(toy(interrupt, at), official)


def kill(official: Path, at: int) -> None:
    """Run an import in a process of its own that is killed before it reads recording number `at`."""
    command = [sys.executable, "-c", KILLED, str(ROOT), str(official), str(at)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_file_ends_with_the_recording_that_fills_it(whole: dict[str, bytes]) -> None:
    held = json.loads(whole["manifest.json"])
    assert list(whole) == ["manifest.json", *SHARDS, "recordings-00003.parquet"]
    of = [stored["shard"] for stored in held["recordings"].values()]
    assert {name: of.count(name) for name in SHARDS} == SHARDS
    assert list(held["files"]) == ["toy.json"]


def test_a_killed_import_goes_on_and_ends_with_the_same_bytes(
    bench_home: Path, official: Path, whole: dict[str, bytes]
) -> None:
    kill(official, 5)
    (left,) = bench_home.iterdir()
    assert len(json.loads((left / "progress.json").read_text())["shards"]) == 2
    assert store.pull(toy(), official)[1]
    assert content(bench_home / "toy") == whole
    assert [path.name for path in bench_home.iterdir()] == ["toy"]


@pytest.mark.parametrize(("at", "complete"), [(1, 0), (2, 1), (7, 3)])
def test_an_interrupted_import_goes_on_as_a_killed_one_does(
    bench_home: Path, official: Path, whole: dict[str, bytes], at: int, complete: int
) -> None:
    stop(official, at)
    (left,) = bench_home.iterdir()
    noted = [json.loads(path.read_text())["shards"] for path in left.glob("progress.json")]
    assert sum(map(len, noted)) == complete
    store.pull(toy(), official)
    assert content(bench_home / "toy") == whole
    assert [path.name for path in bench_home.iterdir()] == ["toy"]


def test_a_reader_that_can_passes_over_what_is_stored(
    bench_home: Path, official: Path, whole: dict[str, bytes]
) -> None:
    stop(official, 5)
    asked: list[set[str]] = []

    def resume(folder: Path, skip: Collection[str]) -> Iterator[Recording]:
        asked.append(set(skip))
        return (recording(f"m{n}", n) for n in LENGTHS if f"m{n}" not in skip)

    store.pull(replace(toy(), resume=resume), official)
    assert asked == [{"m7", "m11", "m5", "m13"}]
    assert content(bench_home / "toy") == whole


def test_a_shard_that_was_damaged_since_is_written_again(
    bench_home: Path, official: Path, whole: dict[str, bytes]
) -> None:
    stop(official, 7)
    (left,) = bench_home.iterdir()
    path = left / "new" / "recordings-00001.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    asked: list[int] = []

    def resume(folder: Path, skip: Collection[str]) -> Iterator[Recording]:
        asked.append(len(skip))
        return (recording(f"m{n}", n) for n in LENGTHS if f"m{n}" not in skip)

    store.pull(replace(toy(), resume=resume), official)
    assert asked == [2], "the first shard alone is as it was written"
    assert content(bench_home / "toy") == whole


def test_the_folder_of_a_pull_that_lives_is_left_alone(
    bench_home: Path, official: Path, whole: dict[str, bytes]
) -> None:
    stop(official, 5)
    (left,) = bench_home.iterdir()
    read: list[str] = []
    with FileLock(left / "lock"):
        store.pull(toy(read=read), official)
        assert sorted(path.name for path in bench_home.iterdir()) == [left.name, "toy"]
        assert len(json.loads((left / "progress.json").read_text())["shards"]) == 2
    assert len(read) == len(LENGTHS)
    assert content(bench_home / "toy") == whole
    store.pull(toy(), official, replace=True)
    assert [path.name for path in bench_home.iterdir()] == ["toy"], "taken over once its pull is dead"


def test_a_folder_is_removed_by_the_holder_of_its_lock(
    bench_home: Path, official: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else another pull could take over a folder that is being emptied."""
    stop(official, 5)
    (left,) = bench_home.iterdir()
    (official / "toy.json").write_text("{ }")
    remove, held = shutil.rmtree, []

    def noted(path: Path, **options: bool) -> None:
        if path == left / "new":
            with pytest.raises(Timeout):
                FileLock(left / "lock").acquire(timeout=0)
            held.append(path)
        remove(path, **options)

    monkeypatch.setattr(shutil, "rmtree", noted)
    store.pull(toy(), official)
    assert held == [left / "new"]


@pytest.mark.parametrize("damage", ["other files", "no progress", "half a progress"])
def test_what_is_of_another_import_is_not_taken_over(
    bench_home: Path, official: Path, whole: dict[str, bytes], damage: str
) -> None:
    stop(official, 5)
    (left,) = bench_home.iterdir()
    if damage == "other files":
        (official / "toy.json").write_text("{ }")
    elif damage == "no progress":
        (left / "progress.json").unlink()
    else:
        (left / "progress.json").write_text('{"key": ')
    read: list[str] = []
    store.pull(toy(read=read), official)
    assert len(read) == len(LENGTHS)
    assert [path.name for path in bench_home.iterdir()] == ["toy"]
    shards = {name: data for name, data in content(bench_home / "toy").items() if name != "manifest.json"}
    assert shards == {name: data for name, data in whole.items() if name != "manifest.json"}


def test_a_recording_that_comes_twice_is_refused_in_a_resumed_import_too(
    bench_home: Path, official: Path
) -> None:
    stop(official, 5)
    again = dataset(lambda folder: (recording(f"m{n}", n) for n in (*LENGTHS, LENGTHS[0])))
    with pytest.raises(DataError, match="two recordings carry the id 'm7'"):
        store.pull(again, official)
    assert list(bench_home.iterdir()) == []


def test_files_that_were_imported_are_not_read_again(bench_home: Path, official: Path) -> None:
    first, _ = store.pull(toy(), official)
    read: list[str] = []
    held, new = store.pull(toy(read=read), official)
    assert (held, new, read) == (first, False, [])
    assert store.pull(toy(read=read), official, replace=True)[1]
    assert len(read) == len(LENGTHS)


READER = """
from some_lab.units import FRAMES
from tests.test_store import recording
READ = []
def read(folder):
    for frames in FRAMES:
        READ.append(frames)
        yield recording(f"m{frames}", frames)
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a package that holds a reader and more."""
    folder = tmp_path / "code" / "some_lab"
    folder.mkdir(parents=True)
    for name, text in (
        ("__init__.py", ""),
        ("reader.py", READER),
        ("units.py", "FRAMES = (7, 11)\n"),
        ("paper.py", "FIGURE = 1\n"),
    ):
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(folder.parent)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "some_lab"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("file", "text", "times"),
    [
        ("paper.py", "FIGURE = 2\n", 1),
        ("new.py", "X = 1\n", 1),
        ("units.py", "FRAMES = (7, 11)  # frames\n", 2),
        ("reader.py", READER + "# the end\n", 2),
    ],
)
def test_only_an_edit_of_what_the_reader_imports_makes_it_read_again(
    bench_home: Path, official: Path, lab: Path, file: str, text: str, times: int
) -> None:
    reader = importlib.import_module("some_lab.reader")
    store.pull(dataset(reader.read), official)
    (lab / file).write_text(text)
    assert store.pull(dataset(reader.read), official)[1] is False
    assert [7, 11] * times == reader.READ
    assert store.pull(dataset(reader.read), official)[1] is False
    assert [7, 11] * times == reader.READ, "the edit was read once"


@pytest.mark.parametrize("made", DATASETS, ids=lambda made: made.name)
def test_no_reader_depends_on_what_lies_above_the_store(made: Dataset) -> None:
    reader = made.read.func if isinstance(made.read, partial) else made.read
    rooms = {name.split(".")[1] for name in import_closure(reader.__module__)}
    below = "about errors resources files recordings splits metrics tasks datasets"
    assert rooms <= set(below.split())


def test_a_reader_without_a_source_file_is_asked_every_time(bench_home: Path, official: Path) -> None:
    read: list[str] = []
    typed = toy(read=read)
    typed.read.__module__ = "__main__"
    store.pull(typed, official)
    assert store.pull(typed, official)[1] is False
    assert len(read) == 2 * len(LENGTHS)


def test_the_same_files_are_read_again_where_the_data_set_is_declared_otherwise(
    bench_home: Path, official: Path
) -> None:
    """As when a lab mends the names of the animals in the declaration of its own task."""
    store.pull(toy(), official)
    read: list[str] = []
    assert store.pull(replace(toy(read=read), animals=("c", "d")), official)[1] is False
    assert len(read) == len(LENGTHS)


def test_the_same_files_mend_a_damaged_store(
    bench_home: Path, official: Path, whole: dict[str, bytes]
) -> None:
    store.pull(toy(), official)
    path = bench_home / "toy" / "recordings-00002.parquet"
    path.unlink()
    with pytest.raises(DataError, match=r"recordings-00002\.parquet: sha256 no such file"):
        list(store.load_all(toy()))
    assert [r.frames for r in store.load(toy(), ["m7", "m13"], poses=True)] == [7, 13]
    assert store.pull(toy(), official)[1]
    assert content(bench_home / "toy") == whole


def test_recordings_of_several_files_come_in_the_order_asked_for(bench_home: Path, official: Path) -> None:
    store.pull(toy(), official)
    ids = ["m4", "m7", "m8", "m11", "m3"]
    for poses in (False, True):
        assert [r.id for r in store.load(toy(), ids, poses=poses)] == ids


def test_killed_in_the_middle_of_simulated_json(
    bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measurement of tests/perf/importing.py, small: the reader passes over what is stored."""
    monkeypatch.setattr(rows, "SHARD_FRAMES", 70)
    files = tmp_path / "official"
    demo_unlabelled.write(files, recordings=9, frames=30)
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from bench import store; from bench.store import rows; from bench.datasets import demo_unlabelled\n"
        "rows.SHARD_FRAMES, made = 70, rows.rest_digest\n"
        "def digest(recording):\n"
        "    if recording.id == 'part3-002': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return made(recording)\n"
        "rows.rest_digest = digest\n"
        "store.pull(demo_unlabelled.DATASET, Path(sys.argv[2]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ROOT), str(files)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = bench_home.iterdir()
    begun = json.loads((left / "progress.json").read_text())
    assert len(begun["shards"]) == 1
    store.pull(demo_unlabelled.DATASET, files)
    resumed = content(bench_home / "demo-unlabelled")
    store.pull(demo_unlabelled.DATASET, files, replace=True)
    assert content(bench_home / "demo-unlabelled") == resumed
    assert store.pull(demo_unlabelled.DATASET, files)[1] is False
