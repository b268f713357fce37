"""Checkpoints: where a killed run goes on. Tensors and plain values only, never a pickled object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from baselines.dependencies import Inputs, differences
from bench.errors import DataError
from bench.files.writing import replacing


def save(path: Path, inputs: Inputs, state: Mapping[str, Any]) -> None:
    """Write a checkpoint in one step: a kill at any moment leaves the old one or the new one."""
    with replacing(path) as file:
        torch.save({**state, "inputs": json.dumps(inputs, sort_keys=True)}, file)


def load(path: Path, inputs: Inputs) -> dict[str, Any] | None:
    """Return the state that `save` wrote, or None where there is no file.

    Raises `DataError` where the file is damaged or where any of `inputs` is another one: going on
    from it would give weights that belong to no run.
    """
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        saved = json.loads(state.pop("inputs"))
    except (OSError, RuntimeError, UnpicklingError, EOFError, KeyError, TypeError, ValueError) as fault:
        raise DataError(
            f"{path} is not a checkpoint", [f"{type(fault).__name__}: {fault}"], hint=f"delete {path}"
        ) from fault
    if differing := differences(saved, inputs):
        raise DataError(
            f"{path} is the checkpoint of another run",
            differing,
            hint=f"train into another folder with --out, or delete {path}",
        )
    return state
