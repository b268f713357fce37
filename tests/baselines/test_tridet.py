"""TriDet: its published sizes, and its ends as means over places, place by place."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.models import get_baseline  # noqa: E402
from baselines.models.actionformer import LEVELS  # noqa: E402
from baselines.models.tridet import Architecture, TriDet  # noqa: E402
from baselines.parts.masked import Noise  # noqa: E402

SMALL = Architecture(5, 3, width=16, hidden=24, head_width=12, levels=LEVELS[:3], bins=2, spread=0.3)


def learnable(network: torch.nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def test_it_has_the_published_sizes() -> None:
    with torch.device("meta"):
        assert learnable(TriDet(Architecture(2048, 20))) == 15_989_604
        assert learnable(TriDet(Architecture(1024, 14))) == 14_389_074


def test_an_end_is_the_mean_over_the_places_beside_a_point() -> None:
    torch.manual_seed(0)
    network = TriDet(SMALL).eval()
    with torch.no_grad():
        pyramid = network.pyramid(torch.randn(2, 12, 5), torch.ones(2, 12, dtype=torch.bool))
        told = network.distances(pyramid)
        starts, ends = network.start_head(pyramid), network.end_head(pyramid)
        places = network.reg_head(pyramid)
    first = 0
    for rows in (12, 6, 3):
        for row in range(rows):
            at = first + row
            for label in range(3):
                for side, head, step in ((0, starts, -1), (1, ends, 1)):
                    weights = torch.zeros(3)
                    for place in range(3):  # strides away from the point
                        other = row + step * place
                        near = head[1, first + other, label] if 0 <= other < rows else torch.zeros(())
                        column = 2 - place if side == 0 else 3 + place
                        weights[place] = near + places[1, at, column]
                    expected = float(weights.softmax(dim=0) @ torch.arange(3.0))
                    assert told[1, at, label, side].item() == pytest.approx(expected, abs=1e-5)
        first += rows


def test_learning_ends_changes_no_pyramid() -> None:
    torch.manual_seed(0)
    network = TriDet(SMALL)
    pyramid = network.pyramid(torch.randn(1, 8, 5), torch.ones(1, 8, dtype=torch.bool))
    names, weights = zip(*network.named_parameters(), strict=True)
    network.reg_head.requires_grad_(False)
    network.reg_head.offset_head.conv.weight.data.zero_()
    told = network.distances(pyramid).sum()
    gradients = torch.autograd.grad(told, [w for w in weights if w.requires_grad], allow_unused=True)
    reached = {
        name
        for name, gradient in zip(
            [n for n, w in zip(names, weights, strict=True) if w.requires_grad], gradients, strict=True
        )
        if gradient is not None and gradient.any()
    }
    assert {name.partition(".")[0] for name in reached} == {"start_head", "end_head"}


def test_without_bins_ends_are_told_directly_and_alike_for_all_classes() -> None:
    network = TriDet(replace(SMALL, bins=None)).eval()
    with torch.no_grad():
        told = network(torch.randn(2, 12, 5), torch.ones(2, 12, dtype=torch.bool))
    assert told.distances.shape == (2, 12 + 6 + 3, 1, 2)
    assert told.logits.shape == (2, 12 + 6 + 3, 3)


def test_noise_is_added_in_training_alone() -> None:
    torch.manual_seed(0)
    noise, x = Noise(0.5), torch.zeros(4, 50, 60)
    assert 0.45 < noise(x).std() < 0.55
    assert not noise.eval()(x).any()


def test_it_is_declared_with_the_recipe_of_its_code() -> None:
    recipe = get_baseline("tridet").recipe
    assert (recipe.lr, recipe.decay, recipe.noise, recipe.clip) == (1e-4, 0.025, 0.0005, 1.0)
