"""What ends a training: a fault of one run, said as text, after which the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bench.errors import BenchError


class TrainingError(BenchError):
    """Training cannot go on: the loss is no number any more, or the device refuses."""


@contextmanager
def device_faults(device: str) -> Iterator[None]:
    """Turn what a device refuses into a `TrainingError`.

    On a GPU that is too little memory, which CUDA, cuBLAS and cuDNN each report in their own words, or
    whatever else its driver says. On the CPU a fault of torch is one of the program, and passes.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as fault:
        raise _refused("the device has no memory left: stopped", fault) from fault
    except RuntimeError as fault:
        if device == "cpu":
            raise
        raise _refused("the GPU refused: stopped", fault) from fault


def _refused(title: str, fault: RuntimeError) -> TrainingError:
    return TrainingError(
        title,
        str(fault).splitlines()[:1],
        hint="run the same command again, with fewer --workers where they share the device: what is finished "
        "stays",
    )
