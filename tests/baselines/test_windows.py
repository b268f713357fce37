"""Windows by index against windows cut one by one, in plain Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

from baselines.contract import Data
from baselines.recipes.windows import Recipe

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.engine import windows as learner  # noqa: E402
from baselines.engine.window_training import at_once  # noqa: E402
from baselines.inputs.windows import windows  # noqa: E402
from baselines.models.fc import FC  # noqa: E402
from baselines.models.single_frame import SingleFrame  # noqa: E402

CPU = torch.device("cpu")


def recordings(lengths: tuple[int, ...], width: int = 5) -> list[np.ndarray]:
    """Rows that tell which recording, frame and feature they are; never zero."""
    return [
        np.fromfunction(lambda t, f, r=r: 1000 * (r + 1) + 10 * t + f, (n, width)).astype(np.float32)
        for r, n in enumerate(lengths)
    ]


def slow(features: list[np.ndarray], recipe: Recipe) -> np.ndarray:
    """Cut every window of every recording by hand."""
    cut = []
    for recording in features:
        for t in range(len(recording)):
            samples = []
            for step in range(-recipe.past, recipe.future + 1):
                at = t + step * recipe.gap
                inside = 0 <= at < len(recording)
                samples.append(recording[at] if inside else np.zeros_like(recording[0]))
            cut.append(samples)
    return np.array(cut)


@pytest.mark.parametrize(("past", "future", "gap"), [(3, 2, 2), (4, 0, 3), (0, 6, 1), (0, 0, 1), (40, 30, 1)])
@pytest.mark.parametrize("lengths", [(7, 13, 1, 4), (9,)])
def test_gathered_windows_are_the_ones_cut_by_hand(
    past: int, future: int, gap: int, lengths: tuple[int, ...]
) -> None:
    recipe, features = Recipe(past=past, future=future, gap=gap, epochs=1), recordings(lengths)
    data = windows(features, recipe, CPU)
    expected = slow(features, recipe)
    assert len(data) == sum(lengths)
    np.testing.assert_array_equal(data.gather(torch.arange(len(data))).numpy(), expected)
    some = torch.randperm(len(data), generator=torch.Generator().manual_seed(3))[:6]
    np.testing.assert_array_equal(data.gather(some).numpy(), expected[some.numpy()])


def test_a_window_never_reaches_into_another_recording() -> None:
    recipe, lengths = Recipe(past=5, future=4, gap=2, epochs=1), (11, 3, 6)
    data = windows(recordings(lengths), recipe, CPU)
    owner = np.repeat(np.arange(1, 4), lengths)
    for frame, window in enumerate(data.gather(torch.arange(len(data))).numpy()):
        assert set(np.unique(window // 1000)) <= {0, owner[frame]}


def test_only_the_kept_frames_have_windows() -> None:
    recipe, features = Recipe(past=2, future=1, gap=1, epochs=1), recordings((6, 9, 4))
    keep = [np.arange(len(f)) % 3 == 1 for f in features]
    keep[2][:] = False
    data = windows(features, recipe, CPU, keep)
    expected = slow(features, recipe)[np.concatenate(keep)]
    assert len(data) == len(expected) == 5
    np.testing.assert_array_equal(data.gather(torch.arange(5)).numpy(), expected)


def test_a_recipe_may_leave_out_the_weights_of_the_classes(tmp_path: Path) -> None:
    """Without them a question that declares weights is learned as one that declares none."""
    states = []
    recipe = Recipe(past=0, future=0, gap=1, epochs=1)
    declared = replace(places.question(), weights=(("groom", 9.0),))
    for question, how in ((declared, "task"), (declared, "none"), (places.question(), "task")):
        baseline = learner.baseline(
            module="test",
            name="weighted",
            title="Weighted",
            description="a network",
            reference="none",
            recipe=replace(recipe, class_weights=how),
            network=learner.plain(SingleFrame),
        )
        data = Data({question.key: [places.recording("r", 90, seed=1)]}, {})
        place = places.Place(tmp_path / f"{len(states)}.safetensors")
        states.append(baseline.learn(places.run(baseline, question), data, place))
    weighted, without, plain = states
    assert places.same(without, plain)
    assert not places.same(weighted, plain)


def test_a_recipe_may_predict_fewer_windows_together_and_gets_the_same(tmp_path: Path) -> None:
    question, made = places.question(), [places.recording(f"r{i}", 90 + i, seed=i) for i in range(3)]
    recipe = Recipe(past=1, future=0, gap=1, epochs=1)
    assert [at_once(CPU, replace(recipe, together=few)) for few in (None, 64, 10**6)] == [256, 64, 256]
    assert at_once(torch.device("cuda"), replace(recipe, together=64)) == 64
    answers = []
    for few in (None, 7):
        baseline = learner.baseline(
            module="test",
            name="few",
            title="Few",
            description="a network",
            reference="none",
            recipe=replace(recipe, together=few),
            network=learner.plain(FC),
        )
        run, place = places.run(baseline, question), places.Place(tmp_path / f"{few}.safetensors")
        state = baseline.learn(run, Data({question.key: made}, {}), place)
        answers.append([*baseline.restore(run, state, place)((r.without_labels() for r in made), question)])
    for one, other in zip(*answers, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
