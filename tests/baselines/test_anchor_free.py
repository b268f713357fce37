"""The anchor-free localiser's network: its points, its first scores, and that padding changes nothing."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.inputs.points import Level, points  # noqa: E402
from baselines.models.anchor_free import PRIOR, AnchorFree  # noqa: E402


@pytest.fixture
def model() -> AnchorFree:
    torch.manual_seed(0)
    return AnchorFree(5, 3, stride=4, width=8, dilations=(1, 2)).eval()


def test_it_answers_at_the_points_of_its_levels(model: AnchorFree) -> None:
    logits, distances = model(torch.randn(2, 24, 5), torch.ones(2, 24, dtype=torch.bool))
    at = points((Level(1, 0.0, 9.0), Level(4, 9.0, math.inf)), 24, torch.device("cpu"))
    assert logits.shape == (2, len(at.rows), 3)
    assert distances.shape == (2, len(at.rows), 2)
    assert (distances > 0).all()


def test_before_it_has_learned_every_score_is_low(model: AnchorFree) -> None:
    logits, _ = model(torch.zeros(1, 24, 5), torch.ones(1, 24, dtype=torch.bool))
    assert torch.sigmoid(logits).mean().item() == pytest.approx(PRIOR, rel=2)


def test_padding_changes_no_point(model: AnchorFree) -> None:
    x, inside = torch.randn(1, 40, 5), torch.ones(1, 40, dtype=torch.bool)
    inside[:, 21:] = False
    rows = [*range(21), *range(40, 40 + 6)]  # those inside at both levels
    shorter = [*range(21), *range(24, 24 + 6)]
    with torch.no_grad():
        padded = [y[:, rows] for y in model(x, inside)]
        cut = [y[:, shorter] for y in model(x[:, :24], inside[:, :24])]
    for one, other in zip(padded, cut, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
