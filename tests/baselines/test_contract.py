"""The contract: blind copies, states, causality, and models that depend on their own files alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy
from places import FOUR_FRAMES, GRAPHS

from baselines.contract import Question, State
from baselines.models import MODELS, get_baseline
from baselines.recipes.windows import Recipe as Windows
from baselines.runs import states
from bench.closure import import_closure
from bench.errors import DataError
from bench.recordings import Recording, Segments

ROOT = Path(__file__).parent.parent.parent


def test_a_blind_copy_has_all_that_may_be_seen_and_no_label() -> None:
    shown = replace(
        toy.recording("e"), segments=Segments(np.array([[0.5, 1.0]]), np.array([1]), 3), annotator="ann"
    )
    blind = shown.without_labels()
    assert not blind.labels.any()
    assert not blind.annotated.any()
    assert blind.segments is None
    assert blind.keypoints is shown.keypoints
    assert (blind.id, blind.fps, blind.annotator, blind.frames) == ("e", 30.0, "ann", 64)


def test_what_trains_is_labelled_and_of_exclusive_classes_one_that_is_asked() -> None:
    recording = toy.recording("e")
    some = Question("toy/all", ("groom", "chase"), "frames", exclusive=True)
    both = replace(some, exclusive=False)
    np.testing.assert_array_equal(some.truth(recording), recording.labels[:, [2, 0]])
    np.testing.assert_array_equal(some.labelled(recording), recording.labels[:, [2, 0]].any(axis=1))
    np.testing.assert_array_equal(both.labelled(recording), recording.annotated)
    assert (some.task, some.part) == ("toy", "all")
    with pytest.raises(DataError):
        replace(some, classes=("chase", "sleep")).truth(recording)


def test_a_state_is_the_same_bytes_and_reads_back_whatever_its_layout(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "columns": np.asfortranarray(rng.normal(size=(3, 5))),
        "turned": rng.normal(size=(4, 2, 3)).transpose(2, 0, 1),
        "count": np.array(7, dtype=np.int64),
        "known": rng.random((2, 3)) < 0.5,
    }
    inputs = {"model": "a", "recipe": {"epochs": 3}, "seed": 1}
    made = []
    for turn in range(5):
        order = sorted(arrays, reverse=turn % 2 == 0)
        states.save(
            tmp_path / f"{turn}", State({name: arrays[name] for name in order}, {"b": 1, "a": [2]}), inputs
        )
        made.append((tmp_path / f"{turn}").read_bytes())
    assert len(set(made)) == 1
    state, told = states.load(tmp_path / "0")
    assert (told, dict(state.facts)) == (inputs, {"b": 1, "a": [2]})
    for name, array in arrays.items():
        np.testing.assert_array_equal(state.arrays[name], array)
        assert state.arrays[name].shape == array.shape
    assert states.inputs_of(tmp_path / "0") == inputs
    assert states.inputs_of(tmp_path / "none") is None
    (tmp_path / "0").write_bytes(made[0][:40])
    with pytest.raises(DataError) as caught:
        states.load(tmp_path / "0")
    assert caught.value.hint == f"delete {tmp_path / '0'}"


def perturbed(recording: Recording, first: int) -> Recording:
    """Move everything from a frame on."""
    keypoints = recording.keypoints.copy()
    keypoints[first:] = keypoints[first:][::-1] + 77
    return replace(recording, keypoints=keypoints)


OTHERS = (
    "gbdt",
    "stacked",
    "dilated_tcn",
    "anchor_free",
    "pose_kmeans",
    "bams",
    "bams_as_released",
    "bams_kmeans",
)
OTHERS += ("mabe21_top1", "mabe21_top1_alone")
"""No networks of windows: their own tests say what they see."""


@pytest.mark.parametrize("name", [name for name in MODELS if name not in OTHERS and "treba" not in name])
def test_a_causal_model_says_the_same_whatever_comes_later(name: str, store: Path, tmp_path: Path) -> None:
    """And one that is not says something else: weights as they start will do."""
    torch = pytest.importorskip("torch", reason="torch is in the extra `train`")
    from baselines.engine.window_prediction import WindowPredictor

    baseline = get_baseline(name)
    if not isinstance(baseline.recipe, Windows | None):
        pytest.skip("no network of windows: its own tests say what it sees")
    question = Question("toy/all", toy.CLASSES, "frames", exclusive=True)
    if baseline.network is None:
        assert baseline.causal, "the prior sees nothing"
        return
    from baselines.runs.questions import sizes_of

    torch.manual_seed(3)
    few = {"past": min(baseline.recipe.past, 40), "future": min(baseline.recipe.future, 40)}
    recipe = replace(baseline.recipe, **(FOUR_FRAMES if name in GRAPHS else few))
    sizes = sizes_of(baseline, toy.DATASET.skeleton, [question])
    model = baseline.network(recipe, sizes).eval()
    recipe = replace(recipe, hop=1)  # between frames that are predicted it looks at both
    if recipe.missing == "mean":
        recipe = replace(recipe, missing="held", scaling="image")
    predictor = WindowPredictor(model, recipe, toy.DATASET.skeleton)
    blind = toy.recording("a").without_labels()
    before, after = predictor([blind, perturbed(blind, 120)], question)
    same = np.isclose(before, after, atol=1e-6).all(axis=1)
    reach = recipe.future * recipe.gap
    assert same[: 120 - reach].all()
    assert not same[120:].all()
    if not baseline.causal and reach:
        assert not same[120 - reach : 120].all()


@pytest.mark.slow
@pytest.mark.parametrize("module", sorted({module for module, _, _ in MODELS.values()}))
def test_what_a_training_imports_of_ours_is_in_the_closure_of_its_model(module: str, tmp_path: Path) -> None:
    """Learning and predicting by the contract alone, in a process of its own, with no planner beside it."""
    pytest.importorskip("torch", reason="torch is in the extra `train`")
    code = """
import json, sys
from dataclasses import replace
from pathlib import Path
from importlib import import_module
import numpy as np
from baselines.contract import Baseline, Data, Derived, Question, Run, Sizes
from baselines.switches import OFF
from bench.recordings import Recording, Skeleton, one_hot

class Nowhere:
    checkpoint, inputs, digest = Path(sys.argv[2]), {}, ""
    def report(self, history): pass
    def features(self, name, recording): return Derived(np.eye(40, 7, dtype=np.float32), 0.1, 0.125, "")

module = import_module(sys.argv[1])
(baseline, *_) = [b for b in vars(module).values() if isinstance(b, Baseline)
    and not any(need.use == "start" for need in b.needs)]
label = np.repeat(np.arange(30) % 3, 5)
recordings = [Recording(id_, id_, 30.0, ("x", "y", "z"), one_hot(label, 3), np.ones(150, dtype=bool),
    np.random.default_rng(0).normal(90, 9, (150, 2, 5, 2)).astype(np.float32)) for id_ in "ab"]
question = Question("toy/all", ("x", "y", "z"), "frames", True)
recipe = baseline.recipe
if recipe is not None and recipe.with_epochs(1) is not None:
    recipe = recipe.with_epochs(1)
if hasattr(recipe, "ahead"):
    recipe = replace(recipe, batch=2)  # crops of a large network
run = Run(baseline.model, recipe, (question,),
    Sizes(Skeleton(("p", "q"), tuple("abcde"), (), (400, 300)), (3,), (("egocentric", 7),)), 0, "cpu", OFF)
state = baseline.learn(run, Data({"toy/all": recordings}, {}), Nowhere())
list(baseline.restore(run, state, Nowhere())([recordings[0].without_labels()], question))
print(json.dumps([name for name in sys.modules if name.split(".")[0] in ("bench", "baselines")]))
"""
    parents = {"bench", "baselines"}
    asked = [sys.executable, "-c", code, module, str(tmp_path / f"{module}.pt")]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    imported = set(json.loads(done.stdout.splitlines()[-1]))
    expected = set(import_closure(module))
    fronts = {name.rpartition(".")[0] for name in expected} | parents
    if "bench.metrics" in fronts:  # the front imports every metric, needed or not
        metrics = set(import_closure("bench.metrics"))
        fronts |= metrics | {name.rpartition(".")[0] for name in metrics}
    assert imported <= expected | fronts, module
