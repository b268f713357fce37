"""The CalMS21 1-D convolution: three blocks that halve time, then one linear layer.

Reference: Sun et al. 2021, arXiv:2104.02710, Task 1 baseline; layers, sizes and the Keras defaults
they were trained with as in the official code. Time is the inner axis of an image of height 1 whose
channels lie last: the layout that CPU kernels are quickest in, and the order in which Keras flattens.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import pi

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.contract import Need
from baselines.engine import keras, windows
from baselines.recipes.windows import Augmentation, Phase, Recipe, Tuning


class HalfDropout(nn.Module):
    """Dropout of one half: zero a value or double it, by the lowest bit of a random byte.

    `nn.Dropout` draws a float per value, which took a third of the training time on CPU.
    """

    def forward(self, x: Float[Tensor, "B H 1 W"]) -> Float[Tensor, "B H 1 W"]:
        """Drop in training, return `x` itself otherwise."""
        if not self.training:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_()
        kept = (words.view(torch.uint8) & 1).as_strided(x.shape, x.stride())  # in the layout of x
        return x * kept * 2


class Block(nn.Module):
    """Convolve without padding, normalise, rectify, keep the larger of two neighbours, drop half."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (1, kernel))
        self.norm = keras.BatchNorm2d(outputs)
        self.pool = nn.MaxPool2d((1, 2))
        self.dropout = HalfDropout()

    def forward(self, x: Float[Tensor, "B H 1 W"]) -> Float[Tensor, "B H2 1 W2"]:
        """Return W2 = (W - kernel + 1) // 2 samples of H2 channels."""
        y: Tensor = self.dropout(self.pool(self.norm(self.conv(x)).relu()))
        return y


class Conv1D(nn.Module):
    """Normalise each input, `len(channels)` blocks, one linear layer."""

    def __init__(
        self,
        features: int,
        window: int,
        classes: int,
        channels: tuple[int, ...] = (128, 64, 32),
        kernel: int = 5,
    ) -> None:
        super().__init__()
        self.norm = keras.BatchNorm2d(features)
        sizes = (features, *channels)
        self.blocks = nn.Sequential(*(Block(a, b, kernel) for a, b in pairwise(sizes)))
        for _ in channels:
            window = (window - kernel + 1) // 2  # 201 > 98 > 47 > 21
        self.head = nn.Linear(window * channels[-1], classes)
        self.apply(keras.initialise)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch

    def forward(self, x: Float[Tensor, "B W F"]) -> Float[Tensor, "B C"]:
        """Return the logits of the frame that each window belongs to."""
        y = self.norm(x.transpose(1, 2).unsqueeze(2))  # (B, F, 1, W)
        y = self.blocks(y).permute(0, 2, 3, 1).flatten(1)  # (B, W * H), time first
        logits: Tensor = self.head(y)
        return logits


REFERENCE, PAPER = "Sun et al. 2021, CalMS21, arXiv:2104.02710", "https://arxiv.org/abs/2104.02710"
RECIPE = Recipe(past=50, future=50, gap=1, epochs=50, augmentation=Augmentation(rotation=pi, shift=0.25))
REFLECTED = replace(RECIPE, augmentation=Augmentation(rotation=pi, shift=0.25, reflect=True))
"""The paper speaks of reflections; the code does not reflect."""
AS_RUN = (
    ("calms21-task2", Tuning((Phase(5, 1e-3), Phase(10, 1e-3)))),
    ("calms21-task3", Tuning((Phase(30, 1e-3, adam="new"), Phase(20, 5e-5)), head="new")),
)
"""The published code freezes layers after it has compiled the network, which Keras does not heed: all weights
learn in both phases. On Task 2 it goes on with the optimiser of Task 1, its learning rate included."""
AS_DESCRIBED = (
    ("calms21-task2", Tuning((Phase(5, 1e-4, "head", "new"), Phase(10, 1e-4, "all", "new")))),
    ("calms21-task3", Tuning((Phase(30, 1e-3, "head", "new"), Phase(20, 5e-5, "all", "new")), head="new")),
)
"""First the last layer alone, then all; at the learning rates that the code declares. The code means to leave
batch normalisations free in the first phase, and so they are; the paper does not speak of them."""

CONV1D = windows.baseline(
    module=__name__,
    name="conv1d",
    title="1-D convolution",
    description="three convolutions over a window of 201 poses, every second frame",
    reference=REFERENCE,
    recipe=Recipe(past=100, future=100, gap=2, epochs=15),
    network=windows.plain(Conv1D),
    paper=PAPER,
)
CAUSAL = windows.baseline(
    module=__name__,
    name="conv1d_causal",
    title="1-D convolution, causal",
    description="three convolutions over the 101 poses up to the frame, every second frame",
    reference=REFERENCE,
    recipe=Recipe(past=100, future=0, gap=2, epochs=15),
    network=windows.plain(Conv1D),
    paper=PAPER,
)
AUGMENTED = windows.baseline(
    module=__name__,
    name="conv1d_augmented",
    title="1-D convolution, augmented",
    description="three convolutions over a window of 101 poses, turned and shifted at random in training",
    reference=REFERENCE,
    recipe=RECIPE,
    network=windows.plain(Conv1D),
    paper=PAPER,
)
AUGMENTED_AND_REFLECTED = replace(
    AUGMENTED, model=f"{__name__}:conv1d_reflected", name="conv1d_reflected", recipe=REFLECTED
)
"""What the fine-tuning as described begins with; no baseline of the list."""
FINETUNED = windows.baseline(
    module=__name__,
    name="conv1d_finetuned",
    title="1-D convolution, fine-tuned",
    description="the augmented 1-D convolution of CalMS21 Task 1, trained on, as the code was run",
    reference=REFERENCE,
    recipe=replace(RECIPE, tunings=AS_RUN),
    network=windows.plain(Conv1D),
    paper=PAPER,
    needs=[Need(AUGMENTED.model, "start", "calms21-task1")],
    tasks=[task for task, _ in AS_RUN],
)
FINETUNED_AS_DESCRIBED = windows.baseline(
    module=__name__,
    name="conv1d_finetuned_as_described",
    title="1-D convolution, fine-tuned as described",
    description="the augmented 1-D convolution of CalMS21 Task 1, its last layer trained on, then all",
    reference=REFERENCE,
    recipe=replace(REFLECTED, tunings=AS_DESCRIBED),
    network=windows.plain(Conv1D),
    paper=PAPER,
    needs=[Need(AUGMENTED_AND_REFLECTED.model, "start", "calms21-task1")],
    tasks=[task for task, _ in AS_DESCRIBED],
)
