"""Stretches of recordings and the segments that lie in them; rates and groups of weights of a recipe."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import nn  # noqa: E402

from baselines.engine import localisation, schedules, steps  # noqa: E402
from baselines.inputs.stretches import drawn_length, drawn_start, overlapping, stretches  # noqa: E402
from baselines.recipes.localisation import Recipe  # noqa: E402


def test_a_long_recording_trains_by_as_many_stretches_as_cover_it() -> None:
    assert stretches([40, 96, 97, 300], 96) == [1, 1, 2, 4]
    assert stretches([40, 300], None) == [1, 1]


def test_lengths_are_drawn_between_the_shares() -> None:
    torch.manual_seed(0)
    assert {drawn_length(72, 96, (0.9, 1.0)) for _ in range(200)} == set(range(65, 73))
    assert drawn_length(300, 96, (0.9, 1.0)) == 96
    assert drawn_length(72, None, None) == 72


def test_segments_of_which_half_is_left_are_cut_and_others_are_gone() -> None:
    torch.manual_seed(1)
    bounds, labels = torch.tensor([[2.0, 12.0], [20.0, 24.0], [30.0, 36.0]]), torch.tensor([1, 0, 2])
    for _ in range(50):
        start, (cut, kept) = drawn_start(40, 17, bounds, labels)
        assert 0 <= start <= 23
        assert len(kept)
        for (first, last), label in zip(cut.tolist(), kept.tolist(), strict=True):
            whole = bounds[labels == label][0] - start
            assert (first, last) == (max(0.0, float(whole[0])), min(17.0, float(whole[1])))
            assert last - first >= 0.5 * float(whole[1] - whole[0])


def test_a_recording_without_segments_is_drawn_once() -> None:
    torch.manual_seed(2)
    start, (bounds, labels) = drawn_start(40, 17, torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))
    assert 0 <= start <= 23
    assert bounds.shape == (0, 2)
    assert not len(labels)


def test_the_rate_is_full_at_the_last_step_of_the_warm_up() -> None:
    rates = [schedules.warm_cosine_steps(2.0, 0.5, 4, 9, step) for step in range(9)]
    assert rates[:5] == pytest.approx([0, 2 / 3, 4 / 3, 2, 2])
    assert rates[-1] > 0.5
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_milestones_and_fewer_epochs_keep_their_share() -> None:
    recipe = Recipe(epochs=16, warm_up=4, schedule="milestones", milestones=(14,), lr=1.0)
    rates = [localisation.rate(recipe, 3, epoch, 0.0, []) for epoch in (14, 15)]
    assert rates == pytest.approx([1.0, 0.1])
    half = recipe.with_epochs(8)
    assert (half.epochs, half.warm_up, half.milestones) == (8, 2, (7,))


def test_matrices_decay_and_slow_weights_learn_at_a_tenth() -> None:
    model = nn.Sequential()
    model.add_module("first", nn.Linear(3, 4))
    model.add_module("norm", nn.LayerNorm(4))
    model.add_module("offsets", nn.Linear(4, 2))
    optimiser = localisation.optimiser(Recipe(epochs=1, decays="matrices", slow=("offsets",)), model)
    steps.set_rate(optimiser, 2.0)
    names = {id(weights): name for name, weights in model.named_parameters()}
    told = {
        names[id(weights)]: (group["weight_decay"] > 0, group["lr"])
        for group in optimiser.param_groups
        for weights in group["params"]
    }
    assert {name for name, (decays, _) in told.items() if decays} == {"first.weight", "offsets.weight"}
    assert {name: rate for name, (_, rate) in told.items() if rate != 2.0} == pytest.approx(
        {"offsets.weight": 0.2, "offsets.bias": 0.2}
    )


def test_a_long_recording_is_predicted_by_stretches_that_overlap() -> None:
    assert overlapping(50, 20, 0.5) == [(0, 20), (10, 30), (20, 40), (30, 50)]
    assert overlapping(55, 20, 0.5) == [(0, 20), (10, 30), (20, 40), (30, 50), (35, 55)]
    assert overlapping(20, 20, 0.5) == overlapping(20, None, None) == overlapping(20, 8, None) == [(0, 20)]
