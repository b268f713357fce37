"""LookAgain without labels: clusters of motion tokens, with pictures of the frames that its gate asks for.

The motion encoder is held fast, as in `lookagain_video.py`. Tokens and pictures are fused, centres and gate
learn together: the assignment of each frame to the centres should become as sharp as the sharpened one, and
the gate should not flicker. A frame belongs to the nearest centre; where a task asks for classes, a cluster
stands for those of the training frames in it.

Reference: Learning When to Look, arXiv:2603.07279, equations 20 to 25; deep embedded clustering, Xie et al.
2016, arXiv:1511.06335. As in the paper: the objective with its weight of .1, the fusion on quantised tokens.
Ours, because the paper leaves it open: 30 clusters, centres that begin at those of k-means on the training
frames, pictures brought to the width of the tokens by a linear layer, the sharpened assignment computed in
every batch, and animals side by side, since labels are of a recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.optim import AdamW

from baselines.contract import Baseline, Data, Need, Predictor, Question, Run, Sizes, State, Workspace
from baselines.engine import devices, loop, pretraining, schedules, sequences, steps
from baselines.engine.settings import float32
from baselines.engine.states import arrays_of, loaded
from baselines.inputs.sequences import Sequences
from baselines.inputs.sequences import sequences as lay_out
from baselines.models.lookagain import PAPER, REFERENCE
from baselines.models.lookagain_video import ENCODER, FULL, IMAGES, SMALL, look
from baselines.parts.looking import Watcher
from baselines.parts.motion_encoder import two_layers
from baselines.recipes.lookagain import Grouping, Looking
from bench.errors import DataError
from bench.recordings import Recording


class Clusters(Watcher):
    """A motion encoder that does not learn, pictures that its gate asks for, and centres."""

    def __init__(self, recipe: Grouping, sizes: Sizes) -> None:
        super().__init__(recipe, sizes)
        tokens = recipe.motion.tokens
        self.lower = nn.Linear(recipe.motion.width, tokens)
        self.fuse = two_layers(2 * tokens, recipe.motion.width, tokens)
        self.centres = nn.Parameter(torch.randn(recipe.clusters, self.animals * tokens) * 0.02)

    def forward(
        self, x: Float[Tensor, "B T F"], inside: Bool[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "B T K"], Float[Tensor, "B T A"]]:
        """Return how much each frame belongs to each centre, and the scores of the gate.

        The first sum to 1. Those of frames not `inside` mean nothing.
        """
        fused, scores = self.fused(x, inside)
        return belonging(fused, self.centres), scores

    def fused(
        self, x: Float[Tensor, "B T F"], inside: Bool[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "B T G"], Float[Tensor, "B T A"]]:
        """Return the tokens of all animals with what pictures add to them, and the scores of the gate."""
        read, scores = self.read(x, inside)
        pictures = self.pictures(x)
        seen = (pictures != 0).any(dim=3).any(dim=1)[:, None, :, None]
        looked = self.lower(self.looks(scores, pictures, inside)) * seen
        added = self.fuse(torch.cat([read.tokens, looked], dim=3)) * looked
        return (read.tokens + added).flatten(2), scores


def belonging(rows: Float[Tensor, "B T G"], centres: Float[Tensor, "K G"]) -> Float[Tensor, "B T K"]:
    """Return Student's t of one degree of freedom of the distances to the centres, as shares of each row."""
    near = 1 / (1 + torch.cdist(rows, centres.expand(len(rows), -1, -1)).square())
    return near / near.sum(dim=2, keepdim=True)


def sharpening_loss(shares: Float[Tensor, "N K"]) -> Float[Tensor, ""]:
    """Return the mean divergence of the shares from their sharpened selves, which do not learn.

    Shares are squared, divided by the size of the cluster, and made to sum to 1 again.
    """
    squares = shares.detach().square() / shares.detach().sum(dim=0)
    target = squares / squares.sum(dim=1, keepdim=True)
    gaps = target * (target.clamp(min=1e-12).log() - shares.clamp(min=1e-12).log())
    return gaps.sum(dim=1).mean()


def variation(scores: Float[Tensor, "B T A"], inside: Bool[Tensor, "B T"]) -> Float[Tensor, ""]:
    """Return the mean change of scores from a frame to the next one, both of them inside."""
    both = (inside[:, 1:] & inside[:, :-1])[..., None].expand(-1, -1, scores.shape[2])
    return (scores.diff(dim=1).abs() * both).sum() / both.sum().clamp(min=1)


def learn(run: Run, data: Data, workspace: Workspace) -> State:
    """Find centres in all recordings that are shown, whose labels are not looked at.

    Raises `DataError` where there are fewer frames than clusters, and what `loop.fit` raises.
    """
    recipe: Grouping = run.recipe
    device = devices.own_device(run.device)
    read = [sequences.features_of(run, workspace, one) for one in pretraining.recordings(run, data)]
    if (count := sum(map(len, read))) < recipe.clusters:
        raise DataError(
            f"nothing to find {recipe.clusters} clusters in",
            [f"{count} training frames, expected {recipe.clusters} or more"],
            hint="choose another task",
        )
    laid_out = lay_out(read, [np.zeros(len(one), np.int64) for one in read], recipe.size, device)
    start = {f"motion.{name}": weights for name, weights in workspace.start()["model"].items()}
    fitted = loop.fit(
        lambda: _begun(build(recipe, run.sizes), laid_out, recipe, start, run.seed),
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
    """Return what puts every frame into the cluster of the nearest centre."""
    with torch.random.fork_rng(devices=[]):  # what building draws is overwritten
        model = build(run.recipe, run.sizes)
    loaded(model, state).to(torch.device(run.device)).eval()

    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[Int64[np.ndarray, " T"]]:  # noqa: ARG001
        for recording in recordings:
            rows = look(run, workspace, model, recording)
            yield _nearest(run, model, rows)

    return predict


@torch.inference_mode()
def _nearest(run: Run, model: Clusters, rows: Float[np.ndarray, "T F"]) -> Int64[np.ndarray, " T"]:
    device = torch.device(run.device)
    laid_out = lay_out([rows], [np.zeros(len(rows), np.int64)], run.recipe.size, device)
    with float32():
        shares = laid_out.whole(lambda crops: model(crops.features, crops.inside)[0])
    return shares.argmax(dim=1).cpu().numpy()


@torch.no_grad()
def _begun(
    model: Clusters, laid_out: Sequences, recipe: Grouping, start: dict[str, Tensor], seed: int
) -> Clusters:
    """Put the weights of the motion encoder in, and the centres where k-means finds them."""
    from sklearn.cluster import KMeans  # here: the list of models needs none

    model.load_state_dict({**model.state_dict(), **start})
    model.to(laid_out.features.device).eval()
    rows = []
    for first in torch.split(laid_out.draw(0).sort().values, recipe.batch):
        crops = laid_out.gather(first)
        rows.append(model.fused(crops.features, crops.inside)[0][crops.inside].cpu())
    frames = torch.cat(rows).numpy()
    frames = frames[:: max(1, -(-len(frames) // recipe.drawn))]
    found = KMeans(recipe.clusters, n_init=1, random_state=seed).fit(frames).cluster_centers_
    model.centres.copy_(torch.from_numpy(found))
    return model


def _loss(
    laid_out: Sequences, recipe: Grouping, forward: steps.Forward, first: Int64[Tensor, " B"]
) -> tuple[Tensor, int]:
    crops = laid_out.gather(first)
    shares, scores = forward(crops.features, crops.inside)
    loss = sharpening_loss(shares[crops.inside]) + recipe.smooth * variation(scores, crops.inside)
    return loss, len(first)


def build(recipe: Grouping, sizes: Sizes) -> Clusters:
    """Return the network for the animals and keypoints of a skeleton."""
    return Clusters(recipe, sizes)


def declare(name: str, title: str, recipe: Looking, needs: Sequence[Need]) -> Baseline:
    """Return a model of this file, with the sizes and rates of one that classifies."""
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    return Baseline(
        model=f"{__name__}:{name}",
        name=name,
        title=title,
        description="centres in motion tokens and in the pictures that a gate asks for, without labels",
        reference=REFERENCE,
        paper=PAPER,
        recipe=Grouping(**values),
        reads=frozenset({"poses", "video"}),
        answers=frozenset({"clusters"}),
        learn=learn,
        restore=restore,
        network=build,
        needs=tuple(needs),
        extra="train,video",
        libraries=("av", "numpy", "opencv-python-headless", "scikit-learn", "torch"),
        devices=frozenset({"cpu", "cuda"}),
        switches=frozenset({"precision", "tensorboard"}),
    )


CLUSTERS = declare(
    "lookagain_clusters",
    "LookAgain, clusters",
    FULL,
    [Need(f"{ENCODER}_motion_images", "start"), IMAGES],
)
SMALLER = declare(
    "lookagain_small_clusters",
    "LookAgain, clusters, small",
    SMALL,
    [Need(f"{ENCODER}_small_motion_images", "start"), IMAGES],
)
