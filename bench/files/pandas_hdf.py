"""Tables of numbers that pandas wrote to HDF5, read with h5py: DeepLabCut's `.h5` files are such tables.

Both of pandas' formats are read. In "fixed" the columns are arrays of names; in "table" they are a pickle
in an attribute. `pandas.read_hdf` runs whatever such a pickle asks for; here it may build lists, tuples,
texts and numbers, and nothing else.

Source: pandas.io.pytables (format versions 0.15.2), as pandas 3.1 writes it.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from bench.files.hdf5 import Refuse, names, opened, read_values

Column = tuple[str, ...]


class _PlainOnly(pickle.Unpickler):
    """Builds the containers and plain values of Python; whatever would need an import is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse."""
        raise pickle.UnpicklingError(f"its column names ask for {module}.{name}")


def read_frame(
    path: Path, files: str, refuse: Refuse
) -> tuple[list[Column], Float64[np.ndarray, "T N"], list[int]]:
    """Return the columns, the numbers and the row numbers of the one table of a file.

    Raises what `refuse` makes where there is not one table of numbers with several rows of column names.
    """
    with opened(path, files, refuse) as file:
        tables = [node for node in file.values() if "pandas_type" in node.attrs]
        if len(tables) != 1:
            raise refuse(path, [f"{len(tables)} tables of pandas, expected one"])
        columns, values, index = (_table if "table" in tables[0] else _fixed)(tables[0])
    if not isinstance(columns, list) or not all(map(_is_texts, columns)):
        raise refuse(path, ["column names that are not rows of texts"])
    if index.ndim != 1:
        raise refuse(path, [f"rows numbered by an array {index.shape}, expected one number a row"])
    if values.dtype.kind != "f" or values.shape != (len(index), len(columns)):
        expected = f"({len(index)}, {len(columns)}) numbers"
        raise refuse(path, [f"a table {values.shape} of {values.dtype}, expected {expected}"])
    if index.dtype.kind not in "iu":
        raise refuse(path, [f"rows numbered by {index.dtype}, expected whole numbers: frames"])
    return columns, values.astype(np.float64), index.tolist()


def _is_texts(column: object) -> bool:
    return isinstance(column, tuple) and set(map(type, column)) == {str}


def _table(group: Any) -> tuple[list[Column], np.ndarray, np.ndarray]:
    """Read format "table": a row is its number and one block of values."""
    table = group["table"]
    blocks = [name for name in table.dtype.names if name.startswith("values_block_")]
    if len(blocks) != 1:
        raise ValueError(f"{len(blocks)} blocks of values, expected one")
    columns = _PlainOnly(io.BytesIO(bytes(table.attrs[f"{blocks[0]}_kind"]))).load()
    rows = read_values(table)
    return columns, rows[blocks[0]], rows["index"]


def _fixed(group: Any) -> tuple[list[Column], np.ndarray, np.ndarray]:
    """Read format "fixed": the levels of the column names, and which of each a column has."""
    if group.attrs["nblocks"] != 1:
        raise ValueError(f"{group.attrs['nblocks']} blocks of values, expected one")
    levels = [names(read_values(group[f"axis0_level{i}"])) for i in range(group.attrs["axis0_nlevels"])]
    codes = [read_values(group[f"axis0_label{i}"]).tolist() for i in range(len(levels))]
    columns = [
        tuple(of[code] for of, code in zip(levels, row, strict=True)) for row in zip(*codes, strict=True)
    ]
    return columns, read_values(group["block0_values"]), read_values(group["axis1"])
