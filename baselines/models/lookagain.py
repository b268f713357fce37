"""LookAgain from keypoints alone, and the transformer that it is compared with.

The motion encoder of `baselines/extractors/lookagain.py` learns without labels and is then held fast; two
linear layers on the embeddings of all animals classify every frame. That is LookAgain where its gate opens
for no frame: the embedding that is fused with no picture is the embedding itself.

Reference: Learning When to Look: On-Demand Keypoint-Video Fusion for Animal Behavior Analysis,
arXiv:2603.07279. As in the paper: the fixed encoder, two-layer classifier, inverse class frequencies in the
loss, 50 epochs, rates from 5e-5 to 1e-5, windows of 128 frames. Ours: labels are of a recording and not of an
animal, so that the classifier sees the animals side by side; AdamW, 32 windows in a batch.
"""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Bool, Float
from torch import Tensor, nn, randn

from baselines.contract import Need, Sizes
from baselines.engine import sequences
from baselines.parts.motion_encoder import MotionEncoder, Stack, motion_of, motion_width, two_layers
from baselines.recipes.lookagain import Motion
from baselines.recipes.sequences import Recipe

REFERENCE, PAPER = "LookAgain, arXiv:2603.07279", "https://arxiv.org/abs/2603.07279"
MOTION = Motion()
RECIPE = Recipe(
    size=MOTION.size,
    epochs=50,
    batch=32,
    lr=5e-5,
    last_lr=1e-5,
    decay=0.01,
    class_weights="balanced",
    inputs="known poses",
)


def classifier(inputs: int, classes: int, width: int = MOTION.width) -> nn.Sequential:
    """Return two linear layers from the embeddings of all animals to the logits."""
    return two_layers(inputs, width, classes)


class LookAgain(nn.Module):
    """A motion encoder that does not learn, and a classifier for every question."""

    def __init__(self, animals: int, keypoints: int, classes: tuple[int, ...]) -> None:
        super().__init__()
        self.motion = MotionEncoder(animals, keypoints, MOTION).requires_grad_(False)
        self.heads = nn.ModuleList(classifier(animals * MOTION.width, count) for count in classes)

    def train(self, mode: bool = True) -> LookAgain:
        """Set whether it trains; the encoder drops nothing, and its codebooks stay."""
        super().train(mode)
        self.motion.eval()
        return self

    def forward(self, x: Float[Tensor, "B T F"], inside: Bool[Tensor, "B T"]) -> tuple[Tensor, ...]:
        """Return the logits (B, T, C) of every question; those of frames not `inside` mean nothing."""
        embedding = self.motion(x, inside).embedding.flatten(2)  # (B, T, A * D)
        return tuple(head(embedding) for head in self.heads)


class Transformer(nn.Module):
    """Attention over time on the motion itself, for each animal, and a classifier for every question."""

    def __init__(self, animals: int, keypoints: int, classes: tuple[int, ...]) -> None:
        super().__init__()
        self.animals, self.keypoints = animals, keypoints
        self.project = nn.Linear(motion_width(animals, keypoints), MOTION.width)
        self.places = nn.Parameter(randn(MOTION.size, MOTION.width) * 0.02)
        self.time = Stack(MOTION.width, MOTION.depth)
        self.heads = nn.ModuleList(classifier(animals * MOTION.width, count) for count in classes)

    def forward(self, x: Float[Tensor, "B T F"], inside: Bool[Tensor, "B T"]) -> tuple[Tensor, ...]:
        """Return the logits (B, T, C) of every question; those of frames not `inside` mean nothing."""
        motion = motion_of(x, self.animals, self.keypoints)
        rows = self.project(motion.transpose(1, 2).flatten(0, 1)) + self.places[: x.shape[1]]
        y = self.time(rows, inside.repeat_interleave(self.animals, dim=0))  # (B * A, T, D)
        y = y.view(len(x), self.animals, *y.shape[1:]).transpose(1, 2).flatten(2)
        return tuple(head(y) for head in self.heads)


def build(recipe: Recipe, sizes: Sizes) -> LookAgain:  # noqa: ARG001
    """Return the network for the animals and keypoints of a skeleton."""
    return LookAgain(len(sizes.skeleton.animals), len(sizes.skeleton.keypoints), sizes.classes)


def build_transformer(recipe: Recipe, sizes: Sizes) -> Transformer:  # noqa: ARG001
    """Return the transformer for the animals and keypoints of a skeleton."""
    return Transformer(len(sizes.skeleton.animals), len(sizes.skeleton.keypoints), sizes.classes)


KEYPOINTS = sequences.baseline(
    module=__name__,
    name="lookagain_keypoints",
    title="LookAgain, keypoints alone",
    description="a classifier on a motion encoder that has learned without labels, and from no video",
    reference=REFERENCE,
    paper=PAPER,
    recipe=replace(RECIPE, start="motion"),
    network=build,
    needs=[Need("baselines.extractors.lookagain:lookagain_motion", "start")],
)
TRANSFORMER = sequences.baseline(
    module=__name__,
    name="supervised_transformer",
    title="Supervised transformer",
    description="attention over windows of 128 poses, from labels alone",
    reference=f"{REFERENCE}, as a rival",
    paper=PAPER,
    recipe=RECIPE,
    network=build_transformer,
)
