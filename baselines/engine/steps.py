"""One step of training on one batch: as it is, compiled, shared by devices or replayed as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from baselines.contract import Phase, Recipe
from baselines.engine import devices
from baselines.engine.losses import Weights, cross_entropy, divisor
from baselines.inputs.augmentation import augment
from baselines.inputs.windows import Examples
from baselines.switches import Switches

Step = Callable[[Int64[Tensor, " _"]], Float32[Tensor, ""]]
"""The indices of a batch -> its loss times its frames, less the shares of other processes."""
WARM_UP = 3  # steps before a graph is recorded, in which kernels are chosen and memory is taken


def adam(model: nn.Module, recipe: Recipe, switches: Switches) -> torch.optim.Adam:
    """Return an optimiser that remembers nothing."""
    on_card = next(model.parameters()).device.type == "cuda"
    return torch.optim.Adam(
        model.parameters(),
        lr=recipe.lr,
        betas=recipe.betas,
        eps=recipe.eps,
        fused=on_card or None,  # one kernel for all weights
        capturable=switches.graphs,
    )


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate; a recorded graph reads it from the device."""
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def free(model: nn.Module, phase: Phase, learnable: set[str]) -> None:
    """Let those of the `learnable` weights learn that a phase trains, and no others.

    Batch normalisations go on learning where the head alone does: the code of CalMS21 never freezes them.
    """
    chosen = learnable
    if phase.trains == "head":
        norms = {
            f"{name}.{own}"
            for name, layer in model.named_modules()
            if isinstance(layer, _BatchNorm)
            for own, _ in layer.named_parameters()
        }
        chosen = {name for name in learnable if name in norms or in_head(name)}
    for name, weights in model.named_parameters():
        weights.requires_grad_(name in chosen)


def in_head(name: str) -> bool:
    """Whether a weight is of the last layer, which every network calls `head`."""
    return "head" in name.split(".")


def precision(device: torch.device, switches: Switches) -> torch.autocast:
    """Return the context in which a network computes."""
    return torch.autocast(device.type, torch.bfloat16, enabled=switches.precision == "bf16")


def prepare(
    model: nn.Module,
    train: Examples,
    weights: Weights,
    recipe: Recipe,
    optimiser: torch.optim.Optimizer,
    switches: Switches,
) -> Step:
    """Return the step that trains `model`; nothing in it waits for the device."""
    model.train()
    device, shares = train.targets.device, devices.size()
    forward: Callable[[Tensor], Tensor] = devices.wrap(model)
    if switches.compiled:
        # What was compiled for earlier networks of this process counts against a limit, at which torch
        # goes on without compiling.
        torch.compiler.reset()
        # One kernel for each size of batch: kernels for any size, which torch turns to once it has met two,
        # sum otherwise, and a run that was stopped would go on with others than it began with.
        forward = torch.compile(forward, dynamic=False)

    def step(chosen: Int64[Tensor, " _"]) -> Float32[Tensor, ""]:
        mine = devices.share(chosen)
        x = augment(train.windows.gather(mine), recipe.augmentation)
        with precision(device, switches):
            logits = forward(x)
        summed = cross_entropy(logits.float(), train.targets[mine], weights, recipe)
        loss = summed / divisor(train.targets[chosen], weights, recipe)
        optimiser.zero_grad()
        # gradients are averaged over the processes, and each has its share of one sum
        (loss * shares if shares > 1 else loss).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return loss.detach() * len(chosen)

    return _recorded(step, model, optimiser, recipe.batch, len(train)) if switches.graphs else step


def _recorded(
    step: Step, model: nn.Module, optimiser: torch.optim.Optimizer, batch: int, frames: int
) -> Step:
    """Record `step` on a full batch as a CUDA graph and replay it; a batch of another size steps as it is.

    The steps that recording takes are undone, in place: a graph knows tensors by their address.
    """
    device = next(model.parameters()).device
    for group in optimiser.param_groups:
        group["lr"] = torch.tensor(float(group["lr"]), device=device)
    if frames < batch:
        return step
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    memory = {w: {key: value.clone() for key, value in kept.items()} for w, kept in optimiser.state.items()}
    chosen = torch.arange(batch, device=device)
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            step(chosen)
    torch.cuda.current_stream().wait_stream(aside)
    optimiser.zero_grad()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step(chosen)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            value.copy_(weights[name])
        for w, kept in optimiser.state.items():
            for key, value in kept.items():
                value.copy_(memory[w][key]) if w in memory else value.zero_()

    def replay(batch_: Int64[Tensor, " _"]) -> Float32[Tensor, ""]:
        if len(batch_) != batch:
            return step(batch_)
        chosen.copy_(batch_)
        graph.replay()
        return loss  # read before the next replay overwrites it: all happens in one stream

    return replay
