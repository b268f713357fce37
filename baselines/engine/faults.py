"""What ends a training: a fault of one run, said as text, after which the others go on."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.errors import BenchError

LIBRARIES = re.compile("CUDA|CUBLAS|CUDNN|cuDNN|NCCL")
"""Who speaks where a GPU refuses: torch has no class of its own for most of it."""


class TrainingError(BenchError):
    """Training cannot go on: the loss is no number any more, or the device refuses."""


@contextmanager
def device_faults(device: str) -> Iterator[None]:
    """Turn what a device refuses into a `TrainingError`.

    On a GPU that is too little memory, which CUDA, cuBLAS and cuDNN each report in their own words, or
    whatever else these say. Any other fault of torch is one of the program, and passes.
    """
    try:
        yield
    except RuntimeError as fault:
        torch = sys.modules.get("torch")  # which is not installed where the prior alone trains
        if torch and isinstance(fault, torch.OutOfMemoryError):
            raise _refused("the device has no memory left: stopped", fault) from fault
        if device == "cpu" or not LIBRARIES.search(str(fault)):
            raise
        raise _refused("the GPU refused: stopped", fault) from fault


def _refused(title: str, fault: RuntimeError) -> TrainingError:
    return TrainingError(
        title,
        str(fault).splitlines()[:1],
        hint="run the same command again, with fewer --workers where they share the device: what is finished "
        "stays",
    )
