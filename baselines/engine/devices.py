"""One run on several devices: torch's own data parallelism, one process per device.

Every process holds all poses, which are small, and takes its share of each batch, so that the batch stays
the recipe's; `DistributedDataParallel` averages the gradients. Batch normalisation is synchronised, which
torch can do on CUDA alone. Dropout and augmentation are drawn in each process for its own share, so a run
equals that of one device up to rounding only where it draws none; else it is another run of the same recipe.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException, spawn
from torch.nn.modules.batchnorm import _BatchNorm

from baselines.engine.faults import device_faults
from bench.errors import BenchError, UsageError
from bench.files.writing import write_bytes

FAULT = "fault.pickle"


def launch(devices: int, device: str, work: Callable[..., object], *arguments: object) -> None:
    """Call `work(*arguments)` in one process per device; return when all are done.

    Raises the `BenchError` that one of them raised.
    """
    with TemporaryDirectory() as folder:
        try:
            asked = (devices, device, folder, work, arguments)
            spawn(_member, asked, nprocs=devices)  # type: ignore[no-untyped-call]
        except (ProcessRaisedException, ProcessExitedException):
            if (fault := Path(folder) / FAULT).is_file():
                raise pickle.loads(fault.read_bytes()) from None  # noqa: S301  our own process wrote it
            raise


def rank() -> int:
    """Return the number of this process, from 0; the first one prints and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size() -> int:
    """Return the number of processes that share each batch."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def own_device(device: str) -> torch.device:
    """Return the device of this process."""
    return torch.device(device, rank()) if device == "cuda" and size() > 1 else torch.device(device)


def share(chosen: Int64[Tensor, " _"]) -> Int64[Tensor, " _"]:
    """Return the part of a batch that this process computes."""
    return chosen[rank() :: size()]


def check_shareable(model: nn.Module, device: str) -> None:
    """Raise `UsageError` where batch normalisation would see the share of one process alone."""
    if device == "cpu" and any(isinstance(layer, _BatchNorm) for layer in model.modules()):
        raise UsageError(
            "on the CPU, batch normalisation cannot see the shares of other processes",
            hint="leave out --devices, or train with --device cuda",
        )


def wrap(model: nn.Module) -> nn.Module:
    """Return a module that averages gradients over the processes; `model` itself where there is but one."""
    if size() == 1:
        return model
    device = next(model.parameters()).device
    if device.type == "cpu":
        return nn.parallel.DistributedDataParallel(model)
    model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    return nn.parallel.DistributedDataParallel(model, device_ids=[device.index])


def added(value: Tensor) -> Tensor:
    """Return the sum over all processes."""
    if size() > 1:
        value = value.clone()
        distributed.all_reduce(value)
    return value


def agreed(value: Tensor) -> Tensor:
    """Return the first process's value, so that all decide alike."""
    if size() > 1:
        distributed.broadcast(value, 0)
    return value


def _member(
    number: int,
    devices: int,
    device: str,
    folder: str,
    work: Callable[..., object],
    arguments: tuple[Any, ...],
) -> None:
    torch.set_num_threads(1)
    if device == "cuda":
        torch.cuda.set_device(number)
    backend = "nccl" if device == "cuda" else "gloo"
    meeting = f"file://{folder}/meeting"
    distributed.init_process_group(backend, init_method=meeting, rank=number, world_size=devices)
    try:
        with device_faults(device):
            work(*arguments)
    except BenchError as fault:
        write_bytes(Path(folder, FAULT), pickle.dumps(fault))
        raise
    finally:
        distributed.destroy_process_group()
