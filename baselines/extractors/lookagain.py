"""The motion encoder of LookAgain: what a sequence of keypoints says, learned without labels.

Each animal's motion is put into tokens of two codebooks, attention over time reads the tokens, attention over
the animals reads all of them in one frame. Frames are masked, and their keypoints are predicted; a decoder
makes the motion from the tokens again. Where videos are at hand, each embedding also predicts what an encoder
of pictures will say of its animal some frames later. A frame's features are the embeddings of all animals.

Reference: Learning When to Look: On-Demand Keypoint-Video Fusion for Animal Behavior Analysis,
arXiv:2603.07279. As in the paper: the parts, widths of 128 and 256, two codebooks of 512 codes that follow a
running mean, four layers over time and two over animals, weights of the losses, windows of 128 frames, the
learning rates. Ours, because the paper leaves it open: kernels of 5, 4 heads, feed-forward layers of four
times the width, GELU, 15 % of the frames masked, AdamW, 32 windows in a batch, how codes begin and follow,
and how an animal sees the others: direction in the image, distance and mean confidence. The small encoder is
not in the paper: its sizes are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn
from torch.optim import AdamW

from baselines.contract import (
    Baseline,
    Data,
    Derived,
    Need,
    Predictor,
    Question,
    Run,
    Sizes,
    State,
    Workspace,
)
from baselines.engine import devices, loop, pretraining, schedules, steps
from baselines.engine.settings import float32
from baselines.engine.states import arrays_of, loaded
from baselines.inputs.motion import known_poses
from baselines.inputs.sequences import Sequences, sequences
from baselines.parts.motion_encoder import MotionEncoder, Read
from baselines.recipes.lookagain import SMALL_MOTION, Motion
from bench.recordings import Recording

FEW = 0.05
"""A codebook of which a smaller share is used has collapsed."""


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


def prediction_loss(
    read: Read, pictures: Float[Tensor, "B T A V"], inside: Bool[Tensor, "B T"], recipe: Motion
) -> Float[Tensor, ""]:
    """Return how far the embeddings are from what an encoder says of later pictures, by the cosine.

    The sum over horizons of their weight times 1 less the mean cosine, over the frames that have a later
    frame `inside` with a picture: features that are all 0 are of none.
    """
    total = pictures.new_zeros(())
    for told, horizon, weight in zip(read.pictures, recipe.horizons, recipe.horizon_weights, strict=True):
        later = pictures[:, horizon:]
        counts = (inside[:, :-horizon] & inside[:, horizon:])[..., None] & (later != 0).any(dim=3)
        apart = 1 - nn.functional.cosine_similarity(told[:, :-horizon], later, dim=3)
        total = total + weight * (apart * counts).sum() / counts.sum().clamp(min=1)
    return total


def learn(run: Run, data: Data, workspace: Workspace) -> State:
    """Train on all recordings that are shown, without their labels; raises what `loop.fit` raises.

    Says in the log where few codes are used.
    """
    recipe: Motion = run.recipe
    device = devices.own_device(run.device)
    read = [rows_of(run, workspace, one) for one in pretraining.recordings(run, data)]
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
    used = codes_used(fitted.model, laid_out, recipe.batch)
    for book, count in enumerate(used, 1):
        if count < FEW * recipe.codes:
            loop.say(f"codebook {book} has collapsed: {count:,} of {recipe.codes:,} codes are used")
    return State(arrays_of(fitted.model.state_dict()), {"codes used": used})


@torch.inference_mode()
def codes_used(model: nn.Module, laid_out: Sequences, batch: int) -> list[int]:
    """Return how many codes of each codebook replace anything in the training recordings."""
    model.eval()
    seen: list[set[int]] = [set(), set()]
    for first in torch.split(laid_out.draw(0).sort().values, batch):
        crops = laid_out.gather(first)
        read: Read = model(crops.features, crops.inside)
        known = crops.inside.repeat_interleave(len(read.codes) // len(first), dim=0)
        for book, numbers in enumerate(read.codes[known].T):
            seen[book] |= set(numbers.tolist())
    return [len(numbers) for numbers in seen]


def rows_of(run: Run, workspace: Workspace, recording: Recording) -> Float32[np.ndarray, "T F"]:
    """Return what is read of each frame: keypoints and, where pictures are encoded, their features."""
    poses = known_poses(recording, run.sizes.skeleton.image)
    features = [
        workspace.features(name, recording).at(recording.frames, recording.fps)
        for name, _ in run.sizes.features
    ]
    return np.concatenate([poses, *features], axis=1)


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
    animals = len(sizes.skeleton.animals)
    return MotionEncoder(animals, len(sizes.skeleton.keypoints), recipe, picture_width(sizes))


def picture_width(sizes: Sizes) -> int:
    """Return the number of features of a picture, of one animal; 0 without pictures."""
    return sum(columns for _, columns in sizes.features) // len(sizes.skeleton.animals)


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
    loss = pretraining_loss(read, crops.inside, masked, recipe)
    if read.pictures:
        animals, place = read.embedding.shape[2], read.motion.shape[2] * 3 * read.keypoints.shape[3]
        pictures = crops.features[..., place:].reshape(*masked.shape, animals, -1)
        loss = loss + recipe.predicted * prediction_loss(read, pictures, crops.inside, recipe)
    return loss, len(first)


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


def _seeing(name: str, recipe: Motion, images: str, *, towers: bool = False) -> Baseline:
    """Return the encoder that also learns to predict what an encoder of pictures says."""
    return replace(
        MOTION,
        model=f"{__name__}:{name}",
        name=name,
        title=f"{MOTION.title}, with pictures",
        description=f"{MOTION.description}, and the features of pictures",
        recipe=recipe,
        reads=frozenset({"poses", "video"}),
        needs=(Need(images, "features"),),
        extra="train,video,towers" if towers else "train,video",
        libraries=("av", "numpy", "opencv-python-headless", "torch", *(["transformers"] if towers else [])),
    )


IMAGES = "baselines.extractors.images:small_images"
SEEING = _seeing("lookagain_motion_images", Motion(), IMAGES)
SMALL = replace(
    MOTION, model=f"{__name__}:lookagain_small_motion", name="lookagain_small_motion", recipe=SMALL_MOTION
)
SMALL_SEEING = _seeing("lookagain_small_motion_images", SMALL_MOTION, IMAGES)
TOWERS = "baselines.extractors.towers:beit_images"
BEIT = _seeing("lookagain_motion_beit", Motion(), TOWERS, towers=True)
BEIT_RANDOM = _seeing("lookagain_motion_beit_random", Motion(), f"{TOWERS}_random", towers=True)
