"""States on the disk: one safetensors file each, with all facts under one key of its metadata.

Beside the facts stands the SHA-256 of facts and arrays, so that a flipped byte is a message and not another
model. States of earlier versions have none and are read as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from baselines.contract import State
from baselines.dependencies import Inputs
from bench.errors import DataError
from bench.files.writing import replacing

KEY = "bench"
"""Of the metadata. With several keys the library writes them in any order, and equal states differ."""


def save(path: Path, state: State, inputs: Inputs) -> None:
    """Write a state and what it depends on, in one step; equal states give equal bytes."""
    from safetensors.numpy import save as as_bytes

    # in another order than C the library writes an array that reads back as another one
    arrays = {name: np.array(array, order="C") for name, array in sorted(state.arrays.items())}
    metadata: dict[str, Any] = {"facts": dict(state.facts), "inputs": inputs}
    metadata["sha256"] = _digest(metadata, arrays)
    content = as_bytes(arrays, {KEY: json.dumps(metadata, sort_keys=True)})
    with replacing(path) as file:
        file.write(content)


def load(path: Path) -> tuple[State, dict[str, Any]]:
    """Return a state and what it depends on; raise `DataError` where the file is damaged or not there."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            metadata = json.loads(file.metadata()[KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
        if (expected := metadata.pop("sha256", None)) not in (None, found := _digest(metadata, arrays)):
            raise ValueError(f"its content has the SHA-256 {found}, expected {expected}")
        return State(arrays, metadata["facts"]), metadata["inputs"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as fault:
        raise _damaged(path, fault) from fault


def inputs_of(path: Path) -> dict[str, Any] | None:
    """Return what a state depends on, without reading its arrays; None where there is no file."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, "np") as file:
            inputs: dict[str, Any] = json.loads(file.metadata()[KEY])["inputs"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as fault:
        raise _damaged(path, fault) from fault
    return inputs


def _digest(metadata: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of facts, and of arrays with their names, types and shapes."""
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\n{name} {array.dtype.str} {list(array.shape)}\n".encode() + array.tobytes())
    return digest.hexdigest()


def _damaged(path: Path, fault: Exception) -> DataError:
    return DataError(
        f"{path} is not the state of a model", [f"{type(fault).__name__}: {fault}"], hint=f"delete {path}"
    )
