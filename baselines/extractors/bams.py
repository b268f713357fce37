"""BAMS: two causal encoders of poses, one that sees two seconds and one that sees three quarters of a minute.

Together they predict the histograms of the movements to come; each alone should say the same of two moments
that belong together, a few frames apart or anywhere in the crop. No label is looked at. A frame's features
are both embeddings.

Reference: Azabou et al. 2023, Relax, it doesn't matter how you get there: A new self-supervised approach for
multi-timescale behavior analysis, arXiv:2303.08811. Sizes and numbers are those of its code for any data set
(nerdslab/bams, commit ecbdc68, Apache-2.0). Ours: recordings are cut into crops; a keypoint that was not
detected is held where it was last seen, and its change does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.optim import AdamW

from baselines.contract import Baseline, Data, Derived, Predictor, Question, Run, Sizes, State, Workspace
from baselines.engine import devices, loop, pretraining, schedules, steps
from baselines.engine.settings import float32
from baselines.engine.states import arrays_of, loaded
from baselines.inputs.actions import changes, limits, quantised, released, to_come
from baselines.inputs.poses import columns, keypoints_of, pose_features
from baselines.inputs.sequences import Sequences, sequences
from baselines.recipes.representations import Bams
from bench.recordings import Recording

KERNEL = 3
SHORT, LONG = 2, 4
"""How much further each block of an encoder reaches than the one before."""
PREDICTOR = (256, 512, 512)
BYOL_RATE = 10.0
"""Times the learning rate of the others: that of the heads between two views."""
Outputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Short and long embedding (B, T, D), logits of the histograms (B, T, F, K), the two views (B, T, D)."""


class Block(nn.Module):
    """Convolve the past twice, the second time with normalised weights, and add the input."""

    def __init__(self, inputs: int, outputs: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.past = (KERNEL - 1) * dilation
        self.first = nn.Conv1d(inputs, outputs, KERNEL, dilation=dilation)
        self.second = weight_norm(nn.Conv1d(outputs, outputs, KERNEL, dilation=dilation))
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.act_first, self.act_second, self.act_sum = (nn.PReLU(init=0.1) for _ in range(3))
        self.dropout = nn.Dropout(dropout)
        for layer in (self.first, self.skip):
            if isinstance(layer, nn.Conv1d):
                nn.init.normal_(layer.weight, 0, 0.01)

    def forward(self, x: Float[Tensor, "B H T"]) -> Float[Tensor, "B H2 T"]:
        """Return the same frames; before the first one there are zeros."""
        y = self.act_first(self.first(nn.functional.pad(x, (self.past, 0))))
        y = self.act_second(self.second(nn.functional.pad(self.dropout(y), (self.past, 0))))
        z: Tensor = self.act_sum(self.dropout(y) + self.skip(x))
        return z


class Encoder(nn.Module):
    """One block after another, each reaching `factor` times further."""

    def __init__(self, inputs: int, channels: tuple[int, ...], factor: int, dropout: float) -> None:
        super().__init__()
        sizes = (inputs, *channels)
        self.blocks = nn.Sequential(
            *(Block(a, b, factor**i, dropout) for i, (a, b) in enumerate(pairwise(sizes)))
        )

    def forward(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B T D"]:
        """Return the embedding of every frame."""
        y: Tensor = self.blocks(x.transpose(1, 2))
        return y.transpose(1, 2)


class View(nn.Module):
    """Predict the embedding of one moment from that of another."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, 4 * width, bias=False)
        self.norm = nn.BatchNorm1d(4 * width)
        self.last = nn.Linear(4 * width, width)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Return the prediction of every frame; batch normalisation is over all of them."""
        y: Tensor = self.last(self.norm(self.first(x).flatten(0, 1)).relu())
        return y.view(x.shape)


class BAMS(nn.Module):
    """Two encoders, what predicts the histograms from both and the input, and a view of each embedding."""

    scale: Tensor

    def __init__(
        self,
        inputs: int,
        targets: int,
        short: tuple[int, ...] = (64, 64, 64, 64),
        long: tuple[int, ...] = (64, 64, 64, 64, 64),
        bins: int = 32,
        predictor: tuple[int, ...] = PREDICTOR,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.targets, self.bins = targets, bins
        self.register_buffer("scale", torch.ones(inputs))
        self.short = Encoder(inputs, short, SHORT, dropout)
        self.long = Encoder(inputs, long, LONG, dropout)
        sizes = (short[-1] + long[-1] + inputs, *predictor)
        layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.PReLU())]
        self.predictor = nn.Sequential(*layers, nn.Linear(sizes[-1], targets * bins))
        self.byol_short, self.byol_long = View(short[-1]), View(long[-1])

    def embed(self, x: Float[Tensor, "B T F"]) -> Float[Tensor, "B T D"]:
        """Return the features of every frame: the short embedding, then the long one."""
        x = x / self.scale
        return torch.cat([self.short(x), self.long(x)], dim=2)

    def forward(self, x: Float[Tensor, "B T F"]) -> Outputs:
        """Return embeddings, logits of the histograms and views of every frame."""
        x = x / self.scale
        short, long = self.short(x), self.long(x)
        logits = self.predictor(torch.cat([short, long, x], dim=2))
        histograms = logits.view(*logits.shape[:2], self.targets, self.bins)
        return short, long, histograms, self.byol_short(short), self.byol_long(long)


def histogram_loss(
    logits: Float[Tensor, "B T F K"],
    targets: Float[Tensor, "B T F K"],
    weights: Float[Tensor, "B T F"],
) -> Float[Tensor, ""]:
    """Return the weighted mean of the squared distances between cumulated histograms; 0 without weights.

    What is known of a target may sum to less than 1, as beyond the end of a recording nothing is known.
    """
    distances = (logits.softmax(dim=3).cumsum(dim=3) - targets.cumsum(dim=3)).square().mean(dim=3)
    return (distances * weights).sum() / weights.sum().clamp(min=1e-9)


def tiled(weights: Float[Tensor, "B T"], targets: int) -> Float[Tensor, "B T F"]:
    """Return weights of frames as the published code gives them to (frame, target) pairs.

    It repeats the frames of a sequence one after the other where it should repeat each frame: pair number
    `t * F + f` gets the weight of frame `(t * F + f) % T`.
    """
    return weights.repeat(1, targets).view(*weights.shape, targets)


def view_loss(
    views: Float[Tensor, "B T D"],
    embeddings: Float[Tensor, "B T D"],
    first: Int64[Tensor, " B"],
    second: Int64[Tensor, " B"],
    counts: Bool[Tensor, " B"],
) -> Float[Tensor, ""]:
    """Return how far the views of the first frames are from the embeddings of the second, 1 - cosine.

    The embeddings are held fast. 0 where no crop counts.
    """
    rows = torch.arange(len(first), device=first.device)
    alike = nn.functional.cosine_similarity(views[rows, first], embeddings[rows, second].detach(), dim=1)
    return ((1 - alike) * counts).sum() / counts.sum().clamp(min=1)


def learn(run: Run, data: Data, workspace: Workspace) -> State:
    """Train on all recordings that are shown, without their labels; raises what `loop.fit` raises."""
    recipe: Bams = run.recipe
    device = devices.own_device(run.device)
    recordings = list(pretraining.recordings(run, data))
    inputs = [_inputs(recording, recipe) for recording in recordings]
    moved = [one[:, one.shape[1] // 2 :] for one in inputs]
    scale = np.max([np.abs(one).max(axis=0) for one in inputs], axis=0)
    edges = limits(moved, recipe.bins)
    known = [_known(one, recording) for one, recording in zip(moved, recordings, strict=True)]
    size = min(recipe.size, max(map(len, inputs)))
    laid_out = sequences(inputs, [quantised(one, edges) for one in known], size, device)

    def build() -> BAMS:
        model = network(recipe, run.sizes)
        model.scale.copy_(torch.from_numpy(np.where(scale > 0, scale, 1)))
        return model

    fitted = loop.fit(
        build,
        lambda _, seed: torch.split(laid_out.draw(seed), recipe.batch),
        partial(_loss, laid_out, recipe),
        partial(_optimiser, recipe),
        lambda epoch, _done, _history: schedules.after_milestones(recipe.lr, (recipe.milestone,), epoch),
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
    return Extractor(model, run.recipe, workspace.digest)


@dataclass(frozen=True, eq=False)
class Extractor:
    """A trained BAMS: a row of features for every frame."""

    model: BAMS
    recipe: Bams
    made_by: str

    def __call__(
        self,
        recordings: Iterable[Recording],
        question: Question,  # noqa: ARG002  the same for all
    ) -> Iterator[Derived]:
        """Yield the features of each recording; those of a frame depend on no later one."""
        for recording in recordings:
            yield Derived(self._values(recording), 0.0, 1 / recording.fps, self.made_by)

    @torch.inference_mode()
    def _values(self, recording: Recording) -> Float32[np.ndarray, "T D"]:
        x = torch.from_numpy(_inputs(recording, self.recipe))[None]
        with float32():
            values = self.model.embed(x.to(self.model.scale.device))
        return values[0].cpu().numpy()


def network(recipe: Bams, sizes: Sizes) -> BAMS:
    """Return the network for the poses of a skeleton."""
    width = columns(sizes.skeleton)
    return BAMS(2 * width, width, recipe.short, recipe.long, recipe.bins)


def width(recipe: Bams, sizes: Sizes) -> int:  # noqa: ARG001
    """Return the number of features, D."""
    return recipe.short[-1] + recipe.long[-1]


def _loss(
    laid_out: Sequences, recipe: Bams, forward: steps.Forward, first: Int64[Tensor, " B"]
) -> tuple[Tensor, int]:
    """Return the loss of a batch of crops, and their number."""
    crops = laid_out.gather(first)
    short, long, logits, view_short, view_long = forward(crops.features)
    counts = crops.inside.float()
    counts[:, : recipe.skip] = 0
    if recipe.targets == "as_released":
        targets, frames = released(crops.targets, recipe.bins, recipe.horizon)
        weights = tiled(frames * counts, targets.shape[2])
    else:
        targets, shares = to_come(crops.targets, recipe.bins, recipe.horizon)
        weights = shares * counts[..., None]
    near = _views(crops.inside, recipe.skip_short, recipe.near)
    far = _views(crops.inside, recipe.skip, None)
    return (
        recipe.importance * histogram_loss(logits.float(), targets, weights)
        + 0.5 * view_loss(view_short, short, *near)
        + 0.5 * view_loss(view_long, long, *far)
    ), len(first)


def _views(
    inside: Bool[Tensor, "B T"], skip: int, near: int | None
) -> tuple[Int64[Tensor, " B"], Int64[Tensor, " B"], Bool[Tensor, " B"]]:
    """Draw two frames of each crop after the first `skip`, at most `near` apart; and say which crops count.

    A crop whose frames are not of the recording does not count; none does where crops are too short.
    """
    batch, frames = inside.shape
    last = frames - (near or 0)
    if last <= skip:
        nowhere = torch.zeros(batch, dtype=torch.int64, device=inside.device)
        return nowhere, nowhere, nowhere.bool()
    first = torch.randint(skip, last, (batch,), device=inside.device)
    if near is None:
        second = torch.randint(skip, last, (batch,), device=inside.device)
    else:
        second = first + torch.randint(near + 1, (batch,), device=inside.device)
    rows = torch.arange(batch, device=inside.device)
    return first, second, inside[rows, first] & inside[rows, second]


def _optimiser(recipe: Bams, model: nn.Module) -> AdamW:
    heads = [weights for name, weights in model.named_parameters() if name.startswith("byol")]
    others = [weights for name, weights in model.named_parameters() if not name.startswith("byol")]
    groups: list[dict[str, Any]] = [{"params": others}, {"params": heads, "scale": BYOL_RATE}]
    return AdamW(groups, lr=recipe.lr, weight_decay=recipe.decay)


def _inputs(recording: Recording, recipe: Bams) -> Float32[np.ndarray, "T F2"]:
    """Return the keypoints in pixels, a missing one where it was last seen; and their changes."""
    poses = pose_features(keypoints_of(recording), (1, 1))
    return np.concatenate([poses, changes(poses, as_released=recipe.targets == "as_released")], axis=1)


def _known(moved: Float32[np.ndarray, "T F"], recording: Recording) -> Float32[np.ndarray, "T F"]:
    """Return the changes, NaN where a keypoint is missing in the frame or in the one before."""
    missing = np.isnan(keypoints_of(recording)).reshape(len(moved), -1)
    unseen = missing | np.concatenate([missing[:1], missing[:-1]])
    return np.where(unseen, np.float32(np.nan), moved)


BAMS_INTENDED = Baseline(
    model=f"{__name__}:bams_features",
    name="bams_features",
    title="BAMS",
    description="two causal encoders that predict the histograms of movements to come",
    reference="Azabou et al. 2023, arXiv:2303.08811",
    paper="https://arxiv.org/abs/2303.08811",
    recipe=Bams(),
    reads=frozenset({"poses"}),
    answers=frozenset({"features"}),
    learn=learn,
    restore=restore,
    network=network,
    width=width,
    causal=True,
    libraries=("numpy", "torch"),
    devices=frozenset({"cpu", "cuda"}),
    switches=frozenset({"precision", "tensorboard"}),
)
BAMS_AS_RELEASED = replace(
    BAMS_INTENDED,
    model=f"{__name__}:bams_features_as_released",
    name="bams_features_as_released",
    title="BAMS, as released",
    recipe=Bams(targets="as_released"),
    causal=False,  # the first change is a later one
)
"""With the targets and the weights that the published code has."""
