"""The child process of `pickled`: turns one pickled `.npy` into plain arrays and JSON, or refuses it.

    python -I unpickle.py FILE FOLDER

It builds numpy arrays and the containers of Python and nothing else. It imports nothing of this package:
whatever a file makes it do happens in a process that holds nothing. Exit code 3 and one line where a file
is refused.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),  # how old protocols write bytes
}
ARRAY = "$array"
REFUSED = 3
_DEEPEST = 12
_MOST = 5_000_000  # values in one file: far above any official file, far below what fills a memory


class ArraysOnly(pickle.Unpickler):
    """Makes numpy arrays; whatever else a pickle asks for is refused by name."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the few functions that rebuild an array."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no numpy array")
        return super().find_class(module, name)


def convert(path: Path, folder: Path) -> None:
    """Write the content of a pickled `.npy` to `folder`; raise whatever a wrong file leads to."""
    with path.open("rb") as file:
        _skip_header(file)
        content = ArraysOnly(file).load()
    if isinstance(content, np.ndarray) and content.dtype == object and content.size == 1:
        content = content.reshape(-1)[0]  # `np.save` of a dict writes an array of one object
    (folder / "content.json").write_text(json.dumps(_Writer(folder).plain(content, 0)))


def _skip_header(file: BinaryIO) -> None:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"npy format {version}, expected (1, 0) or (2, 0)")
    lib = np.lib.format
    read = lib.read_array_header_1_0 if version == (1, 0) else lib.read_array_header_2_0
    _, _, dtype = read(file)
    if not dtype.hasobject:
        raise ValueError(f"an array of {dtype}, expected a pickled dict")


class _Writer:
    """Turns values into what JSON can say; arrays become files of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.values = 0
        self.arrays = 0

    def plain(self, value: Any, depth: int) -> Any:
        self.values += 1
        if depth > _DEEPEST or self.values > _MOST:
            raise ValueError(f"more than {_MOST:,} values, or more than {_DEEPEST} deep")
        if isinstance(value, np.ndarray) and value.dtype != object:
            return self.array(value)
        if isinstance(value, np.generic):
            return self.plain(value.item(), depth + 1)
        if isinstance(value, (list, tuple, np.ndarray)):
            return [self.plain(inner, depth + 1) for inner in value]
        if isinstance(value, dict):
            keys = [str(key) for key in value]
            if len(set(keys)) < len(keys) or ARRAY in keys:
                raise ValueError(f"a dict whose keys are not plain and different: {keys[:3]}")
            inner = (self.plain(inner, depth + 1) for inner in value.values())
            return dict(zip(keys, inner, strict=True))
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        raise ValueError(f"a value of type {type(value).__name__}")

    def array(self, value: np.ndarray) -> dict[str, int]:
        if value.dtype.kind not in "biufU":
            raise ValueError(f"an array of {value.dtype}")
        np.save(self.folder / f"{self.arrays:06d}.npy", np.ascontiguousarray(value), allow_pickle=False)
        self.arrays += 1
        return {ARRAY: self.arrays - 1}


def _limit_memory(size: int) -> None:
    """Allow six times the file and 4 GiB: a small file cannot ask for all there is."""
    try:
        import resource
    except ImportError:  # no such limit on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (6 * size + 2**32, resource.RLIM_INFINITY))


def main(arguments: list[str]) -> int:
    """Convert FILE into FOLDER; say in one line why a file is refused."""
    path, folder = map(Path, arguments)
    try:
        _limit_memory(path.stat().st_size)
        convert(path, folder)
    except Exception as fault:  # noqa: BLE001  # a wrong file can raise anything
        sys.stdout.write(f"{type(fault).__name__}: {fault}"[:300].replace("\n", " "))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
