"""Official `.npy` files that hold a pickled dict: read once, in a process of its own, as plain arrays.

A pickle can run any code, so none is opened in this process. A child (`unpickle`) rebuilds arrays and
plain values only, refuses everything else, and writes `.npy` files without objects and one JSON file;
those are read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import DataError
from bench.files import unpickle


def read_pickled(path: Path, folder: Path) -> Any:
    """Return the content of a pickled `.npy`: dicts, lists, plain values, and arrays mapped from `folder`.

    `folder` must be empty, and stay as long as the arrays are used; an array that the file names twice is one
    array. Raises `DataError` where the file is no pickled `.npy`, is cut short, asks for anything but arrays
    and plain values, or for more memory, time or room than a file of its size can need.
    """
    child = subprocess.run(  # noqa: S603  # this interpreter, our own file, no shell
        [sys.executable, "-I", unpickle.__file__, str(path.resolve()), str(folder.resolve())],
        capture_output=True,
        text=True,
        env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if child.returncode:
        reason = child.stdout.strip() if child.returncode == unpickle.REFUSED else ""
        raise DataError(
            f"{path} is refused",
            [f"{path.name}: {reason or f'reading it ended with exit code {child.returncode}'}"],
            hint="take the official file again; never open this one with allow_pickle",
        )

    @cache
    def array(number: int) -> Any:
        return np.load(folder / f"{number:06d}.npy", mmap_mode="r", allow_pickle=False)

    return _with_arrays(json.loads((folder / "content.json").read_bytes()), array)


def _with_arrays(value: Any, array: Callable[[int], Any]) -> Any:
    if isinstance(value, dict):
        if list(value) == [unpickle.ARRAY]:
            return array(value[unpickle.ARRAY])
        return {key: _with_arrays(inner, array) for key, inner in value.items()}
    return [_with_arrays(inner, array) for inner in value] if isinstance(value, list) else value
