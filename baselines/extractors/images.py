"""A small encoder of pictures of animals, which learns from the videos of the training recordings.

Each picture is the square around one animal. Two views of it, turned, mirrored, enlarged and lit at random,
should be alike, and unlike all other pictures of the batch. A frame's features are those of all animals. What
reads them can ask for some pictures alone, and each picture that is encoded then costs one call.

Reference: Chen et al. 2020, SimCLR, arXiv:2002.05709, for the loss. The network and the views are ours: small
enough for a processor, so that pixels carry information without a download.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64, UInt8
from torch import Tensor, nn
from torch.optim import AdamW

from baselines.contract import Baseline, Data, Derived, Predictor, Question, Run, Sizes, State, Workspace
from baselines.engine import devices, loop, pretraining, schedules, steps
from baselines.engine.contrast import contrastive_loss
from baselines.engine.settings import float32
from baselines.engine.states import arrays_of, loaded
from baselines.inputs.pictures import pictures, video_for
from baselines.recipes.images import Small
from bench.errors import DataError
from bench.recordings import Recording

TOGETHER = 64
"""Pictures that are encoded at once."""
Encode = Callable[[UInt8[Tensor, "B S S 3"]], Float32[Tensor, "B D"]]
"""From pictures to a row of features for each: all that an encoder must be."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """An encoder with the videos of recordings: a row of features for every frame."""

    encode: Encode
    workspace: Workspace
    image: tuple[int, int]
    """Width and height in which keypoints are."""
    size: int
    span: float
    width: int
    """Features of a picture."""
    together: int = TOGETHER

    def __call__(
        self,
        recordings: Iterable[Recording],
        question: Question,  # noqa: ARG002  the same for all
    ) -> Iterator[Derived]:
        """Yield the features of each recording, one animal's after another's."""
        for recording in recordings:
            animals = 0 if recording.keypoints is None else recording.keypoints.shape[1]
            rows = self.some(recording, np.ones((recording.frames, animals), dtype=bool))
            flat = rows.reshape(recording.frames, -1)
            yield Derived(flat, 0.0, 1 / recording.fps, self.workspace.digest)

    @torch.inference_mode()
    def some(self, recording: Recording, chosen: Bool[np.ndarray, "T A"]) -> Float32[np.ndarray, "T A D"]:
        """Return the features of the chosen pictures, and 0 for the others, which are not encoded.

        Raises `DataError` where the video is missing, shorter than the poses, or cannot be decoded.
        """
        values = np.zeros((*chosen.shape, self.width), np.float32)
        path = self.workspace.video(recording)
        stream = pictures(path, recording, self.image, chosen, self.size, self.span)
        rows = []
        with float32():
            while batch := list(islice(stream, self.together)):
                rows.append(self.encode(torch.from_numpy(np.stack(batch))).cpu().numpy())
        if rows:
            values[chosen] = np.concatenate(rows)
        return values


class Encoder(nn.Module):
    """Four convolutions that halve the picture, mean and maximum, a linear layer.

    What is compared is one layer further. The maximum tells of small things somewhere in the picture.
    """

    def __init__(self, recipe: Small) -> None:
        super().__init__()
        channels = (3, 16, 32, 64, 64)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(channels):
            layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.GELU()]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Sequential(nn.LayerNorm(2 * channels[-1]), nn.Linear(2 * channels[-1], recipe.width))
        self.project = nn.Sequential(nn.GELU(), nn.Linear(recipe.width, recipe.projected))

    def forward(self, x: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B D"]:
        """Return the features of pictures whose values are from -1 to 1."""
        maps = self.layers(x).flatten(2)
        y: Tensor = self.last(torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1))
        return y


class Comparing(nn.Module):
    """An encoder that learns: two views of each picture, made at random, and how alike they are."""

    def __init__(self, recipe: Small) -> None:
        super().__init__()
        self.encoder, self.temperature = Encoder(recipe), recipe.temperature

    def forward(self, pictures: UInt8[Tensor, "B S S 3"]) -> Float[Tensor, ""]:
        """Return the loss of a batch."""
        x = scaled(pictures)
        one, other = (self.encoder.project(self.encoder(view(x))) for _ in range(2))
        return contrastive_loss(one, other, self.temperature)


def scaled(pictures: UInt8[Tensor, "B S S 3"]) -> Float[Tensor, "B 3 S S"]:
    """Return pictures as networks read them: colour first, from -1 to 1."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


def view(x: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B 3 S S"]:
    """Turn, mirror, enlarge, move and light each picture at random."""
    count, device = len(x), x.device
    angle = torch.rand(count, device=device) * 2 * math.pi
    zoom = 0.6 + 0.4 * torch.rand(count, device=device)
    mirror = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
    move = (torch.rand(count, 2, 1, device=device) - 0.5) * 0.3
    turn = torch.stack([angle.cos() * mirror, -angle.sin(), angle.sin() * mirror, angle.cos()], dim=1)
    theta = torch.cat([turn.view(count, 2, 2) * zoom[:, None, None], move], dim=2)
    grid = nn.functional.affine_grid(theta, list(x.shape), align_corners=False)
    seen = nn.functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    contrast = 0.8 + 0.4 * torch.rand(count, 1, 1, 1, device=device)
    light = 0.2 * (torch.rand(count, 1, 1, 1, device=device) - 0.5)
    return (seen * contrast + light).clamp(-1, 1)


def learn(run: Run, data: Data, workspace: Workspace) -> State:
    """Train on the videos of the recordings that are shown; raises what `Pictures.some` and `fit` raise."""
    recipe: Small = run.recipe
    device = devices.own_device(run.device)
    shown = _drawn(run, workspace, list(pretraining.recordings(run, data))).to(device)
    fitted = loop.fit(
        lambda: Comparing(recipe),
        lambda _, seed: _batches(len(shown), recipe.batch, seed),
        partial(_loss, shown),
        lambda model: AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.decay),
        lambda epoch, done, _: schedules.warm_cosine(recipe.lr, 0, recipe.epochs, epoch - 1 + done),
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
    """Return what computes features by this state."""
    recipe: Small = run.recipe
    with torch.random.fork_rng(devices=[]):  # what building draws is overwritten
        model = Comparing(recipe)
    loaded(model, state).to(torch.device(run.device)).eval()
    encoder = model.encoder

    def encode(batch: UInt8[Tensor, "B S S 3"]) -> Float32[Tensor, "B D"]:
        rows: Tensor = encoder(scaled(batch.to(run.device)))
        return rows

    return Pictures(encode, workspace, run.sizes.skeleton.image, recipe.size, recipe.span, recipe.width)


def width(recipe: Small, sizes: Sizes) -> int:
    """Return the number of features of a frame."""
    return recipe.width * len(sizes.skeleton.animals)


def _drawn(run: Run, workspace: Workspace, recordings: list[Recording]) -> UInt8[Tensor, "N S S 3"]:
    """Return the pictures that are learned from: of every n-th frame, the animals in turn.

    All videos are looked for and measured before the first one is decoded.
    """
    recipe: Small = run.recipe
    animals, frames = len(run.sizes.skeleton.animals), sum(recording.frames for recording in recordings)
    faults = []
    for recording in recordings:
        try:
            video_for(workspace.video(recording), recording)
        except DataError as fault:
            faults.append(fault)
    if faults:
        lines = [line for fault in faults for line in fault.problems or [fault.title]]
        raise DataError(faults[0].title, lines[:8], hint=faults[0].hint)
    every = max(1, math.ceil(frames * animals / recipe.pictures))
    kept: list[UInt8[np.ndarray, "S S 3"]] = []
    for recording in recordings:
        numbers = np.arange(recording.frames * animals).reshape(recording.frames, animals)
        path, image = workspace.video(recording), run.sizes.skeleton.image
        kept += pictures(path, recording, image, numbers % every == 0, recipe.size, recipe.span)
    return torch.from_numpy(np.stack(kept))


def _batches(count: int, size: int, seed: int) -> list[Int64[Tensor, " B"]]:
    """Draw the order of the pictures; what is left over at the end is not compared in this epoch."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    whole = [batch for batch in torch.split(order, size) if len(batch) == size]
    return whole or [order]


def _loss(
    shown: UInt8[Tensor, "N S S 3"], forward: steps.Forward, batch: Int64[Tensor, " B"]
) -> tuple[Tensor, int]:
    return forward(shown[batch.to(shown.device)]), len(batch)


SMALL = Baseline(
    model=f"{__name__}:small_images",
    name="small_images",
    title="Small encoder of pictures",
    description="convolutions on a picture of each animal, which learn to tell pictures apart",
    reference="Chen et al. 2020, SimCLR, arXiv:2002.05709; the network is ours",
    paper="https://arxiv.org/abs/2002.05709",
    recipe=Small(),
    reads=frozenset({"poses", "video"}),
    answers=frozenset({"features"}),
    learn=learn,
    restore=restore,
    width=width,
    extra="train,video",
    libraries=("av", "numpy", "opencv-python-headless", "torch"),
    devices=frozenset({"cpu", "cuda"}),
    switches=frozenset({"precision", "tensorboard"}),
)
