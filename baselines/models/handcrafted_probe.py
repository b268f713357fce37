"""Features by hand, with or without those of pictures, and a linear rule: the MABe 2022 entry of team IRLAB.

Blocks are scaled to mean 0 and deviation 1, weighted by the square root of their weight, and reduced to
their principal components; a ridge regression, balanced over the classes, classifies frames. Components are
found in a tenth of the frames, drawn by how much moves; three rules, each of other drawn frames, vote, and
the score of a class is its share of the votes.

Reference: Sun et al. 2023, MABe22, arXiv:2207.10553, whose scorer trains such a ridge rule three times; team
IRLAB, github.com/IRLAB-Therapeutics/mabe_2022. Theirs is larger: BEiT's features of whole frames stand
beside, and their SimCLR is a ResNet-50 that saw ImageNet; here the small encoder of this project learns by
the same loss, and no BEiT is there. Their features by hand are `baselines/inputs/handcrafted.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from baselines.contract import Baseline, Data, Need, Predictor, Question, Run, State, Workspace
from baselines.inputs.handcrafted import handcrafted
from baselines.inputs.poses import keypoints_of
from baselines.recipes.probing import Probe
from bench.errors import DataError
from bench.recordings import Recording

FIRST_SEED = 42
"""MABe 2022's first seed; the others follow it."""


@dataclass(frozen=True, eq=False)
class Voter:
    """One rule: components of the scaled columns, and a linear function of them for every class."""

    components: Float64[np.ndarray, "D F"]
    weights: Float64[np.ndarray, "C D"]
    offsets: Float64[np.ndarray, " C"]

    def __call__(self, rows: Float64[np.ndarray, "T F"]) -> Float64[np.ndarray, "T C"]:
        """Return how much each class is meant: above 0, where it is meant at all."""
        return rows @ self.components.T @ self.weights.T + self.offsets


def columns_of(run: Run, workspace: Workspace, recording: Recording) -> Float64[np.ndarray, "T F"]:
    """Return the features by hand, then those of pictures; NaN where a keypoint is missing."""
    by_hand = handcrafted(keypoints_of(recording), run.sizes.skeleton)
    made = [
        workspace.features(name, recording).at(recording.frames, recording.fps)
        for name, _ in run.sizes.features
    ]
    return np.concatenate([by_hand, *made], axis=1, dtype=np.float64)


def learn(run: Run, data: Data, workspace: Workspace) -> State:
    """Fit scales, components and rules; raise `DataError` where no frame can train."""
    (question,) = run.questions
    recipe: Probe = run.recipe
    rows, truth, moves = _read(run, data, workspace, question)
    known = np.isfinite(rows)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, rows, 0).sum(axis=0) / counts
    filled = np.where(known, rows, mean) - mean
    deviation = filled.std(axis=0)
    pictures = sum(width for _, width in run.sizes.features)
    weights = np.full(rows.shape[1], recipe.by_hand)
    weights[rows.shape[1] - pictures :] = recipe.of_pictures
    scale = np.sqrt(weights) / np.where(deviation > 1e-9, deviation, 1)
    arrays: dict[str, np.ndarray] = {"mean": mean, "scale": scale}
    for vote in range(recipe.votes):
        rng = np.random.default_rng([run.seed, FIRST_SEED + vote])
        voter = _voter(filled * scale, truth, moves, recipe, rng, exclusive=question.exclusive)
        arrays |= {f"{vote}/{name}": getattr(voter, name) for name in ("components", "weights", "offsets")}
    return State(arrays, {})


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:
    """Return what lets the rules vote on every frame."""
    names = ("components", "weights", "offsets")
    voters = [Voter(*(state.arrays[f"{i}/{name}"] for name in names)) for i in range(run.recipe.votes)]
    mean, scale = state.arrays["mean"], state.arrays["scale"]

    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[Float32[np.ndarray, "T C"]]:
        for recording in recordings:
            rows = columns_of(run, workspace, recording)
            scaled = (np.where(np.isfinite(rows), rows, mean) - mean) * scale
            votes = [_vote(voter(scaled), exclusive=question.exclusive) for voter in voters]
            yield np.stack(votes).mean(axis=0).astype(np.float32)

    return predict


def _vote(meant: Float64[np.ndarray, "T C"], *, exclusive: bool) -> Float64[np.ndarray, "T C"]:
    """Return 1 for the classes that a rule votes for: the highest one, or all above 0."""
    if not exclusive:
        return (meant > 0).astype(np.float64)
    return np.eye(meant.shape[1])[meant.argmax(axis=1)]


def _read(
    run: Run, data: Data, workspace: Workspace, question: Question
) -> tuple[Float64[np.ndarray, "N F"], Float64[np.ndarray, "N C"], Float64[np.ndarray, " N"]]:
    """Return columns and classes of the frames that train, and how much moves in each."""
    rows, truth, moves = [], [], []
    for recording in data.train[question.key]:
        keep = question.labelled(recording)
        points = keypoints_of(recording)
        gap = np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=3)
        rows.append(columns_of(run, workspace, recording)[keep])
        truth.append(question.truth(recording)[keep].astype(np.float64))
        moves.append(np.nan_to_num(gap).mean(axis=(1, 2))[keep].astype(np.float64))
    if not sum(map(len, rows)):
        raise DataError("nothing to train on", [f"no annotated frame of {question.key}"])
    return np.concatenate(rows), np.concatenate(truth), np.concatenate(moves)


def _voter(
    rows: Float64[np.ndarray, "N F"],
    truth: Float64[np.ndarray, "N C"],
    moves: Float64[np.ndarray, " N"],
    recipe: Probe,
    rng: np.random.Generator,
    *,
    exclusive: bool,
) -> Voter:
    """Find components in drawn frames, and a rule on them in all.

    A class that never trains is never meant.
    """
    from sklearn.decomposition import PCA  # here: the list of models needs none

    chances = moves + 1e-3 * max(float(moves.mean()), 1e-6)
    size = max(min(len(rows), 2), round(recipe.share * len(rows)))
    drawn = np.sort(rng.choice(len(rows), size, replace=False, p=chances / chances.sum()))
    kept = min(recipe.components, size, rows.shape[1])
    components = PCA(kept, svd_solver="full").fit(rows[drawn]).components_
    x = rows @ components.T
    made = (
        [_ridge(x, truth, truth, recipe.penalty)]
        if exclusive
        else [
            _ridge(x, column[:, None], np.stack([column, 1 - column], axis=1), recipe.penalty)
            for column in truth.T
        ]
    )
    weights, offsets = (np.concatenate([rule[i] for rule in made]) for i in range(2))
    offsets[truth.sum(axis=0) == 0] = -1e9
    return Voter(np.ascontiguousarray(components), weights, offsets)


def _ridge(
    x: Float64[np.ndarray, "N D"],
    truth: Float64[np.ndarray, "N C"],
    classes: Float64[np.ndarray, "N G"],
    penalty: float,
) -> tuple[Float64[np.ndarray, "C D"], Float64[np.ndarray, " C"]]:
    """Return the ridge regression onto 1 and -1; the classes of `classes` that train weigh alike."""
    from sklearn.linear_model import Ridge

    sizes = classes.sum(axis=0)
    share = np.where(sizes > 0, len(x) / np.maximum(sizes, 1) / max(1, np.count_nonzero(sizes)), 0)
    rule: Any = Ridge(penalty, solver="cholesky").fit(x, 2 * truth - 1, sample_weight=classes @ share)
    return rule.coef_.reshape(truth.shape[1], -1), np.reshape(rule.intercept_, -1)


def declare(name: str, title: str, description: str, *, video: bool) -> Baseline:
    """Return a model of this file."""
    images = (Need("baselines.extractors.images:small_images", "features"),)
    libraries = ("numpy", "scikit-learn")
    return Baseline(
        model=f"{__name__}:{name}",
        name=name,
        title=title,
        description=description,
        reference="Sun et al. 2023, MABe22, arXiv:2207.10553, and the code of team IRLAB",
        paper="https://arxiv.org/abs/2207.10553",
        recipe=Probe(),
        reads=frozenset({"poses", "video"} if video else {"poses"}),
        answers=frozenset({"frames"}),
        learn=learn,
        restore=restore,
        needs=images if video else (),
        extra="train,video" if video else "train",
        libraries=("av", *libraries, "opencv-python-headless", "torch") if video else libraries,
    )


BY_HAND = declare(
    "handcrafted_probe",
    "Features by hand, linear",
    "a ridge rule on distances, angles, areas and speeds of the poses",
    video=False,
)
WITH_PICTURES = declare(
    "simclr_handcrafted",
    "SimCLR and features by hand, linear",
    "a ridge rule on distances, angles, areas and speeds of the poses and on features of pictures",
    video=True,
)
