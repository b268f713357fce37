"""Features of video from files: their moments in time, and every fault by its recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

from baselines.contract import Data
from baselines.extractors.i3d_files import I3D_FILES
from bench.errors import DataError

RECORDINGS = [
    replace(places.recording(id_, frames, 1), keypoints=None) for id_, frames in (("a", 90), ("b", 71))
]


def learned(folder: Path):
    run = places.run(I3D_FILES, places.question("features"))
    return run, I3D_FILES.learn(run, Data({"toy/all": RECORDINGS}, {}), places.Place(folder / "none.pt"))


def test_a_row_stands_for_the_middle_of_its_chunk(bench_home: Path, tmp_path: Path) -> None:
    folder = places.lay_features(RECORDINGS)
    run, state = learned(tmp_path)
    (derived,) = I3D_FILES.restore(run, state, places.Place(tmp_path / "none.pt"))(
        [RECORDINGS[0]], places.question("features")
    )
    assert derived.values.shape == (19, 1024)
    assert (derived.start, derived.step) == (8 / places.FPS, 4 / places.FPS)
    np.testing.assert_array_equal(derived.values, np.load(folder / "a.npy"))
    assert derived.made_by == "a digest"


def test_the_last_row_may_be_left_out_and_the_official_name_serves(bench_home: Path, tmp_path: Path) -> None:
    folder = places.lay_features(RECORDINGS)
    np.save(folder / "a.npy", np.load(folder / "a.npy")[:-1])
    (folder / "b.npy").rename(folder / "clip of b.npy")
    named = [RECORDINGS[0], replace(RECORDINGS[1], group="clip of b")]
    run = places.run(I3D_FILES, places.question("features"))
    state = I3D_FILES.learn(run, Data({"toy/all": named}, {}), places.Place(tmp_path / "none.pt"))
    assert set(state.facts["files"]) == {"a", "b"}


def spoilt(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda path: np.save(path, change(np.load(path)))


def hole(values: np.ndarray) -> np.ndarray:
    values[3, 7] = np.nan
    return values


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (Path.unlink, "b.npy"),
        (spoilt(lambda x: x[:-2]), "12 x 1024"),
        (spoilt(lambda x: x[:, :-1]), "14 x 1023"),
        (spoilt(lambda x: x[None]), "1 x 14 x 1024"),
        (spoilt(lambda x: x.astype(np.int64)), "int64"),
        (spoilt(hole), "row 3, column 7"),
        (lambda path: path.write_bytes(b"no array"), "b.npy"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "b.npy"),
    ],
    ids=["absent", "rows", "columns", "axes", "kind", "nan", "text", "cut"],
)
def test_every_fault_is_told_with_its_recording(
    spoil: Callable[[Path], None], told: str, bench_home: Path, tmp_path: Path
) -> None:
    folder = places.lay_features(RECORDINGS)
    for name in ("a", "b"):
        (Path.unlink if name == "a" else spoil)(folder / f"{name}.npy")
    with pytest.raises(DataError) as caught:
        learned(tmp_path)
    first, second = caught.value.problems
    assert first.startswith("a: ")
    assert second.startswith("b: ")
    assert told in second
    assert str(folder) in str(caught.value.hint)


def test_a_file_that_has_changed_is_refused(bench_home: Path, tmp_path: Path) -> None:
    folder = places.lay_features(RECORDINGS)
    run, state = learned(tmp_path)
    spoilt(lambda x: x + 1)(folder / "a.npy")
    predictor = I3D_FILES.restore(run, state, places.Place(tmp_path / "none.pt"))
    with pytest.raises(DataError):
        list(predictor([RECORDINGS[0]], places.question("features")))
