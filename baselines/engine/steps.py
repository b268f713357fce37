"""One step of training on one batch: as it is, compiled, shared by devices or replayed as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from baselines.engine import devices
from baselines.switches import Switches

Forward = Callable[..., Any]
"""The network, as the switches say it is computed."""
Loss = Callable[[Forward, Any], tuple[Tensor, int]]
"""(network, batch) -> the mean to descend, and the number of examples that it is the mean of.

Where several devices share a batch it is the share of this process in that mean, and the examples of all.
"""
Step = Callable[[Any], tuple[Tensor, int]]
"""A batch -> its loss times its examples, less the shares of other processes; and its examples."""
WARM_UP = 3  # steps before a graph is recorded, in which kernels are chosen and memory is taken


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """Set the learning rate, times the "scale" of a group of weights that has one.

    A recorded graph reads it from the device.
    """
    for group in optimiser.param_groups:
        own = rate * group.get("scale", 1.0)
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(own)
        else:
            group["lr"] = own


def free_head(model: nn.Module, learnable: frozenset[str]) -> None:
    """Let the last layer and the batch normalisations learn, of the `learnable` weights, and no others."""
    norms = {
        f"{name}.{own}"
        for name, layer in model.named_modules()
        if isinstance(layer, _BatchNorm)
        for own, _ in layer.named_parameters()
    }
    free(model, frozenset(name for name in learnable if name in norms or in_head(name)))


def free(model: nn.Module, names: frozenset[str]) -> None:
    """Let these weights learn, and no others."""
    for name, weights in model.named_parameters():
        weights.requires_grad_(name in names)


def in_head(name: str) -> bool:
    """Whether a weight is of the last layer, which every network calls `head`."""
    return "head" in name.split(".")


def precision(device: torch.device, switches: Switches) -> torch.autocast:
    """Return the context in which a network computes."""
    return torch.autocast(device.type, torch.bfloat16, enabled=switches.precision == "bf16")


def prepare(
    model: nn.Module,
    loss: Loss,
    optimiser: Optimizer,
    average: AveragedModel | None,
    clip: float | None,
    switches: Switches,
    example: Any,
) -> Step:
    """Return the step that trains `model`; nothing in it waits for the device.

    `example` is a batch of the size that a CUDA graph is recorded for.
    """
    model.train()
    device, shares = next(model.parameters()).device, devices.size()
    network: Callable[..., Any] = devices.wrap(model)
    if switches.compiled:
        # What was compiled for earlier networks of this process counts against a limit, at which torch
        # goes on without compiling.
        torch.compiler.reset()
        # One kernel for each size of batch: kernels for any size, which torch turns to once it has met two,
        # sum otherwise, and a run that was stopped would go on with others than it began with.
        network = torch.compile(network, dynamic=False)

    def forward(*inputs: Any, **options: Any) -> Any:
        with precision(device, switches):
            return network(*inputs, **options)

    def step(batch: Any) -> tuple[Tensor, int]:
        value, count = loss(forward, batch)
        optimiser.zero_grad()
        # gradients are averaged over the processes, and each has its share of one sum
        (value * shares if shares > 1 else value).backward()  # type: ignore[no-untyped-call]
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimiser.step()
        if average is not None:
            average.update_parameters(model)
        return value.detach() * count, count

    return recorded(step, model, optimiser, example) if switches.graphs else step


def recorded(step: Step, model: nn.Module, optimiser: Optimizer, example: Tensor) -> Step:
    """Record `step` on a batch of indices as a CUDA graph and replay it; one of another size steps as it is.

    The steps that recording takes are undone, in place: a graph knows tensors by their address.
    """
    device = example.device
    for group in optimiser.param_groups:
        group["lr"] = torch.tensor(float(group["lr"]), device=device)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    memory = {w: {key: value.clone() for key, value in kept.items()} for w, kept in optimiser.state.items()}
    batch = example.clone()
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            step(batch)
    torch.cuda.current_stream().wait_stream(aside)
    optimiser.zero_grad()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value, count = step(batch)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(weights[name])
        for w, kept in optimiser.state.items():
            for key, tensor in kept.items():
                tensor.copy_(memory[w][key]) if w in memory else tensor.zero_()

    def replay(chosen: Tensor) -> tuple[Tensor, int]:
        if len(chosen) != len(batch):
            return step(chosen)
        batch.copy_(chosen)
        graph.replay()
        return value, count  # read before the next replay overwrites it: all happens in one stream

    return replay
