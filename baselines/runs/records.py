"""Records: which predictions are finished, and from which inputs they were made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from baselines.dependencies import Inputs
from bench.errors import DataError, FileError
from bench.files.strict_json import read_json
from bench.files.writing import write_text

_BYTES = 64 * 2**20
"""Of the largest record that is read; those of 10,000 recordings have some 2 MB."""


def finish(folder: Path, predictions: Path, inputs: Inputs) -> None:
    """Write down in `folder` that these predictions are finished."""
    write(_record(folder, predictions), {"inputs": inputs, "predictions": _digest(predictions)})


def is_finished(folder: Path, predictions: Path, inputs: Inputs) -> bool:
    """Whether the very predictions that are there were made from these inputs."""
    record = _record(folder, predictions)
    if not (record.is_file() and predictions.is_file()):
        return False
    return read(record) == {"inputs": inputs, "predictions": _digest(predictions)}


def forget(folder: Path, predictions: Path) -> None:
    """Delete predictions and their record; nothing happens where there are none."""
    _record(folder, predictions).unlink(missing_ok=True)
    predictions.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any]:
    """Read what `write` wrote; raise `DataError` where it was damaged since."""
    try:
        value = read_json(path, _BYTES)
    except FileError as fault:
        raise _damaged(path, fault.title) from fault
    if not isinstance(value, dict):
        raise _damaged(path, f"found a {type(value).__name__}, expected an object")
    return value


def write(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON in one step."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def _record(folder: Path, predictions: Path) -> Path:
    return folder / f"{predictions.stem}.json"


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} is damaged: nothing says how the runs there were trained",
        [why],
        hint="the same command with --out FOLDER trains elsewhere; "
        f"rm {path} lets it go on here, with what other records still vouch for",
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
