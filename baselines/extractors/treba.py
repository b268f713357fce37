"""Task programming (TREBA): an autoencoder of how two animals move, told by programs what to keep apart.

A stretch of 21 frames becomes 32 numbers. From them the movements of the stretch can be drawn again.
Stretches for which a program gives the same class are near each other, in a space of its own for each
program. And a stretch that is drawn from the numbers has the classes of the one that they stand for; what
judges that is learned first.

Reference: Sun et al. 2021, Task Programming, CVPR, arXiv:2011.13917; sizes and numbers as CalMS21's appendix
H and the published configuration have them. Written from descriptions of the method alone, because its code
may not be used for everything. Ours: lost keypoints lie on the line between their sightings; no stretch is
held out, so the last epoch of each stage counts; distances that programs compare grow with the image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn
from torch.optim import Adam

from baselines.contract import Baseline, Data, Derived, Predictor, Question, Run, Sizes, State, Workspace
from baselines.engine import devices, loop, pretraining, steps
from baselines.engine.settings import float32
from baselines.engine.states import arrays_of, loaded
from baselines.extractors.trajectory_autoencoder import TREBA, one_hot
from baselines.inputs import dyads, trajectories
from baselines.inputs.trajectories import THRESHOLDS, Basis, Roles
from baselines.recipes.representations import Treba
from bench.recordings import Recording

AT_ONCE = 2048
"""Stretches whose features are computed at once."""


def learn(run: Run, data: Data, workspace: Workspace) -> State:
    """Train on all recordings that are shown, without their labels.

    Raises `DataError` where recordings are not of two animals, and what `loop.fit` raises.
    """
    recipe: Treba = run.recipe
    device = devices.own_device(run.device)
    image, at = run.sizes.skeleton.image, trajectories.roles(run.sizes.skeleton)
    recordings = [_poses(run, recording) for recording in pretraining.recordings(run, data)]
    every = torch.from_numpy(np.concatenate(recordings))
    shapes, _, _ = trajectories.postures(trajectories.scaled(every, image), at)
    made_of = trajectories.basis(shapes.flatten(0, 1), trajectories.components(run.sizes.skeleton))
    stretches = torch.cat([_stretches(one, recipe.window, recipe.window) for one in recordings]).to(device)
    own = Basis(made_of.components.to(device), made_of.mean.to(device))

    def build() -> TREBA:
        model = network(recipe, run.sizes)
        model.components.copy_(made_of.components)
        model.shape.copy_(made_of.mean)
        return model

    fitted = loop.fit(
        build,
        partial(_batches, recipe, len(stretches)),
        partial(_loss, recipe, stretches, own, at, image),
        lambda model: Adam(model.parameters(), lr=recipe.lr),
        lambda _epoch, _done, _history: recipe.lr,
        epochs=recipe.first + recipe.epochs,
        seed=run.seed,
        device=device,
        checkpoint=workspace.checkpoint,
        inputs=workspace.inputs,
        open_epoch=partial(_open_epoch, recipe),
        clip=recipe.clip,
        switches=run.switches,
        report=workspace.report,
    )
    model = fitted.model
    made = np.concatenate([_features(model, recipe, one, at, image) for one in recordings])
    deviation = made.std(axis=0)
    scale = {"mean": made.mean(axis=0), "deviation": np.where(deviation > 0, deviation, 1)}
    arrays = arrays_of(model.state_dict())
    return State(arrays | {name: array.astype(np.float32) for name, array in scale.items()}, {})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:
    """Return what computes the features by this state."""
    with torch.random.fork_rng(devices=[]):  # what building draws is overwritten
        model = network(run.recipe, run.sizes)
    loaded(model, state).to(torch.device(run.device)).eval()
    return Extractor(model, run, workspace.digest)


@dataclass(frozen=True, eq=False)
class Extractor:
    """A trained autoencoder: a row of features for the stretch around every frame."""

    model: TREBA
    run: Run
    made_by: str

    def __call__(
        self,
        recordings: Iterable[Recording],
        question: Question,  # noqa: ARG002  the same for all
    ) -> Iterator[Derived]:
        """Yield the features of each recording; over those that trained they have mean 0 and deviation 1."""
        skeleton = self.run.sizes.skeleton
        at = trajectories.roles(skeleton)
        mean, deviation = self.model.mean.cpu().numpy(), self.model.deviation.cpu().numpy()
        for recording in recordings:
            made = _features(self.model, self.run.recipe, _poses(self.run, recording), at, skeleton.image)
            yield Derived((made - mean) / deviation, 0.0, 1 / recording.fps, self.made_by)


def network(recipe: Treba, sizes: Sizes) -> TREBA:
    """Return the network for the poses of a skeleton."""
    count = trajectories.components(sizes.skeleton)
    state = 2 * (trajectories.PLACE + count)
    shape = (count, 2 * len(sizes.skeleton.keypoints))
    return TREBA(state, len(THRESHOLDS), recipe.features, recipe.hidden, recipe.hidden, shape)


def width(recipe: Treba, sizes: Sizes) -> int:  # noqa: ARG001
    """Return the number of features, Z."""
    return recipe.features


@torch.inference_mode()
def _features(
    model: nn.Module, recipe: Treba, poses: Float32[np.ndarray, "T 2 K 2"], at: Roles, image: tuple[int, int]
) -> Float32[np.ndarray, "T Z"]:
    """Return the mean features of the stretch around every frame, not scaled yet."""
    if not isinstance(model, TREBA):
        raise TypeError(f"TREBA expected, and not {type(model).__name__}")
    model.eval()
    made = []
    for some in torch.split(_stretches(poses, recipe.window, 1), AT_ONCE):
        x, told = _told(some.to(model.components.device), model.basis, at, image)
        with float32():
            made.append(model.encoder(x, one_hot(told))[0].float().cpu().numpy())
    return np.concatenate(made)


def _told(
    xy: Float[Tensor, "B T 2 K 2"], own: Basis, at: Roles, image: tuple[int, int]
) -> tuple[Float[Tensor, "B T S"], Int64[Tensor, "B P"]]:
    """Return the states of stretches, and the classes that the programs give them."""
    x = trajectories.states(xy, own, at, image)
    values = trajectories.programs(trajectories.rebuilt(x[:, :-1], own, image), at)
    return x, trajectories.classes(values, image)


def _loss(
    recipe: Treba,
    stretches: Float[Tensor, "N T 2 K 2"],
    own: Basis,
    at: Roles,
    image: tuple[int, int],
    forward: steps.Forward,
    batch: tuple[bool, Int64[Tensor, " B"]],
) -> tuple[Tensor, int]:
    first, chosen = batch
    xy = stretches[chosen.to(stretches.device)]
    x, told = _told(xy, own, at, image)
    other = None if first else trajectories.states(trajectories.moved(xy, image), own, at, image)
    return forward(x, other, told, recipe), len(chosen)


def _batches(recipe: Treba, count: int, epoch: int, seed: int) -> Sequence[tuple[bool, Int64[Tensor, " _"]]]:
    """Draw the order of the stretches; say whether the epoch is of the first stage."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return [(epoch <= recipe.first, chosen) for chosen in torch.split(order, recipe.batch)]


def _open_epoch(recipe: Treba, model: nn.Module, learnable: frozenset[str], epoch: int) -> bool:
    """Let the approximators learn first, then all but them; the second stage has an optimiser of its own."""
    first = epoch <= recipe.first
    steps.free(model, frozenset(name for name in learnable if name.startswith("approximators") == first))
    return epoch == recipe.first + 1


def _poses(run: Run, recording: Recording) -> Float32[np.ndarray, "T 2 K 2"]:
    """Return the keypoints of two animals, lost ones filled."""
    return dyads.both(recording, run.sizes.skeleton.image).astype(np.float32)


def _stretches(
    poses: Float32[np.ndarray, "T 2 K 2"], window: int, stride: int
) -> Float32[Tensor, "N W 2 K 2"]:
    """Return the stretch around every frame, or around every so-many-th; ends are repeated beyond them."""
    centres = np.arange(0 if stride == 1 else min(window // 2, len(poses) - 1), len(poses), stride)
    frames = centres[:, None] + np.arange(window) - window // 2
    return torch.from_numpy(poses[np.clip(frames, 0, len(poses) - 1)])


TREBA_FEATURES = Baseline(
    model=f"{__name__}:treba",
    name="treba",
    title="TREBA",
    description="32 features of how two animals move, learned with ten programs",
    reference="Sun et al. 2021, Task Programming, arXiv:2011.13917",
    paper="https://arxiv.org/abs/2011.13917",
    recipe=Treba(),
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
UNLABELLED = replace(
    TREBA_FEATURES,
    model=f"{__name__}:treba_unlabelled",
    name="treba_unlabelled",
    unlabelled=("calms21-unlabelled",),
)
"""Learned from CalMS21's unlabelled set too."""
