"""Switches: how a run computes, apart from what it learns. All are off unless asked for.

None of them may change a result by more than another seed does (`tests/perf/switches.py` shows it), but each
rounds otherwise, so they are part of what a run depends on and the submission's card names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from bench.about import install_hint
from bench.errors import UsageError


@dataclass(frozen=True)
class Switches:
    """Precision, compilation, CUDA graphs, number of devices."""

    precision: Literal["float32", "bf16"] = "float32"
    """Of activations. Weights, their gradients and the loss stay float32."""
    compiled: bool = False
    """Fuse the network's kernels with `torch.compile`; the first batches wait for it.

    Recurrent layers stay as they are: torch does not trace into them.
    """
    graphs: bool = False
    """Record one step as a CUDA graph and replay it: small networks wait for launches, not for arithmetic."""
    devices: int = 1
    """Processes that share each batch of one run, each on its own device; on the CPU, each on one core."""

    def said(self) -> list[str]:
        """Say on the card which switches are on."""
        said = {
            "activations in bfloat16": self.precision == "bf16",
            "compiled": self.compiled,
            "steps replayed as CUDA graphs": self.graphs,
            f"batches shared by {self.devices} devices": self.devices > 1,
        }
        return [text for text, on in said.items() if on]


OFF = Switches()


def check_switches(switches: Switches, device: str, *, network: bool, tensorboard: bool) -> None:
    """Raise `UsageError` for what does not go together, before anything is read."""
    if not network and (switches != OFF or tensorboard):
        raise UsageError("switches and TensorBoard are for networks", hint="train without them")
    if switches.graphs and device != "cuda":
        raise UsageError(f"device {device!r} has no CUDA graphs", hint="train with --device cuda")
    if switches.graphs and switches.devices > 1:
        raise UsageError("CUDA graphs record one device", hint="leave out --graphs, or --devices")
    if tensorboard and find_spec("tensorboard") is None:
        raise UsageError("TensorBoard is not installed", hint=install_hint("tensorboard"))
    if switches.devices > 1 and device == "cuda":
        import torch  # here, because the prior trains without it

        if torch.cuda.device_count() < switches.devices:
            raise UsageError(
                f"{torch.cuda.device_count()} CUDA devices, {switches.devices} asked for",
                hint="lower --devices",
            )
