"""Checkpoints: where a killed run goes on. One safetensors file, with the SHA-256 of all that is in it.

Tensors are stored by number. One key of the metadata holds the rest as JSON: the tables and lists that the
tensors stand in, numbers and texts, what the run depends on, and the digest. The digest lies in the same file
because two files cannot be replaced in one step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from baselines.dependencies import Inputs, differences
from bench.errors import DataError
from bench.files.writing import replacing

KEY = "bench"
"""Of the metadata."""
_FORMER = b"PK\x03\x04"  # torch's own format is a zip archive


def save(path: Path, inputs: Inputs, state: Mapping[str, Any]) -> None:
    """Write a checkpoint in one step: a kill at any moment leaves the old one or the new one.

    `state` holds tensors, numbers, texts, truth values and None, in dicts, lists and tuples.
    """
    from safetensors.torch import save as as_bytes

    tensors: list[Tensor] = []
    content = json.dumps({"state": _outline(state, tensors), "inputs": inputs}, sort_keys=True)
    metadata = json.dumps({"content": content, "sha256": _digest(content, tensors)}, sort_keys=True)
    written = as_bytes({str(number): tensor for number, tensor in enumerate(tensors)}, {KEY: metadata})
    with replacing(path) as file:
        file.write(written)


def load(path: Path, inputs: Inputs) -> dict[str, Any] | None:
    """Return the state that `save` wrote, or None where there is no file.

    Raises `DataError` where the file is damaged or where any of `inputs` is another one: going on
    from it would give weights that belong to no run.
    """
    if not path.is_file():
        return None
    state, saved = read(path)
    if differing := differences(saved, inputs):
        raise DataError(
            f"{path} is the checkpoint of another run",
            differing,
            hint=f"train into another folder with --out, or delete {path}",
        )
    return state


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the state in a checkpoint, on the CPU, and its inputs; raise `DataError` where it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb") as file:
            if file.read(len(_FORMER)) == _FORMER:
                raise ValueError("it has the format of an earlier version, without a digest")
        with safe_open(path, "pt") as held:
            metadata = json.loads(held.metadata()[KEY])
            tensors = [held.get_tensor(str(number)).clone() for number in range(len(held.keys()))]
        content = metadata["content"]
        if (digest := _digest(content, tensors)) != metadata["sha256"]:
            raise ValueError(f"its content has the SHA-256 {digest}, expected {metadata['sha256']}")
        saved = json.loads(content)
        return _state(saved["state"], tensors), saved["inputs"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as fault:
        raise DataError(
            f"{path} is not a checkpoint",
            [f"{type(fault).__name__}: {fault}"],
            hint=f"delete {path}: the run then starts anew",
        ) from fault


def _outline(value: Any, tensors: list[Tensor]) -> Any:
    """Return a value as JSON can say it, and append its tensors; dicts and sequences become marked lists."""
    if isinstance(value, Tensor):
        strides = value.stride()
        axes = sorted(range(value.dim()), key=lambda axis: (-strides[axis], axis))
        tensors.append(value.detach().cpu().permute(axes).contiguous().clone())
        return {"tensor": len(tensors) - 1, "axes": axes}  # the order of its memory: arithmetic depends on it
    if isinstance(value, Mapping):
        return {"dict": [[key, _outline(inner, tensors)] for key, inner in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_outline(inner, tensors) for inner in value]}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a checkpoint holds no {type(value).__name__}")


def _state(outline: Any, tensors: Sequence[Tensor]) -> Any:
    """Return what `_outline` was given."""
    if not isinstance(outline, dict):
        return outline
    if "tensor" in outline:
        axes = outline["axes"]
        return tensors[outline["tensor"]].permute([axes.index(axis) for axis in range(len(axes))])
    if "dict" in outline:
        return {key: _state(inner, tensors) for key, inner in outline["dict"]}
    (kind, members), *_ = outline.items()
    return {"list": list, "tuple": tuple}[kind](_state(inner, tensors) for inner in members)


def _digest(content: str, tensors: Sequence[Tensor]) -> str:
    """Return the SHA-256 of a text and of tensors with their types and shapes."""
    found = hashlib.sha256(content.encode())
    for tensor in tensors:
        found.update(f"\n{tensor.dtype} {list(tensor.shape)}\n".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
