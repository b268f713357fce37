"""MABe22 triplets: pickled files through a child process, both layouts, bad files, and hostile ones."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import store
from bench.datasets import get_task, mabe22
from bench.datasets.mabe22 import CLASSES, LABELS, POSES
from bench.datasets.splitting.rules import frozen_text
from bench.errors import DataError
from bench.files.pickled import read_pickled
from bench.files.unpickle import main as convert
from bench.resources import resource

VOCABULARY = ["lights", "chases", "oral_genital_contact", "huddles", "oral_oral_contact"]
CLIPS = {"zz9": 7, "aa1": 9}
"""Not in alphabetical order: clips are numbered as the file has them."""


def keypoints(frames: int) -> np.ndarray:
    """Return coordinates that say where they belong."""
    t, a, k, xy = np.indices((frames, 3, 12, 2))
    return (1000 * t + 100 * a + 2 * k + xy).astype(np.float64)


def annotations(frames: int) -> np.ndarray:
    """Return five labels; those of the four classes hold in frame 1, 2, 3 and 4, and 1 and 2 in frame 5."""
    found = np.zeros((5, frames), dtype=np.float32)
    found[0] = np.nan  # lights: not one of ours, and continuous for all we know
    for frame, name in enumerate(CLASSES, start=1):
        found[VOCABULARY.index(name), frame] = 1
    found[[1, 3], 5] = 1
    return found


def poses(**changes: Any) -> dict[str, Any]:
    return {"sequences": {name: {"keypoints": keypoints(t)} for name, t in CLIPS.items()}} | changes


def labels(**changes: Any) -> dict[str, Any]:
    return {
        "vocabulary": VOCABULARY,
        "task_type": ["Discrete"] * 5,
        "frame_number_map": {"aa1": (7, 16), "zz9": (0, 7)},
        "label_array": np.concatenate([annotations(t) for t in CLIPS.values()], axis=1),
    } | changes


def save(folder: Path, content: Any, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    np.save(folder / name, np.array(content, dtype=object), allow_pickle=True)
    return folder


def faults(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(mabe22.read(folder))
    return "\n".join(caught.value.problems)


def check(found: list[Any]) -> None:
    assert [(r.id, r.group, r.frames) for r in found] == [("clip-0001", "zz9", 7), ("clip-0002", "aa1", 9)]
    assert found[0].keypoints.shape == (7, 3, 12, 2)
    assert found[0].keypoints[6, 2, 11].tolist() == [6222, 6223]
    for recording in found:
        assert recording.classes == CLASSES
        held = [[CLASSES[c] for c in np.flatnonzero(row)] for row in recording.labels[:7]]
        assert held == [[], *([name] for name in CLASSES), ["chases", "huddles"], []]


def test_labels_in_a_file_of_their_own_are_found_by_the_clip(tmp_path: Path) -> None:
    save(tmp_path, poses(), POSES)
    check(list(mabe22.read(save(tmp_path, labels(), LABELS))))


def test_labels_beside_the_keypoints_are_read_as_well(tmp_path: Path) -> None:
    clips = {n: {"keypoints": keypoints(t), "annotations": annotations(t)} for n, t in CLIPS.items()}
    check(list(mabe22.read(save(tmp_path, {"sequences": clips, "vocabulary": VOCABULARY}, POSES))))


def test_a_lost_keypoint_is_lost_in_both_coordinates(tmp_path: Path) -> None:
    content = poses()
    content["sequences"]["zz9"]["keypoints"][4, 1, 5, 1] = np.nan
    save(tmp_path, content, POSES)
    found = next(mabe22.read(save(tmp_path, labels(), LABELS)))
    assert found.keypoints is not None
    assert np.argwhere(np.isnan(found.keypoints)).tolist() == [[4, 1, 5, 0], [4, 1, 5, 1]]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_pickle_is_read(tmp_path: Path, protocol: int) -> None:
    with (tmp_path / POSES).open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(np.array(poses(), dtype=object), file, protocol=protocol)
    check(list(mabe22.read(save(tmp_path, labels(), LABELS))))


def without(name: str, content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != name}


def clip(**changes: Any) -> dict[str, Any]:
    content = poses()
    content["sequences"]["aa1"] = {"keypoints": keypoints(9)} | changes
    return content


ARRAY = labels()["label_array"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 2], labels(), "no dict of 'sequences'"),
        (poses(sequences={}), labels(), "no dict of 'sequences'"),
        (
            clip(keypoints=np.zeros((9, 3, 2, 12))),
            labels(),
            "aa1: keypoints (9, 3, 2, 12) of float64, expected",
        ),
        (clip(keypoints=[[1]]), labels(), "aa1: keypoints none"),
        (clip(keypoints=np.full((9, 3, 12, 2), np.inf)), labels(), "aa1: infinite keypoints"),
        (clip(keypoints=keypoints(8)), labels(), "aa1: labels of shape (5, 9), expected (5, 8)"),
        (poses(), labels(label_array=np.where(np.isnan(ARRAY), ARRAY, 2)), "labels that are neither 0 nor 1"),
        (poses(), labels(label_array=np.full_like(ARRAY, np.nan)), "zz9: 28 labels that are neither 0 nor 1"),
        (poses(), labels(label_array=ARRAY[:4]), "label_array (4, 16), expected (5, frames)"),
        (poses(), without("label_array", labels()), "label_array NoneType"),
        (poses(), without("frame_number_map", labels()), "no dict 'frame_number_map'"),
        (poses(), labels(frame_number_map={"aa1": (7, 17)}), "aa1: columns [7, 17] of 16"),
        (poses(), labels(frame_number_map={"aa1": (6, 15), "zz9": (0, 7)}), "zz9 and aa1 share columns"),
        (poses(), labels(frame_number_map={"zz9": (0, 7)}), "aa1: no labels"),
        (poses(), labels(frame_number_map={"q": (0, 7), "zz9": (7, 14)}), "q: no keypoints, only labels"),
        (
            poses(),
            labels(vocabulary=["lights", "chases"]),
            "vocabulary ['lights', 'chases'], expected chases",
        ),
        (poses(), labels(vocabulary=[*VOCABULARY, "lights"]), "each once"),
        (poses(), None, "vocabulary [], expected chases"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, first: Any, second: Any, expected: str) -> None:
    save(tmp_path, first, POSES)
    if second is not None:
        save(tmp_path, second, LABELS)
    assert expected in faults(tmp_path)


def test_of_a_file_with_one_broken_clip_nothing_is_written(tmp_path: Path, bench_home: Path) -> None:
    save(tmp_path / "in", clip(keypoints=keypoints(8)), POSES)
    with pytest.raises(DataError, match="aa1: labels of shape"):
        store.pull(mabe22.DATASET, save(tmp_path / "in", labels(), LABELS))
    assert not [path for path in bench_home.rglob("*") if path.is_file()]


class Runs:
    """Pickles as a call: what a hostile file holds."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("touch MARK",), "system"),
        (eval, ("__import__('pathlib').Path('MARK').touch()",), "builtins.eval"),
        (getattr, ("MARK", "join"), "builtins.getattr"),
        (np.load, ("MARK",), "load"),
        (Path.touch, (Path("MARK"),), "touch"),
    ],
)
def test_a_pickle_that_would_run_code_is_refused_before_it_does(
    tmp_path: Path, bench_home: Path, function: Any, arguments: tuple[Any, ...], name: str
) -> None:
    mark = tmp_path / "mark"
    told = [x.replace("MARK", str(mark)) if isinstance(x, str) else x for x in arguments]
    save(tmp_path / "in", poses(sequences={"a": Runs(function, *told)}), POSES)
    found = faults(tmp_path / "in")
    assert found.startswith(f"{POSES}: UnpicklingError: it asks for")
    assert "which is no numpy array" in found
    assert name in found
    assert not mark.exists()
    assert not list(bench_home.rglob("*"))


def raw(path: Path, content: bytes) -> Path:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(content)
    return path


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner, inner]  # twice the same: 2 ** depth values once written out
    return inner


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"cposix\nsystem\n(S'true'\ntR.", "posix.system"),
        (b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__new__\x93.", "numpy.ndarray.__new__"),
        (pickle.dumps({"a": 1})[:-3], "Error"),
        (b"", "EOFError"),
        (pickle.dumps({"a": 1j}), "builtins.complex"),
        (pickle.dumps({"a": b"x"}), "a value of type bytes"),
        (pickle.dumps({"$array": 0}), "keys are not plain"),
        (pickle.dumps({1: 0, "1": 0}), "keys are not plain and different"),
        (pickle.dumps(nested(40)), "deep"),
        (pickle.dumps(np.zeros(3, dtype="S2")), "an array of 'S2'"),
    ],
)
def test_a_file_that_is_no_dict_of_arrays_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError) as caught:
        read_pickled(raw(tmp_path / "file.npy", content), tmp_path / "out")
    assert expected in str(caught.value)


def test_a_pickle_that_asks_for_all_memory_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="memory is limited where the system can")
    (tmp_path / "out").mkdir()
    huge = b"\x80\x04\x8e" + (2**40).to_bytes(8, "little")  # the bytes of an array, so many that none are
    with pytest.raises(DataError, match="MemoryError"):
        read_pickled(raw(tmp_path / "file.npy", huge), tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"no npy at all", "ValueError"), (b"", "ValueError"), (b"\x93NUMPY\x07\x00....", "npy format (7, 0)")],
)
def test_a_file_that_is_no_npy_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / POSES).write_bytes(content)
    assert expected in faults(tmp_path)


def test_a_plain_array_is_no_official_file(tmp_path: Path) -> None:
    np.save(tmp_path / POSES, np.zeros((2, 3)))
    assert "an array of float64, expected a pickled dict" in faults(tmp_path)


def test_the_child_says_what_it_refuses_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The child's own code, run here so that its lines are seen; without its limits."""
    (tmp_path / "out").mkdir()
    assert convert([str(raw(tmp_path / "file.npy", b"cos\nabort\n)R.")), str(tmp_path / "out")]) == 3
    assert capsys.readouterr().out == "UnpicklingError: it asks for os.abort, which is no numpy array"
    good = save(tmp_path / "in", {"a": (np.float32(2), [True, None, "x"]), "b": np.arange(3)}, "b.npy")
    assert convert([str(good / "b.npy"), str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "content.json").read_text() == (
        '{"a": [2.0, [true, null, "x"]], "b": {"$array": 0}}'
    )


def test_the_split_is_by_clip_and_what_its_rule_gives() -> None:
    split = get_task("mabe22-triplets").load_split()
    assert {s: len(split.ids("all", s)) for s in ("train", "val", "test")} == {
        "train": 915,
        "val": 183,
        "test": 732,
    }
    assert sum(t.frames for t in split.totals["all"].values()) == 1_830 * 1_800
    path = resource("splits", "splits") / "mabe22-triplets.json"
    assert frozen_text(mabe22.RULE, ()) == path.read_text(encoding="utf-8")
    assert not get_task("mabe22-triplets").exclusive


def test_an_empty_folder_says_what_to_download(tmp_path: Path) -> None:
    assert f"expected {POSES}" in faults(tmp_path)
