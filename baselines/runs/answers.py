"""Answers of a model on the disk, until those of all parts of a run are there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from baselines.contract import Answer
from bench.errors import DataError, FileError
from bench.files.npz import open_npz, read_array
from bench.files.opening import open_regular
from bench.files.writing import replacing
from bench.kinds import Kind

Answers = dict[str, Any]
"""Recording id -> the answer of the task's kind: scores, detections or clusters."""
LARGEST = 8 * 2**30
"""Bytes of the answers of one part: ten million frames of 200 classes. What is saved is not packed."""


def save(path: Path, answers: Mapping[str, Answer], kind: Kind) -> None:
    """Write the answers of one part in one step; equal answers give equal bytes."""
    arrays = {
        f"{id_}/{name}": array
        for id_, answer in sorted(answers.items())
        for name, array in kind.to_arrays(answer).items()
    }
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load(path: Path, kind: Kind) -> Answers:
    """Read what `save` wrote; raise `DataError` where it is damaged, or larger than answers are."""
    arrays: defaultdict[str, dict[str, np.ndarray]] = defaultdict(dict)
    try:
        with (
            open_regular(path, LARGEST) as file,
            open_npz(file, unpacked=path.stat().st_size) as zipped,
        ):
            for member in zipped.infolist():
                id_, _, name = member.filename.removesuffix(".npy").partition("/")
                array = read_array(zipped, member, lambda dtype: not dtype.hasobject, "numbers")[1]
                arrays[id_][name] = cast("np.ndarray", array)
        return {id_: kind.from_arrays(of_recording) for id_, of_recording in arrays.items()}
    except (FileError, KeyError, ValueError) as fault:
        told = fault.title if isinstance(fault, FileError) else f"{type(fault).__name__}: {fault}"
        raise DataError(
            f"{path} does not hold the answers of a model",
            [told],
            hint="remove it, then the same command as before",
        ) from fault
