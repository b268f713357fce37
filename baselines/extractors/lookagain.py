"""The motion encoder of LookAgain: what a sequence of keypoints says, learned without labels.

Each animal's motion is put into tokens of two codebooks, attention over time reads the tokens, attention over
the animals reads all of them in one frame. Frames are masked, and their keypoints are predicted; a decoder
makes the motion from the tokens again. A frame's features are the embeddings of all animals.

Reference: Learning When to Look: On-Demand Keypoint-Video Fusion for Animal Behavior Analysis,
arXiv:2603.07279. As in the paper: the parts, widths of 128 and 256, two codebooks of 512 codes that follow a
running mean, four layers over time and two over animals, weights of the losses, windows of 128 frames, the
learning rates. Ours, because the paper leaves it open: kernels of 5, 4 heads, feed-forward layers of four
times the width, GELU, 15 % of the frames masked, AdamW, 32 windows in a batch, how codes begin and follow,
and how an animal sees the others: direction in the image, distance and mean confidence. The loss that
predicts what a video encoder says is left out: no video is read here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn
from torch.optim import AdamW

from baselines.contract import Baseline, Data, Derived, Predictor, Question, Run, Sizes, State, Workspace
from baselines.engine import devices, loop, pretraining, schedules, steps
from baselines.engine.settings import float32
from baselines.engine.states import arrays_of, loaded
from baselines.inputs.motion import known_poses
from baselines.inputs.sequences import Sequences, sequences
from baselines.parts.codebooks import Quantiser
from baselines.recipes.lookagain import Motion
from bench.recordings import Recording

HEADS = 4
KERNEL = 5
NEIGHBOUR = 4
"""Numbers that tell an animal of another one."""


def attention(width: int, dropout: float = 0.1) -> nn.TransformerEncoderLayer:
    """Return one layer of attention that is normalised first."""
    return nn.TransformerEncoderLayer(
        width, HEADS, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
    )


def motion_width(animals: int, keypoints: int) -> int:
    """Return how many numbers tell the motion of an animal, M."""
    return 3 * keypoints + NEIGHBOUR * (animals - 1)


def motion_of(x: Float[Tensor, "B T F"], animals: int, keypoints: int) -> Float[Tensor, "B T A M"]:
    """Return what is told of each animal: its keypoints, their confidence, and where the others are.

    `x` are keypoints with their confidence, as `known_poses` gives them.
    """
    poses = x.view(*x.shape[:2], animals, keypoints, 3)
    places, confidence = poses[..., :2], poses[..., 2]
    weight = (confidence > 0).to(x.dtype)[..., None]
    middle = (places * weight).sum(dim=3) / weight.sum(dim=3).clamp(min=1)  # (B, T, A, 2)
    told = [places.flatten(3), confidence]
    for other in range(1, animals):
        gap = middle.roll(-other, dims=2) - middle
        distance = (gap.square().sum(dim=3, keepdim=True) + 1e-12).sqrt()
        sure = confidence.roll(-other, dims=2).mean(dim=3, keepdim=True)
        told += [gap / distance, distance, sure]
    return torch.cat(told, dim=3)


class Stack(nn.Module):
    """Layers of attention over the second axis, and a last normalisation."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(attention(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "B N D"], known: Bool[Tensor, "B N"]) -> Float[Tensor, "B N D"]:
        """Return what each place knows of all places that are `known`."""
        outside = ~known & known.any(dim=1, keepdim=True)  # a row without any place would be NaN
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=outside)
        y: Tensor = self.norm(x)
        return y


class Coder(nn.Module):
    """Two convolutions over time and one layer of attention, from one width to another."""

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(inputs, hidden, KERNEL, padding=KERNEL // 2)
        self.second = nn.Conv1d(hidden, hidden, KERNEL, padding=KERNEL // 2)
        self.time = Stack(hidden, 1)
        self.last = nn.Linear(hidden, outputs)

    def forward(self, x: Float[Tensor, "B T F"], known: Bool[Tensor, "B T"]) -> Float[Tensor, "B T G"]:
        """Return the same frames."""
        y = (x * known[..., None]).transpose(1, 2)
        y = self.second(nn.functional.gelu(self.first(y))).transpose(1, 2)
        z: Tensor = self.last(self.time(nn.functional.gelu(y), known))
        return z


@dataclass(frozen=True, eq=False)
class Read:
    """What the encoder says of a batch of windows."""

    embedding: Float[Tensor, "B T A D"]
    tokens: Float[Tensor, "B T A Z"]
    motion: Float[Tensor, "B T A M"]
    """What it was given, of each animal."""
    again: Float[Tensor, "B T A M"]
    """The same, made from the tokens."""
    keypoints: Float[Tensor, "B T A K 2"]
    """What the embedding says of them."""
    distance: Float[Tensor, ""]
    codes: Int64[Tensor, "R T 2"]
    """Of each animal of each window, R = B * A."""


class MotionEncoder(nn.Module):
    """From the keypoints of all animals to an embedding of each animal in each frame."""

    def __init__(self, animals: int, keypoints: int, recipe: Motion) -> None:
        super().__init__()
        self.animals, self.keypoints, self.size = animals, keypoints, recipe.size
        width = motion_width(animals, keypoints)
        self.masked = nn.Parameter(torch.zeros(width))
        self.encode = Coder(width, recipe.tokens, recipe.tokens)
        self.quantise = Quantiser(recipe.codes, recipe.tokens)
        self.decode = Coder(recipe.tokens, width, recipe.tokens)
        self.project = nn.Linear(recipe.tokens, recipe.width)
        self.places = nn.Parameter(torch.randn(recipe.size, recipe.width) * 0.02)
        self.time = Stack(recipe.width, recipe.depth)
        self.social = Stack(recipe.width, recipe.social_depth) if animals > 1 else None
        if animals > 1:
            self.join = nn.Sequential(
                nn.Linear(2 * recipe.width, recipe.width), nn.GELU(), nn.Linear(recipe.width, recipe.width)
            )
        self.keypoint_head = nn.Linear(recipe.width, 2 * keypoints)

    def forward(
        self,
        x: Float[Tensor, "B T F"],
        inside: Bool[Tensor, "B T"],
        masked: Bool[Tensor, "B T"] | None = None,
    ) -> Read:
        """Read windows of at most `size` frames; F = A * K * 3. Frames that are `masked` are not shown."""
        motion = motion_of(x, self.animals, self.keypoints)
        shown = motion if masked is None else torch.where(masked[..., None, None], self.masked, motion)
        rows = shown.transpose(1, 2).flatten(0, 1)  # (B * A, T, M)
        known = inside.repeat_interleave(self.animals, dim=0)
        tokens, distance, codes = self.quantise(self.encode(rows, known), known)
        again = self.decode(tokens, known)
        embedding = self.time(self.project(tokens) + self.places[: x.shape[1]], known)
        together = self._apart(embedding, len(x))
        if self.social is not None:
            frames = together.flatten(0, 1)  # (B * T, A, D)
            others = self.social(frames, torch.ones_like(frames[..., 0], dtype=torch.bool))
            together = together + self.join(torch.cat([together, others.view(together.shape)], dim=3))
        told = self.keypoint_head(together).view(*together.shape[:3], self.keypoints, 2)
        tokens, again = self._apart(tokens, len(x)), self._apart(again, len(x))
        return Read(together, tokens, motion, again, told, distance, codes)

    def _apart(self, rows: Float[Tensor, "N T D"], batch: int) -> Float[Tensor, "B T A D"]:
        return rows.view(batch, self.animals, *rows.shape[1:]).transpose(1, 2)


def pretraining_loss(
    read: Read, inside: Bool[Tensor, "B T"], masked: Bool[Tensor, "B T"], recipe: Motion
) -> Float[Tensor, ""]:
    """Return what is learned without labels: masked keypoints, motion made again, nearness of codes.

    A keypoint that was not detected is not asked for.
    """
    keypoints = read.keypoints.shape[3]
    places, confidence = read.motion[..., : 2 * keypoints], read.motion[..., 2 * keypoints : 3 * keypoints]
    counts = (masked & inside)[..., None, None] & (confidence > 0)
    gaps = (read.keypoints - places.view(read.keypoints.shape)).square().sum(dim=4)
    hidden = (gaps * counts).sum() / counts.sum().clamp(min=1)
    again = (read.again - read.motion).square().sum(dim=3) * inside[..., None]
    made = again.sum() / (inside.sum() * again.shape[2]).clamp(min=1)
    return hidden + recipe.quantised * recipe.commitment * read.distance + recipe.reconstructed * made


def learn(run: Run, data: Data, workspace: Workspace) -> State:
    """Train on all recordings that are shown, without their labels; raises what `loop.fit` raises."""
    recipe: Motion = run.recipe
    device = devices.own_device(run.device)
    read = [known_poses(one, run.sizes.skeleton.image) for one in pretraining.recordings(run, data)]
    targets = [np.zeros(len(one), np.int64) for one in read]
    laid_out = sequences(read, targets, recipe.size, device)
    fitted = loop.fit(
        lambda: network(recipe, run.sizes),
        lambda _, seed: torch.split(laid_out.draw(seed), recipe.batch),
        partial(_loss, laid_out, recipe),
        lambda model: AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.decay),
        lambda epoch, done, _: schedules.warm_cosine(
            recipe.lr, 0, recipe.epochs, epoch - 1 + done, recipe.last_lr
        ),
        epochs=recipe.epochs,
        seed=run.seed,
        device=device,
        checkpoint=workspace.checkpoint,
        inputs=workspace.inputs,
        switches=run.switches,
        report=workspace.report,
    )
    return State(arrays_of(fitted.model.state_dict()), {})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:
    """Return what computes the features by this state."""
    with torch.random.fork_rng(devices=[]):  # what building draws is overwritten
        model = network(run.recipe, run.sizes)
    loaded(model, state).to(torch.device(run.device)).eval()
    return Extractor(model, run, workspace.digest)


@dataclass(frozen=True, eq=False)
class Extractor:
    """A trained motion encoder: a row of features for every frame."""

    model: MotionEncoder
    run: Run
    made_by: str

    def __call__(
        self,
        recordings: Iterable[Recording],
        question: Question,  # noqa: ARG002  the same for all
    ) -> Iterator[Derived]:
        """Yield the embeddings of each recording, one animal's after another's."""
        for recording in recordings:
            yield Derived(self._values(recording), 0.0, 1 / recording.fps, self.made_by)

    @torch.inference_mode()
    def _values(self, recording: Recording) -> Float32[np.ndarray, "T D"]:
        poses = known_poses(recording, self.run.sizes.skeleton.image)
        laid_out = sequences(
            [poses], [np.zeros(len(poses), np.int64)], self.model.size, torch.device(self.run.device)
        )
        with float32():
            rows = laid_out.whole(lambda crops: self.model(crops.features, crops.inside).embedding.flatten(2))
        return rows.cpu().numpy()


def network(recipe: Motion, sizes: Sizes) -> MotionEncoder:
    """Return the encoder for the animals and keypoints of a skeleton."""
    return MotionEncoder(len(sizes.skeleton.animals), len(sizes.skeleton.keypoints), recipe)


def width(recipe: Motion, sizes: Sizes) -> int:
    """Return the number of features."""
    return recipe.width * len(sizes.skeleton.animals)


def _loss(
    laid_out: Sequences, recipe: Motion, forward: steps.Forward, first: Int64[Tensor, " B"]
) -> tuple[Tensor, int]:
    """Return the loss of a batch of windows, and their number; frames are masked at random."""
    crops = laid_out.gather(first)
    masked = torch.rand(crops.inside.shape, device=first.device) < recipe.masked
    read = forward(crops.features, crops.inside, masked)
    return pretraining_loss(read, crops.inside, masked, recipe), len(first)


MOTION = Baseline(
    model=f"{__name__}:lookagain_motion",
    name="lookagain_motion",
    title="Motion encoder of LookAgain",
    description="attention over tokens of motion, which learns to predict frames that are masked",
    reference="LookAgain, arXiv:2603.07279",
    paper="https://arxiv.org/abs/2603.07279",
    recipe=Motion(),
    reads=frozenset({"poses"}),
    answers=frozenset({"features"}),
    learn=learn,
    restore=restore,
    network=network,
    width=width,
    libraries=("numpy", "torch"),
    devices=frozenset({"cpu", "cuda"}),
    switches=frozenset({"precision", "tensorboard"}),
)
