"""A place to work for a family that is tested by itself: no store, no planner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from baselines.contract import Baseline, Derived, Epoch, Predictor, Question, Run, Sizes, State
from baselines.models import load
from baselines.recipes.boosting import Boosting
from baselines.recipes.joint import Joint
from baselines.recipes.localisation import Recipe as Localisation
from baselines.recipes.stacking import Stacking
from baselines.switches import OFF
from bench.recordings import Recording, Skeleton, one_hot
from bench.resources import home

CLASSES = ("chase", "rest", "groom")
SKELETON = Skeleton(
    animals=("one", "two"),
    keypoints=("nose", "neck", "tail"),
    edges=(("nose", "neck"), ("neck", "tail")),
    image=(400, 300),
)
FPS = 20.0
SMALL = ("st_gcn", "ms_g3d", "ctr_gcn", "stgat", "hstwformer_described")
GRAPHS = (*SMALL, *(f"{name}_small" for name in SMALL), "ms_g3d_8", "ms_g3d_mabe21")
"""Large networks, and small ones of the same kind: tests give them windows of four frames, far apart."""
FOUR_FRAMES = {"past": 2, "future": 1, "gap": 36}


def light(baseline: Baseline) -> tuple[Baseline, int | None]:
    """One epoch; as the trees know none, fewer of them; of large networks short windows, or few channels."""
    if isinstance(baseline.recipe, Boosting):
        return replace(baseline, recipe=replace(baseline.recipe, frames=200, trees=3)), None
    if isinstance(baseline.recipe, Stacking):
        few = replace(baseline.recipe.first, frames=200, trees=3)
        return replace(baseline, recipe=replace(baseline.recipe, first=few, second=few, folds=2)), None
    if baseline.name in GRAPHS:
        # few steps: slow ones, or the running statistics lag behind the weights and all frames look alike
        lr = min(baseline.recipe.lr, 0.002)
        recipe = replace(baseline.recipe, **FOUR_FRAMES, batch=8, drawn=32, lr=lr, warm_up=0)
        return replace(baseline, recipe=recipe), 1
    if isinstance(baseline.recipe, Localisation):
        return replace(baseline, recipe=replace(baseline.recipe, width=32)), 1
    if isinstance(baseline.recipe, Joint):
        return replace(baseline, recipe=replace(baseline.recipe, batch=4)), 1
    recipes = [baseline.recipe, *(load(need.model).recipe for need in baseline.needs)]
    knows_epochs = any(recipe is not None and recipe.epochs_for("toy") is not None for recipe in recipes)
    return baseline, 1 if knows_epochs else None


@dataclass
class Place:
    """The workspace of one training."""

    checkpoint: Path
    makes: Callable[[Recording], Derived] | None = None
    inputs: Mapping[str, Any] = field(default_factory=lambda: {"what": "a test"})
    digest: str = "a digest"

    def start(self) -> Mapping[str, Any]:
        """Raise: nothing comes first."""
        raise AssertionError("nothing comes first")

    def features(self, extractor: str, recording: Recording) -> Derived:
        """Return what `makes` gives."""
        assert self.makes is not None
        return self.makes(recording)

    def extractor(self, name: str) -> Predictor:
        """Raise: a test that needs one makes its own place."""
        raise AssertionError(f"no extractor {name}")

    def video(self, recording: Recording) -> Path:
        """Return where a test would put the video."""
        return self.checkpoint.parent / f"{recording.id}.mp4"

    def report(self, history: Sequence[Epoch]) -> None:
        """Keep no log."""


def recording(id_: str, frames: int, seed: int) -> Recording:
    """Bouts of 20 to 60 frames; a class shifts all keypoints; the first five frames nobody annotated."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(20, 60, frames // 20 + 1)
    label = np.repeat(rng.integers(0, 3, len(lengths)), lengths)[:frames]
    annotated = np.arange(frames) >= 5
    keypoints = rng.normal(100, 8, (frames, 2, 3, 2)) + 60 * label[:, None, None, None]
    keypoints[rng.random((frames, 2, 3)) < 0.1] = np.nan
    return Recording(
        id=id_,
        group=id_,
        fps=FPS,
        classes=CLASSES,
        labels=one_hot(np.where(annotated, label, -1), 3),
        annotated=annotated,
        keypoints=keypoints.astype(np.float32),
    )


def question(kind: str = "frames", *, exclusive: bool = True, key: str = "toy/all") -> Question:
    return Question(key=key, classes=CLASSES, kind=kind, exclusive=exclusive)


def run(baseline: Baseline, *questions: Question, seed: int = 3, recipe: Any = None, width: int = 0) -> Run:
    """Return the run of a baseline, or of its recipe changed; `width` is that of the features it needs."""
    needed = tuple((need.model.partition(":")[2], width) for need in baseline.needs)
    return Run(
        model=baseline.model,
        recipe=recipe or baseline.recipe,
        questions=questions,
        sizes=Sizes(SKELETON, tuple(len(one.classes) for one in questions), needed),
        seed=seed,
        device="cpu",
        switches=OFF,
    )


def same(one: State, other: State) -> bool:
    """Whether two states hold the same numbers."""
    return one.arrays.keys() == other.arrays.keys() and all(
        np.array_equal(array, other.arrays[name]) for name, array in one.arrays.items()
    )


def lay_features(recordings: Iterable[Recording], width: int = 1024) -> Path:
    """Put features of video beside the store, the same for a recording whatever its labels are."""
    folder = home() / "features"
    folder.mkdir(parents=True, exist_ok=True)
    for one in recordings:
        rng = np.random.default_rng(sum(one.id.encode()))
        rows = (one.frames - 16) // 4 + 1
        np.save(folder / f"{one.id}.npy", rng.normal(size=(rows, width)).astype(np.float32))
    return folder
