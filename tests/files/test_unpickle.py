"""Pickles that lie about an array: what a file says of a dtype is checked, and bytes are counted."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import DataError
from bench.files.pickled import read_pickled
from bench.files.unpickle import REFUSED
from bench.files.unpickle import main as convert


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(content)
    (folder / "out").mkdir()
    return path


def read(folder: Path, content: bytes) -> Any:
    return read_pickled(written(folder, content), folder / "out")


class Reduced:
    """Pickles as the call of a function, with a state that follows."""

    def __init__(self, function: Any, arguments: tuple[Any, ...], state: Any = None) -> None:
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.parts


RECONSTRUCT = np.zeros(1).__reduce__()[0]
FROM_BUFFER = np.zeros(1).__reduce_ex__(5)[0]
SCALAR = np.float64(1).__reduce__()[0]
FLOATS = (3, "<", None, None, None, -1, -1, 0)


def dtype(name: str, state: tuple[Any, ...] = FLOATS) -> Reduced:
    return Reduced(np.dtype, (name, False, True), state)


def array(kind: Any, shape: Any, content: Any) -> Reduced:
    return Reduced(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, shape, kind, False, content))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (array(dtype("U2", (3, "<", None, None, None, 1 << 20, 4, 8)), (1,), b"12345678"), "another size"),
        (array(dtype("f8", (3, "<", None, None, None, 8000, 8, 0)), (1,), b"12345678"), "another size"),
        (array(dtype("f8", (3, "<", ("f4", (2,)), None, None, 8, 4, 0)), (1,), b"12345678"), "with fields"),
        (array(dtype("V8", (3, "|", None, ("a",), {"a": ("f8", 900)}, 8, 1, 16)), (1,), b"1" * 8), "'V8'"),
        (array(dtype("f8"), (2,), b"12345678"), "8 bytes for (2,) of float64, expected 16"),
        (array(dtype("f8"), (-1,), b"12345678"), "an array of shape (-1,)"),
        (array(dtype("f8"), (2**20, 2**50), b"12345678"), "an array of shape"),
        (array(dtype("f8"), 3, b"12345678"), "no tuple of lengths"),
        (array(dtype("O8"), (1,), b"\x01\x02\x03\x04\x05\x06\x07\x08"), "an array of objects"),
        (array(dtype("M8"), (1,), b"12345678"), "'M8'"),
        (Reduced(FROM_BUFFER, (b"12", dtype("f8"), (1,), "C")), "2 bytes for (1,)"),
        (Reduced(FROM_BUFFER, (b"12345678", dtype("O8"), (1,), "C")), "a dtype and bytes"),
        (Reduced(SCALAR, (dtype("O8"), b"12345678")), "a dtype and bytes"),
        (Reduced(SCALAR, (dtype("f8"), b"1234567")), "7 bytes"),
        (Reduced(RECONSTRUCT, (np.ndarray, (2**40,), b"b")), "an array without content"),
        (Reduced(np.dtype, ("f8",), (None, {"kind": "U9999"})), "a dtype 'f8'"),
    ],
)
def test_an_array_that_its_bytes_do_not_make_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: Any, expected: str
) -> None:
    """The child's own code, run here because starting a child takes a second."""
    path = written(tmp_path, pickle.dumps({"a": value}, protocol=4))
    assert convert([str(path), str(tmp_path / "out")]) == REFUSED
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize("name", ["numpy\ndtype", "numpy\nndarray", "numpy.core.multiarray\n_reconstruct"])
def test_nothing_of_a_function_can_be_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    attributes = b"}X\x08\x00\x00\x00__code__K\x01s"
    content = b"\x80\x02c" + name.encode() + b"\nN" + attributes + b"\x86b."  # state (None, attributes)
    assert convert([str(written(tmp_path, content)), str(tmp_path / "out")]) == REFUSED
    assert "it sets the state of something that has none" in capsys.readouterr().out


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_kind_of_array_comes_back(tmp_path: Path, protocol: int) -> None:
    numbers = np.arange(6, dtype=">i2").reshape(2, 3)
    given = {
        "big-endian": numbers,
        "columns": np.asfortranarray(numbers.astype("<f4")),
        "truth": np.array([True, False]),
        "text": np.array(["ab", "c"]),
        "objects": np.array(["ab", None], dtype=object),
        "empty": np.zeros((0, 4)),
        "one": np.float32(2.5),
        "alone": np.array(7),
    }
    got = read(tmp_path, pickle.dumps(given, protocol=protocol))
    for name in ("big-endian", "columns", "truth", "text", "empty", "alone"):
        np.testing.assert_array_equal(got[name], given[name])
        assert got[name].dtype == given[name].dtype
    assert got["objects"] == ["ab", None]
    assert got["one"] == 2.5


def test_an_array_named_many_times_is_written_once(tmp_path: Path) -> None:
    values = np.arange(35.0).reshape(5, 7)
    got = read(tmp_path, pickle.dumps([values] * 200_000))
    assert len(got) == 200_000
    assert got[0] is got[-1]
    np.testing.assert_array_equal(got[77], values)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["000000.npy", "content.json"]


def test_bytes_named_by_many_arrays_are_refused(tmp_path: Path) -> None:
    """One block of a megabyte, as the content of a hundred arrays."""
    block = b"\0" * 2**20
    many = [array(dtype("i1"), (2**20,), block) for _ in range(100)]
    with pytest.raises(DataError, match="more than the file itself"):
        read(tmp_path, pickle.dumps(many))


def test_a_text_named_many_times_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than the file itself"):
        read(tmp_path, pickle.dumps(["x" * 100_000] * 1_000))
