"""The contract: blind copies, states, causality, and models that depend on their own files alone."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from multiprocessing.context import BaseContext
from pathlib import Path

import imports
import numpy as np
import pytest
import toy
from places import FOUR_FRAMES, GRAPHS, light

from baselines.contract import Question, State
from baselines.models import MODELS, get_baseline
from baselines.recipes.windows import Recipe as Windows
from baselines.runs import states
from bench.closure import import_closure
from bench.errors import DataError
from bench.recordings import Recording, Segments


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


@pytest.fixture(scope="session")
def processes() -> BaseContext:
    """Start every process as a copy of one that has imported torch and nothing of ours."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "torch._dynamo", "sklearn.ensemble", "sklearn.cluster"])
    return context


@pytest.mark.slow
@pytest.mark.parametrize("module", sorted({module for module, _, _ in MODELS.values()}))
def test_what_a_training_imports_of_ours_is_in_the_closure_of_its_model(
    module: str, processes: BaseContext, tmp_path: Path
) -> None:
    """Learning and predicting by the contract alone, in a process of its own, with no planner beside it."""
    pytest.importorskip("torch", reason="torch is in the extra `train`")
    baseline, epochs = light(imports.first_baseline(module))
    recipe = baseline.recipe if epochs is None else baseline.recipe.with_epochs(epochs)
    with processes.Pool(1) as pool:
        imported = pool.apply(imports.imports_of_training, (module, recipe, tmp_path / "checkpoint.pt"))
    expected = set(import_closure(module))
    fronts = {name.rpartition(".")[0] for name in expected} | set(imports.OURS)
    if "bench.metrics" in fronts:  # the front imports every metric, needed or not
        metrics = set(import_closure("bench.metrics"))
        fronts |= metrics | {name.rpartition(".")[0] for name in metrics}
    assert set(imported) <= expected | fronts


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.8, 0.99])
def test_one_flipped_byte_of_a_state_is_a_message(tmp_path: Path, part: float) -> None:
    """What `bench predict` reads: from the header to the last weight no byte changes without a word."""
    path = tmp_path / "seed0-all.safetensors"
    rng = np.random.default_rng(0)
    arrays = {"a": rng.normal(size=(7, 5)), "b": np.arange(11, dtype=np.float32)}
    states.save(path, State(arrays, {"epochs": 3, "classes": ["x", "y"]}), {"seed": 0})
    content = bytearray(path.read_bytes())
    start = int(part * len(content))
    for place in range(start, min(start + 20, len(content))):
        content[place] ^= 0x10
        path.write_bytes(content)
        with pytest.raises(DataError, match="is not the state of a model") as caught:
            states.load(path)
        assert "delete" in (caught.value.hint or "")
        content[place] ^= 0x10
    path.write_bytes(content)
    assert states.load(path)[1] == {"seed": 0}
