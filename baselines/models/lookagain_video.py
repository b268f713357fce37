"""LookAgain: keypoints always, and pictures of the frames for which its gate opens.

The motion encoder of `baselines/extractors/lookagain.py` learns without labels, from keypoints and from what
an encoder says of pictures, and is then held fast. In training the gate has the pictures of all frames to
choose from. To predict, it reads the keypoints of a recording first; only the pictures that it chooses are
encoded, and they are exactly that share of each animal's frames.

Reference: Learning When to Look: On-Demand Keypoint-Video Fusion for Animal Behavior Analysis,
arXiv:2603.07279. As in the paper: the parts (`baselines/parts/looking.py`), inverse class frequencies in the
loss, 50 epochs, rates from 5e-5 to 1e-5, windows of 128 frames. Ours: labels are of a recording and not of an
animal, so that the classifier sees the animals side by side; AdamW, 32 windows in a batch; to predict, the
gate chooses within stretches of one window, by scores from the middle of windows that overlap; the encoder of
pictures is small and learns here (the paper's is the tower of Qwen3-VL, which is not
built here; `lookagain_beit` has a large one, as MABe 2022's entry). The small model is
not in the paper: its sizes and its recipe are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor, nn

from baselines.contract import Baseline, Need, PictureExtractor, Run, Sizes, Workspace
from baselines.engine import sequences
from baselines.engine.settings import float32
from baselines.inputs.sequences import sequences as lay_out
from baselines.models.lookagain import PAPER, RECIPE, REFERENCE, classifier
from baselines.parts.looking import Watcher
from baselines.parts.motion_encoder import two_layers
from baselines.recipes.lookagain import SMALL_MOTION, Looking, Motion
from baselines.recipes.sequences import Recipe
from bench.recordings import Recording


class LookAgain(Watcher):
    """A motion encoder, the pictures that its gate asks for, and a classifier for every question."""

    def __init__(self, recipe: Looking, sizes: Sizes) -> None:
        super().__init__(recipe, sizes)
        width = recipe.motion.width
        self.fuse = two_layers(2 * width, width, width)
        self.heads = nn.ModuleList(classifier(self.animals * width, count, width) for count in sizes.classes)

    def forward(self, x: Float[Tensor, "B T F"], inside: Bool[Tensor, "B T"]) -> tuple[Tensor, ...]:
        """Return the logits (B, T, C) of every question; those of frames not `inside` mean nothing."""
        read, scores = self.read(x, inside)
        looked = self.looks(scores, self.pictures(x), inside)
        both = torch.cat([read.embedding, looked], dim=3)
        fused = (read.embedding + self.fuse(both) * looked).flatten(2)  # (B, T, A * D)
        return tuple(head(fused) for head in self.heads)


def build(recipe: Recipe, sizes: Sizes) -> LookAgain:
    """Return the network for a skeleton; raise `TypeError` for a recipe of another family."""
    if not isinstance(recipe, Looking):
        raise TypeError(f"{type(recipe).__name__}, expected Looking")
    return LookAgain(recipe, sizes)


@torch.inference_mode()
def look(
    run: Run, workspace: Workspace, model: nn.Module, recording: Recording
) -> Float32[np.ndarray, "T F"]:
    """Return the poses, and the features of the pictures that the gate asks for, 0 elsewhere."""
    poses = sequences.poses_of(run, recording)
    extractor, animals = _extractor(run, workspace), len(run.sizes.skeleton.animals)
    chosen = choose(run, model, poses)
    features = extractor.some(recording, chosen) if chosen.any() else None
    width = sum(columns for _, columns in run.sizes.features) // animals
    rows = np.zeros((len(poses), animals, width), np.float32) if features is None else features
    return np.concatenate([poses, rows.reshape(len(poses), -1)], axis=1)


@torch.inference_mode()
def choose(run: Run, model: nn.Module, poses: Float32[np.ndarray, "T F"]) -> Bool[np.ndarray, "T A"]:
    """Return which pictures of a recording are looked at: in every stretch of a window, the model's share.

    A gate that is drawn is drawn alike each time. Raises `TypeError` for a model without a gate.
    """
    if not isinstance(model, Watcher):
        raise TypeError(f"{type(model).__name__} has no gate")
    size, device = run.recipe.size, torch.device(run.device)
    laid_out = lay_out([poses], [np.zeros(len(poses), np.int64)], size, device)
    with float32(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        scores = laid_out.whole(lambda crops: model.read(crops.features, crops.inside)[1])  # (T, A)
        spare = -len(scores) % size
        stretches = nn.functional.pad(scores, (0, 0, 0, spare)).view(-1, size, scores.shape[1])
        inside = (torch.arange(len(scores) + spare, device=device) < len(scores)).view(-1, size)
        chosen: Tensor = model.looks.choose(stretches, inside)
    return chosen.flatten(0, 1)[: len(scores)].cpu().numpy()


def _extractor(run: Run, workspace: Workspace) -> PictureExtractor:
    extractor = workspace.extractor(run.sizes.features[0][0])
    if not isinstance(extractor, PictureExtractor):
        raise TypeError(f"{run.sizes.features[0][0]} does not encode pictures one by one")
    return extractor


def declare(name: str, title: str, description: str, recipe: Looking, needs: Sequence[Need]) -> Baseline:
    """Return a model of this file; the last need is the encoder of pictures."""
    return sequences.baseline(
        module=__name__,
        name=name,
        title=title,
        description=description,
        reference=REFERENCE,
        paper=PAPER,
        recipe=recipe,
        network=build,
        needs=needs,
        asked=look,
        video=True,
    )


def looking(motion: Motion, recipe: Recipe) -> Looking:
    """Return the recipe of a model of these sizes, from that of a network that sees no picture."""
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    return Looking(**{**values, "size": motion.size, "start": "motion", "motion": motion})


IMAGES = Need("baselines.extractors.images:small_images", "features")
ENCODER = "baselines.extractors.lookagain:lookagain"
FULL = looking(Motion(), RECIPE)
SMALL = looking(SMALL_MOTION, replace(RECIPE, epochs=15, batch=8, lr=1e-3, last_lr=1e-4))
LOOKAGAIN = declare(
    "lookagain",
    "LookAgain",
    "a classifier on a motion encoder that learns without labels, and on the pictures that a gate asks for",
    FULL,
    [Need(f"{ENCODER}_motion_images", "start"), IMAGES],
)
SMALLER = declare(
    "lookagain_small",
    "LookAgain, small",
    "as lookagain, of a size that a processor trains in minutes",
    SMALL,
    [Need(f"{ENCODER}_small_motion_images", "start"), IMAGES],
)
ALONE = declare(
    "lookagain_small_alone",
    "LookAgain, small, labels alone",
    "as lookagain_small, its motion encoder learning from labels alone with all the rest",
    replace(SMALL, start=""),
    [IMAGES],
)
FULL_ALONE = declare(
    "lookagain_alone",
    "LookAgain, labels alone",
    "as lookagain, its motion encoder learning from labels alone with all the rest",
    replace(FULL, start=""),
    [IMAGES],
)
TOWERS = "baselines.extractors.towers:beit_images"
BEIT = replace(
    declare(
        "lookagain_beit",
        "LookAgain with BEiT",
        "as lookagain, its pictures encoded by BEiT, which does not learn",
        FULL,
        [Need(f"{ENCODER}_motion_beit", "start"), Need(TOWERS, "features")],
    ),
    extra="train,video,towers",
    libraries=("av", "numpy", "opencv-python-headless", "torch", "transformers"),
)
BEIT_RANDOM = replace(
    BEIT,
    model=f"{__name__}:lookagain_beit_random",
    name="lookagain_beit_random",
    title="LookAgain with BEiT, random weights",
    description="as lookagain_beit, the weights of BEiT drawn from the seed: it was trained on nothing",
    needs=(Need(f"{ENCODER}_motion_beit_random", "start"), Need(f"{TOWERS}_random", "features")),
)
