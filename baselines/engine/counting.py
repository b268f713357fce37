"""What can be said of a network without data or weights: it is built where nothing is computed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from baselines.contract import Baseline, Recipe, Sizes
from baselines.engine import devices
from baselines.switches import Switches
from bench.errors import UsageError


def sketch(baseline: Baseline, recipe: Recipe | None, sizes: Sizes) -> nn.Module:
    """Return a network without weights: nothing is drawn at random for it."""
    if baseline.network is None:
        raise TypeError(f"{baseline.name} has no network")
    with torch.device("meta"):
        return baseline.network(recipe, sizes)


def parameters(baseline: Baseline, recipe: Recipe | None, sizes: Sizes) -> int:
    """Count the trainable parameters."""
    model = sketch(baseline, recipe, sizes)
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad)


def flops(baseline: Baseline, recipe: Recipe | None, sizes: Sizes) -> int | None:
    """Count what labelling one frame takes: matrix products, convolutions, attention; a multiply-add is 2.

    Nothing is computed: on the meta device, recurrent layers and attention are the products that they are
    made of, which the kernels of a device hide. Sums, activations and normalisations are left out. None where
    the inputs of a network are no frames.
    """
    if baseline.example is None:
        return None
    model = sketch(baseline, recipe, sizes)
    with torch.device("meta"):
        *inputs, frames = baseline.example(recipe, sizes)
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(*inputs)
    return int(counter.get_total_flops() // frames)


def check_switches(baseline: Baseline, recipe: Any, sizes: Sizes, device: str, switches: Switches) -> None:
    """Raise `UsageError` where the network cannot be computed as the switches say."""
    model = sketch(baseline, recipe, sizes)
    if switches.devices > 1:
        devices.check_shareable(model, device)
    recurrent = any(isinstance(layer, nn.RNNBase) for layer in model.modules())
    if recurrent and device == "cuda" and switches.precision == "bf16":
        raise UsageError(
            f"on a GPU torch rounds the recurrent layers of {baseline.name!r} to float16, not bfloat16",
            hint="leave out --precision",
        )
