"""Switches: how a run computes, apart from what it learns. All are off unless asked for.

None of them may change a result by more than another seed does (`tests/perf/switches.py` shows it), but each
rounds otherwise, so they are part of what a run depends on and the submission's card names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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

    def words(self) -> list[str]:
        """Say on the card which switches are on."""
        words = {
            "activations in bfloat16": self.precision == "bf16",
            "compiled": self.compiled,
            "steps replayed as CUDA graphs": self.graphs,
            f"batches shared by {self.devices} devices": self.devices > 1,
        }
        return [text for text, on in words.items() if on]


OFF = Switches()
