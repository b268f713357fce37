"""Answers on the disk: what is written is read, and what is damaged or lies about its size is refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from baselines.runs import answers
from bench.errors import DataError
from bench.kinds import kind_named
from bench.recordings import Detections

FRAMES, SEGMENTS = kind_named("frames"), kind_named("segments")


def scores(frames: int = 41) -> np.ndarray:
    return np.random.default_rng(frames).random((frames, 3), dtype=np.float32)


def test_answers_come_back(tmp_path: Path) -> None:
    kept = {"m2": scores(7), "m1": scores()}
    answers.save(tmp_path / "a.npz", kept, FRAMES)
    read = answers.load(tmp_path / "a.npz", FRAMES)
    assert {id_: array.tobytes() for id_, array in read.items()} == {i: a.tobytes() for i, a in kept.items()}
    bounds = np.array([[0.5, 2.0], [1.0, 7.0]])
    detections = Detections(bounds, np.array([2, 0], dtype=np.int32), np.array([0.25, 0.5]))
    answers.save(tmp_path / "b.npz", {"m1": detections}, SEGMENTS)
    np.testing.assert_array_equal(answers.load(tmp_path / "b.npz", SEGMENTS)["m1"].bounds, bounds)


def test_an_archive_that_unpacks_to_more_than_it_is_is_not_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", **{"m1/answer": np.zeros((2**24, 4), dtype=np.float32)})
    tracemalloc.start()
    with pytest.raises(DataError, match="not read"):
        answers.load(tmp_path / "a.npz", FRAMES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


@pytest.mark.parametrize("damage", ["cut", "objects", "another name", "noise", "terabyte", "link"])
def test_a_damaged_file_is_a_message(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.npz"
    answers.save(path, {"m1": scores()}, FRAMES)
    whole = path.read_bytes()
    if damage == "objects":
        np.savez(path, **{"m1/answer": np.array([None, {}], dtype=object)})
    elif damage == "another name":
        np.savez(path, **{"m1/other": scores()})
    elif damage == "terabyte":
        with path.open("ab") as file:
            file.truncate(2**40)
    elif damage == "link":
        path.rename(tmp_path / "b.npz")
        path.symlink_to(tmp_path / "b.npz")
    else:
        path.write_bytes(whole[:-70] if damage == "cut" else whole[:60] + b"noise" * 9 + whole[105:])
    with pytest.raises(DataError, match=r"a\.npz") as fault:
        answers.load(path, FRAMES)
    assert fault.value.hint
