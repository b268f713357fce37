"""States on the disk: one safetensors file each, with all facts under one key of its metadata."""

from __future__ import annotations

import json
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

    facts = json.dumps({"facts": dict(state.facts), "inputs": inputs}, sort_keys=True)
    # in another order than C the library writes an array that reads back as another one
    arrays = {name: np.array(array, order="C") for name, array in sorted(state.arrays.items())}
    content = as_bytes(arrays, {KEY: facts})
    with replacing(path) as file:
        file.write(content)


def load(path: Path) -> tuple[State, dict[str, Any]]:
    """Return a state and what it depends on; raise `DataError` where the file is damaged or not there."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            metadata = json.loads(file.metadata()[KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
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


def _damaged(path: Path, fault: Exception) -> DataError:
    return DataError(
        f"{path} is not the state of a model", [f"{type(fault).__name__}: {fault}"], hint=f"delete {path}"
    )
