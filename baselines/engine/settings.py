"""How a process computes: in one thread, by deterministic kernels, in all bits of float32.

Every result depends on this file, whatever its model imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

MODULES = {"torch": "torch", "scikit-learn": "sklearn.ensemble"}
"""Library -> what loads its threads: what is not loaded cannot be limited."""


@contextmanager
def one_thread(libraries: Sequence[str]) -> Iterator[None]:
    """Compute in one thread, whatever the machine has; leave the numbers of threads as they were.

    Another number would sum in another order. Small networks lose little by it, and many trainings side by
    side use all cores. Where threadpoolctl is not installed there is nothing that computes in threads.
    """
    loaded = {name: import_module(module) for name, module in MODULES.items() if name in libraries}
    if find_spec("threadpoolctl") is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), ExitStack() as stack:
        if network := loaded.get("torch"):
            stack.callback(network.set_num_threads, network.get_num_threads())
            network.set_num_threads(1)
        yield


@contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Ask torch for deterministic kernels; leave its settings and generators as they were."""
    import torch

    memory: Any = torch.utils.deterministic
    cudnn, strict = torch.backends.cudnn, torch.are_deterministic_algorithms_enabled()
    before = cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            torch.use_deterministic_algorithms(device.type == "cpu")
            cudnn.deterministic, cudnn.benchmark = True, False
            memory.fill_uninitialized_memory = False  # a quarter of the time, for memory that nobody reads
            yield
        finally:
            torch.use_deterministic_algorithms(strict)
            cudnn.deterministic, cudnn.benchmark, memory.fill_uninitialized_memory = before


@contextmanager
def float32() -> Iterator[None]:
    """Keep cuDNN from rounding to TF32, as it does by default in convolutions and recurrent layers."""
    import torch

    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32
    try:
        cudnn.allow_tf32 = False
        yield
    finally:
        cudnn.allow_tf32 = before
