"""Official `.npy` files that hold a pickled dict: read once, in a process of its own, as plain arrays.

A pickle can run any code, so none is opened in this process. A child (`unpickle`) rebuilds arrays and
plain values only, refuses everything else, and writes `.npy` files without objects and one JSON file;
those are read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import DataError
from bench.files import unpickle


def read_pickled(path: Path, folder: Path) -> Any:
    """Return the content of a pickled `.npy`: dicts, lists, plain values, and arrays mapped from `folder`.

    `folder` must be empty, and stay as long as the arrays are used. Raises `DataError` where the file is no
    pickled `.npy`, is cut short, or asks for anything but arrays and plain values.
    """
    child = subprocess.run(  # noqa: S603  # this interpreter, our own file, no shell
        [sys.executable, "-I", unpickle.__file__, str(path.resolve()), str(folder.resolve())],
        capture_output=True,
        text=True,
        env={},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if child.returncode:
        said = child.stdout.strip() if child.returncode == unpickle.REFUSED else ""
        raise DataError(
            f"{path} is refused",
            [f"{path.name}: {said or f'reading it ended with exit code {child.returncode}'}"],
            hint="take the official file again; never open this one with allow_pickle",
        )
    return _with_arrays(json.loads((folder / "content.json").read_bytes()), folder)


def _with_arrays(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        if list(value) == [unpickle.ARRAY]:
            file = folder / f"{value[unpickle.ARRAY]:06d}.npy"
            return np.load(file, mmap_mode="r", allow_pickle=False)
        return {key: _with_arrays(inner, folder) for key, inner in value.items()}
    return [_with_arrays(inner, folder) for inner in value] if isinstance(value, list) else value
