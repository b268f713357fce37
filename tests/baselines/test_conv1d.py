"""The CalMS21 convolution: its size, its layers against torch's own, its dropout."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch.nn import functional  # noqa: E402

from baselines.models import get_baseline  # noqa: E402
from baselines.models.conv1d import Conv1D, HalfDropout  # noqa: E402


def official(features: int = 28, classes: int = 4) -> Conv1D:
    torch.manual_seed(7)
    return Conv1D(features, get_baseline("conv1d").recipe.window, classes)


def test_the_official_parameter_count() -> None:
    assert sum(p.numel() for p in official().parameters()) == 72_540


def test_lengths_halve_as_in_the_official_network() -> None:
    y, lengths = torch.zeros(3, 28, 1, 201), []
    for block in official().eval().blocks:
        y = block(y)
        lengths.append(tuple(y.shape[1:]))
    assert lengths == [(128, 1, 98), (64, 1, 47), (32, 1, 21)]


def test_weights_start_as_keras_starts_them() -> None:
    model = official()
    for layer, fan in ((model.blocks[0].conv, 5 * (28 + 128)), (model.head, 672 + 4)):
        limit = math.sqrt(6 / fan)
        assert 0.95 * limit < layer.weight.abs().max() <= limit
        assert not layer.bias.any()
    for norm in (model.norm, model.blocks[2].norm):
        assert (norm.eps, norm.momentum) == (1e-3, 0.01)


def test_it_is_the_plain_one_dimensional_network() -> None:
    """The layout is for speed alone: the same numbers come from conv1d, batch_norm and max_pool1d."""
    model = official(features=6, classes=3)
    x = torch.randn(9, 201, 6)
    model.train()
    model(x)  # running statistics that are not 0 and 1
    model.eval()

    def norm(y, layer):
        return functional.batch_norm(
            y, layer.running_mean, layer.running_var, layer.weight, layer.bias, eps=1e-3
        )

    y = norm(x.transpose(1, 2), model.norm)
    for block in model.blocks:
        y = functional.conv1d(y, block.conv.weight.squeeze(2), block.conv.bias)
        y = functional.max_pool1d(functional.relu(norm(y, block.norm)), 2)
    expected = model.head(y.transpose(1, 2).flatten(1))  # Keras flattens time first
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_dropout_zeroes_half_doubles_the_rest_and_is_off_in_evaluation(layout) -> None:
    torch.manual_seed(5)
    x = (torch.rand(7, 13, 1, 501) + 1).contiguous(memory_format=layout).requires_grad_()
    dropout = HalfDropout()
    y = dropout(x)
    kept = y != 0
    torch.testing.assert_close(y[kept], 2 * x[kept])
    assert abs(kept.float().mean() - 0.5) < 5 * 0.5 / math.sqrt(x.numel())
    for axis in range(4):  # no axis on which a value and its neighbour hang together
        near, far = kept.narrow(axis, 0, kept.shape[axis] - 1), kept.narrow(axis, 1, kept.shape[axis] - 1)
        if near.numel():
            assert abs((near == far).float().mean() - 0.5) < 5 * 0.5 / math.sqrt(near.numel())
    y.sum().backward()
    torch.testing.assert_close(x.grad, 2 * kept.float())
    assert dropout.eval()(x) is x
