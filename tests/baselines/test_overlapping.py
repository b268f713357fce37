"""Classes that may hold at once: every baseline answers each of them by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy
from places import FOUR_FRAMES, GRAPHS

from baselines.contract import Baseline
from baselines.models import get_baseline
from baselines.recipes.boosting import Boosting
from baselines.recipes.joint import Joint
from baselines.recipes.stacking import Stacking
from baselines.recipes.windows import Recipe
from baselines.runs.listing import every
from baselines.runs.train import train
from bench.recordings import Recording
from bench.store import pull
from bench.submissions import read_entry
from bench.tasks import Task

NAMES = [
    baseline.name
    for baseline in every()
    if baseline.recipe is not None and not baseline.needs and not baseline.tasks
]
NEVER = "groom"


def recording(id_: str) -> Recording:
    """Two questions that have nothing to do with each other, each told by one animal; the third never holds.

    In many frames both hold, in many neither does.
    """
    made, rng = toy.recording(id_), np.random.default_rng(len(id_) + ord(id_))
    bouts = rng.random((made.frames // 12 + 1, 2)) < 0.5
    held = np.repeat(bouts, 12, axis=0)[: made.frames] & made.annotated[:, None]
    keypoints = rng.normal(100, 6, (made.frames, 2, 3, 2)).astype(np.float32)
    keypoints[:, 0, 0] += 80 * held[:, :1]
    keypoints[:, 1, 1] += 80 * held[:, 1:]
    labels = np.concatenate([held, np.zeros((made.frames, 1), dtype=bool)], axis=1)
    return replace(made, labels=labels, keypoints=keypoints)


def task() -> Task:
    joined = replace(toy.DATASET, edges=(("nose", "neck"), ("neck", "tail")))
    return replace(toy.task(), dataset=joined, exclusive=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make the recordings once."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(folder))
        pull(replace(toy.DATASET, read=lambda _: map(recording, toy.FRAMES)), Path())
        yield folder


def light(baseline: Baseline, epochs: int) -> Baseline:
    """So many epochs of short windows or few trees; of a single epoch few examples."""
    recipe = baseline.recipe
    if isinstance(recipe, Boosting):
        return replace(baseline, recipe=replace(recipe, frames=300, trees=15, windows=(0.2,), smoothing=0.1))
    if isinstance(recipe, Stacking):
        few = replace(recipe.first, frames=300, trees=15)
        small = replace(recipe, row=0.05, windows=(0.2,), first=few, second=few, smoothings=(0.1,))
        return replace(baseline, recipe=small)
    if isinstance(recipe, Joint):
        recipe = replace(recipe, batch=4, blocks=2)
    if not isinstance(recipe, Recipe):
        return replace(baseline, recipe=recipe.with_epochs(epochs) or recipe)
    window = {"past": min(recipe.past, 40), "future": min(recipe.future, 20)}
    if baseline.name in GRAPHS:
        window = FOUR_FRAMES
    drawn = 64 if epochs == 1 else None
    return replace(baseline, recipe=replace(recipe, **window, epochs=epochs, batch=32, drawn=drawn))


def trained(name: str, out: Path, epochs: int) -> dict[str, np.ndarray]:
    path = train(light(get_baseline(name), epochs), task(), seed=1, device="cpu", out=out)
    with np.load(path) as scores:
        return {id_: scores[f"all/{id_}"] for id_ in "de"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_baseline_answers_each_class_by_itself(name: str, home: Path, tmp_path: Path) -> None:
    found = trained(name, tmp_path / "out", 1)
    for id_, scores in found.items():
        assert scores.shape == (toy.FRAMES[id_], 3)
        assert ((scores >= 0) & (scores <= 1)).all()
    every = np.concatenate(list(found.values()))
    assert np.abs(every.sum(axis=1) - 1).max() > 1e-3, "no softmax: the sum is free"
    assert read_entry(tmp_path / "out").tasks["toy"].output == "probabilities"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["single_frame", "msgl_tcn", "gbdt", "stacked"])
def test_it_learns_both_at_once_or_neither(name: str, home: Path, tmp_path: Path) -> None:
    found = trained(name, tmp_path / "out", 12)
    truth = np.concatenate([recording(id_).labels[5:] for id_ in "de"])
    said = np.concatenate([scores[5:] for scores in found.values()]) >= 0.5
    right = (said == truth).mean(axis=0)
    assert (right[:2] > np.maximum(truth.mean(axis=0), 1 - truth.mean(axis=0))[:2] + 0.1).all(), right
    for row in np.unique(truth, axis=0):
        chosen = (truth == row).all(axis=1)
        assert (said[chosen] == row).all(axis=1).mean() > 0.5, f"{row} is not told apart"


def test_trees_say_never_of_a_class_that_was_never_seen(home: Path, tmp_path: Path) -> None:
    found = trained("gbdt", tmp_path / "out", 1)
    assert not found["d"][:, toy.CLASSES.index(NEVER)].any()
