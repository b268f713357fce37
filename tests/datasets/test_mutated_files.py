"""Files that were damaged or made to harm: every reader says what is wrong, and nothing else happens.

Hypothesis changes good files in up to four places; its profile repeats the same cases every time. A reader
may take what comes out, or refuse it with an error of the project: any other error is a fault of ours.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.datasets.formats.animals import guessed, hint, with_animals
from bench.datasets.formats.bento import read_annot
from bench.datasets.formats.boris import observation_ids, read_observations
from bench.datasets.formats.caltech import read_annotation
from bench.datasets.formats.deeplabcut import read_poses
from bench.datasets.formats.frame_table import read_frame_table
from bench.datasets.formats.keypoints import Poses, odd_values
from bench.datasets.formats.movement import read_movement
from bench.datasets.formats.poses import reader_of
from bench.datasets.formats.simba import read_targets
from bench.datasets.formats.sleap import read_analysis
from bench.datasets.own.declaration import read_declaration
from bench.errors import BenchError
from tests.datasets.test_bento import annot, matlab, python
from tests.datasets.test_boris import AGGREGATED, TABULAR, bout, event, export
from tests.datasets.test_formats import ANNOTATION, SEVERAL
from tests.datasets.test_pose_files import movement
from tests.datasets.test_readers import BENTO, COLUMNS, LABEL, SIMBA
from tests.fuzzing import bounded_memory
from tests.own.conftest import TOML

INSERTED = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b'"', b",", b";", b"\t", b"|", b":", b"---"),
    *(b"1e308", b"-1", b"nan", b"inf", b"99999999999", b"1e15", b"00:00:01", b"0.5", b"{recording}", b"**"),
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "delete", "repeat", "byte", "cut"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 30),
        st.sampled_from(INSERTED),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)
Edit = tuple[str, float, int, bytes, int]

CASES = int(os.environ.get("ETHOBENCH_FUZZ", "60"))
"""Of each reader; 2,000 take some minutes."""


def mutated(text: str, edits: list[Edit]) -> bytes:
    data = bytearray(text.encode())
    for what, place, length, inserted, byte in edits:
        i = int(place * len(data))
        if what == "insert":
            data[i:i] = inserted
        elif what == "delete":
            del data[i : i + length]
        elif what == "repeat":
            data[i:i] = data[i : i + length]
        elif what == "byte" and data:
            data[i] = byte
        elif what == "cut":
            del data[max(i, 1) :]
    return bytes(data)


def use(poses: Poses) -> None:
    """Do what a command does with the poses that a reader gave."""
    hint(poses)
    guessed(poses)
    odd_values(poses, (640, 480))
    with suppress(BenchError):
        with_animals(poses, ["a", "b"])


def deeplabcut(path: Path) -> None:
    reader_of(path)
    use(read_poses(path))


def boris(path: Path) -> None:
    observation_ids(path)
    read_observations(path, 3)


READERS: dict[str, Callable[[Path], Any]] = {
    "bento": read_annot,
    "boris": boris,
    "caltech": read_annotation,
    "deeplabcut": deeplabcut,
    "frames": read_frame_table,
    "simba": lambda path: read_targets(path, ["attack"]),
    "declaration": read_declaration,
}


@pytest.fixture(autouse=True)
def memory() -> Iterator[None]:
    with bounded_memory():
        yield


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return good files of every format."""
    place = tmp_path_factory.mktemp("good") / "a"
    pairs = [event("START", "2", "head"), event("STOP", "4", "head"), event("POINT", "5")]
    aggregated = export(place, AGGREGATED, bout("2", "4"), bout("5", "9", Observation_id="m2")).read_text()
    return {
        "bento": [
            annot(place, 29.97, program(29.97), head=head).read_text()
            for program, head in itertools.product((matlab, python), ("frame", "time"))
        ]
        + [BENTO],
        "boris": [
            aggregated,
            aggregated.replace(",", ";"),
            "Observation id,m\nTime offset (s),3\n" + export(place, TABULAR, *pairs).read_text(),
        ],
        "caltech": [ANNOTATION],
        "deeplabcut": [SEVERAL],
        "frames": [COLUMNS, LABEL],
        "simba": [SIMBA],
        "declaration": [TOML, TOML.replace('poses/*.csv"', 'poses/*.csv", animals = ["a", "b"]')],
    }


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_text_is_read_or_refused(name: str, texts: dict[str, list[str]], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"

    @settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(texts[name]), EDITS)
    def read(text: str, edits: list[Edit]) -> None:
        path.write_bytes(mutated(text, edits))
        with suppress(BenchError):
            READERS[name](path)

    read()


VALUES = st.one_of(
    st.none(),
    st.sampled_from(["", "seconds", "frames", '["frame"]', "[" * 400, "\x1b[2J", "x" * 5000]),
    st.floats(width=64),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.floats(width=32), max_size=6).map(np.array),
    st.lists(st.sampled_from(["one", "two", "x", "y", "\x00"]), max_size=4).map(
        lambda names: np.array([name.encode() for name in names], dtype="S4")
    ),
)


@functools.cache
def good_data_set() -> bytes:
    pytest.importorskip("h5py", reason="netCDF files need h5py")
    with tempfile.TemporaryDirectory() as folder:
        movement().to_netcdf(Path(folder) / "a.nc", engine="h5netcdf")
        return (Path(folder) / "a.nc").read_bytes()


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    st.sampled_from(["position", "confidence", "time", "space", "individuals", "keypoints"]),
    st.sampled_from(["replace", "delete", "fps", "time_unit", "DIMENSION_LIST", "NAME"]),
    VALUES,
)
def test_a_damaged_data_set_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, variable: str, what: str, value: Any
) -> None:
    h5py = pytest.importorskip("h5py", reason="netCDF files need h5py")
    path = tmp_path_factory.getbasetemp() / "damaged.nc"
    path.write_bytes(good_data_set())
    with h5py.File(path, "r+") as file:
        change(file, variable, what, value)
    with suppress(BenchError):
        use(read_movement(path))


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    st.sampled_from(["tracks", "point_scores", "node_names", "track_names"]),
    st.sampled_from(["replace", "delete", "dims"]),
    VALUES,
)
def test_a_damaged_analysis_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, variable: str, what: str, value: Any
) -> None:
    h5py = pytest.importorskip("h5py", reason="SLEAP files need h5py")
    path = tmp_path_factory.getbasetemp() / "damaged.h5"
    with h5py.File(path, "w") as file:
        file["tracks"], file["point_scores"] = np.ones((2, 2, 3, 5)), np.ones((2, 3, 5))
        file["tracks"].attrs["dims"] = json.dumps(["track", "xy", "node", "frame"])
        file["node_names"], file["track_names"] = [b"nose", b"neck", b"tail"], [b"one", b"two"]
        change(file, variable, what, value)
    with suppress(BenchError):
        use(read_analysis(path))


@functools.cache
def good_table(layout: str) -> bytes:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("tables", reason="writing DeepLabCut's h5 files as DeepLabCut does needs tables")
    names = [["net"], ["m1", "m2"], ["nose", "tail"], ["x", "y", "likelihood"]]
    columns = pd.MultiIndex.from_product(names, names=["scorer", "individuals", "bodyparts", "coords"])
    with tempfile.TemporaryDirectory() as folder:
        frame = pd.DataFrame(np.arange(60.0).reshape(5, 12), columns=columns)
        frame.to_hdf(Path(folder) / "a.h5", key="df_with_missing", format=layout)
        return (Path(folder) / "a.h5").read_bytes()


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    st.sampled_from(["table", "fixed"]),
    st.integers(0, 30),
    st.sampled_from(["replace", "delete", "pandas_type", "nlevels", "axis0_nlevels", "kind", "name"]),
    VALUES,
)
def test_a_damaged_table_of_pandas_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, layout: str, number: int, what: str, value: Any
) -> None:
    h5py = pytest.importorskip("h5py", reason="DeepLabCut's h5 files need h5py")
    path = tmp_path_factory.getbasetemp() / "damaged-table.h5"
    path.write_bytes(good_table(layout))
    with h5py.File(path, "r+") as file:
        places: list[str] = []
        file.visit(places.append)
        change(file, sorted(places)[number % len(places)], what, value)
    with suppress(BenchError):
        deeplabcut(path)


def change(file: Any, variable: str, what: str, value: Any) -> None:
    """Change a variable, or an attribute, of an HDF5 file."""
    if what == "delete" or (what == "replace" and value is None):
        del file[variable]
    elif what == "replace":
        del file[variable]
        file[variable] = value
    elif value is not None:
        target = file if what in ("fps", "time_unit") else file[variable]
        if what in target.attrs:
            del target.attrs[what]
        target.attrs[what] = value
