"""The dilated TCN and its crops: every frame trains once an epoch, and padding changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.inputs.sequences import UNKNOWN, Sequences, sequences  # noqa: E402
from baselines.models.dilated_tcn import DILATED_TCN, DilatedTCN  # noqa: E402

LENGTHS = (23, 7, 41)
SIZE = 11


@pytest.fixture
def laid() -> Sequences:
    """Three recordings; the only feature of a frame is its number over all recordings, from 1."""
    numbers = np.split(np.arange(1, sum(LENGTHS) + 1), np.cumsum(LENGTHS)[:-1])
    features = [part[:, None].astype(np.float32) for part in numbers]
    return sequences(features, numbers, SIZE, torch.device("cpu"))


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_every_frame_is_in_one_crop_of_an_epoch(laid: Sequences, seed: int) -> None:
    crops = laid.gather(laid.draw(seed))
    assert crops.features.shape[1:] == (SIZE, 1)
    numbers = crops.features[crops.inside].flatten()
    assert sorted(numbers.tolist()) == list(range(1, sum(LENGTHS) + 1))
    assert torch.equal(crops.targets[crops.inside], numbers.long())
    assert (crops.targets[~crops.inside] == UNKNOWN).all()
    assert not crops.features[~crops.inside].any()


def test_a_crop_is_of_one_recording(laid: Sequences) -> None:
    ends = np.cumsum(LENGTHS)
    for row in laid.draw(3):
        crop = laid.gather(row[None])
        numbers = crop.features[crop.inside].flatten().numpy()
        assert len({int(np.searchsorted(ends, number)) for number in numbers}) == 1
        assert (np.diff(numbers) == 1).all()


def test_other_seeds_cut_elsewhere_and_the_same_seed_does_not(laid: Sequences) -> None:
    assert torch.equal(laid.draw(5), laid.draw(5))
    assert sorted(laid.draw(5).tolist()) != sorted(laid.draw(6).tolist())


def test_classes_that_may_overlap_have_a_target_each() -> None:
    features = [np.zeros((length, 3), np.float32) for length in (5, 9)]
    targets = [np.ones((length, 2), np.int64) for length in (5, 9)]
    crops = (laid := sequences(features, targets, 4, torch.device("cpu"))).gather(laid.draw(0))
    assert crops.targets.shape[1:] == (4, 2)
    assert (crops.targets[crops.inside] == 1).all()


def test_padding_changes_no_frame() -> None:
    torch.manual_seed(0)
    model = DilatedTCN(5, (3,), width=8, kernel=3, dilations=(1, 4)).eval()
    x, inside = torch.randn(2, 30, 5), torch.ones(2, 30, dtype=torch.bool)
    inside[0, :4] = inside[0, 19:] = False
    with torch.no_grad():
        (padded,), (alone,) = model(x, inside), model(x[:1, 4:19], inside[:1, 4:19])
    padded, alone = padded[0, 4:19], alone[0]
    torch.testing.assert_close(padded, alone, rtol=0, atol=1e-6)


def test_a_frame_sees_as_far_as_its_kernels_reach() -> None:
    torch.manual_seed(0)
    model = DilatedTCN(4, (3,), width=8).eval()
    x, inside = torch.randn(1, 200, 4, requires_grad=True), torch.ones(1, 200, dtype=torch.bool)
    model(x, inside)[0][0, 100].sum().backward()
    reached = x.grad[0].abs().sum(dim=1).nonzero().flatten()
    assert (int(reached.min()), int(reached.max())) == (100 - 36, 100 + 36)


def test_it_is_declared_as_it_is() -> None:
    assert not DILATED_TCN.causal, "later frames reach a label"


def test_every_question_has_logits_of_its_own() -> None:
    torch.manual_seed(0)
    first, second = DilatedTCN(4, (3, 2), width=8)(torch.randn(5, 9, 4), torch.ones(5, 9, dtype=torch.bool))
    assert (first.shape, second.shape) == ((5, 9, 3), (5, 9, 2))
