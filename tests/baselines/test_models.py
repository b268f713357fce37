"""Every network: its size to the parameter, its shapes, what it may see, and that it learns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import nn  # noqa: E402

from baselines.models import msgl, msgl_lstm, msgl_tcn  # noqa: E402
from baselines.models.conv1d import Conv1D  # noqa: E402
from baselines.models.fc import FC  # noqa: E402
from baselines.models.lstm import LSTM  # noqa: E402
from baselines.models.self_attention import Attention, SelfAttention  # noqa: E402
from baselines.models.single_frame import SingleFrame  # noqa: E402

Build = Callable[..., nn.Module]

# model, window, parameters at 28 inputs and 4 classes, parameters at 12 inputs and 5 classes
SIZES: dict[str, tuple[Build, int, int, int | None]] = {
    "conv1d": (Conv1D, 201, 72_540, None),
    "conv1d_causal": (Conv1D, 101, 71_004, None),  # 100 past, every second frame
    "conv1d_augmented": (Conv1D, 101, 71_004, None),  # 50 past and 50 future
    "fc": (FC, 201, 3_059_836, None),
    "single_frame": (SingleFrame, 1, 189_564, None),
    "lstm": (LSTM, 101, 391_868, None),
    "self_attention": (SelfAttention, 101, 51_868, None),
    "msgl": (msgl.MSGL, 35, 285_892, 284_933),
    "msgl at 20": (msgl.MSGL, 20, 223_492, None),
    "msgl at 50": (msgl.MSGL, 50, 348_292, None),
    "msgl_lstm": (msgl_lstm.LSTM, 35, 57_604, 53_573),
    "msgl_bilstm": (msgl_lstm.BiLSTM, 35, 147_972, 139_909),
    "msgl_tcn": (msgl_tcn.TCN, 35, 30_788, 27_781),
    "msgl_tcn plain": (msgl_tcn.PlainTCN, 35, 30_788, 27_781),
    # no published number: the full model less the stages that are left out
    "msgl without modulation": (msgl.without_modulation, 35, 285_892 - 147_584, None),
    "msgl without multi-scale": (msgl.without_multi_scale, 35, 285_892 - 3 * 16_640 - 128, None),
    "msgl without both": (msgl.without_both, 35, 285_892 - 147_584 - 3 * 16_640 - 128, None),
    "msgl as described": (msgl.as_described, 35, 285_892 - 16_576 - 2 * 128, None),
}
KERAS = {"fc": FC, "single_frame": SingleFrame, "lstm": LSTM, "self_attention": SelfAttention}
BATCH, FEATURES, CLASSES = 7, 6, 5
CASES = [name for name in SIZES if not name.startswith(("conv1d", "msgl at"))]  # one of each network


def trainable(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]


def count(model: nn.Module) -> int:
    return sum(p.numel() for _, p in trainable(model))


@pytest.mark.parametrize("name", SIZES)
def test_parameter_counts(name: str) -> None:
    build, window, calms21, ratsi = SIZES[name]
    with torch.device("meta"):
        assert count(build(28, window, 4)) == calms21
        if ratsi is not None:
            assert count(build(12, window, 5)) == ratsi


def small(name: str) -> tuple[nn.Module, torch.Tensor]:
    """Return the model for short windows, and windows: no two axes equal."""
    torch.manual_seed(11)
    window = 1 if name == "single_frame" else 19
    return SIZES[name][0](FEATURES, window, CLASSES), torch.randn(BATCH, window, FEATURES)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Iterator[tuple[nn.Module, torch.Tensor]]:
    """Any model, under the engine's demand that every kernel be deterministic."""
    torch.use_deterministic_algorithms(True)
    yield small(request.param)
    torch.use_deterministic_algorithms(False)


def test_evaluation_is_deterministic_and_windows_do_not_see_each_other(case) -> None:
    model, x = case
    model.eval()
    logits = model(x)
    assert logits.shape == (BATCH, CLASSES)
    assert logits.dtype == torch.float32
    assert torch.equal(model(x), logits)
    torch.testing.assert_close(model(x[2:4]), logits[2:4], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(logits[2], logits[3], atol=1e-4)


def test_training_is_random(case) -> None:
    model, x = case
    assert not torch.allclose(model(x), model(x))


def test_the_gradient_reaches_every_parameter(case) -> None:
    model, x = case
    model.eval()  # in training, batch normalisation makes the bias before it vain
    targets = torch.arange(BATCH) % CLASSES
    nn.functional.cross_entropy(model(x), targets).backward()
    without = [name for name, p in trainable(model) if p.grad is None or not p.grad.any()]
    assert without == []


def test_it_learns_what_a_window_says(case) -> None:
    model, _ = case
    torch.manual_seed(13)
    x = torch.randn(40, case[1].shape[1], FEATURES)
    targets = torch.arange(40) % CLASSES
    x[torch.arange(40), :, targets] += 2  # one feature is raised, another one in each class
    optimiser = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), 3e-3, eps=1e-7)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(model(x), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.5 * math.log(CLASSES)


def test_a_single_frame_is_a_window_of_one() -> None:
    with pytest.raises(ValueError, match="a window of 3 samples"):
        SingleFrame(FEATURES, 3, CLASSES)


@pytest.mark.parametrize("name", KERAS)
def test_weights_start_as_keras_starts_them(name: str) -> None:
    model, _ = small(name)
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert len(linear) > 2
    for layer in linear:
        limit = math.sqrt(6 / (layer.in_features + layer.out_features))
        assert 0.9 * limit < layer.weight.abs().max() <= limit
        assert not layer.bias.any()
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]
    assert len(norms) > 2
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


def test_the_lstm_starts_as_keras_starts_it_and_keeps_one_bias() -> None:
    model, x = small("lstm")
    lstm, hidden = model.lstm, model.lstm.hidden_size
    limit = math.sqrt(6 / (FEATURES + 4 * hidden))
    assert 0.9 * limit < lstm.weight_ih_l0.abs().max() <= limit
    torch.testing.assert_close(lstm.weight_hh_l0.T @ lstm.weight_hh_l0, torch.eye(hidden), rtol=0, atol=1e-5)
    forget = torch.arange(4 * hidden) // hidden == 1
    assert torch.equal(lstm.bias_ih_l0, forget.float())

    optimiser = torch.optim.Adam(model.parameters(), 0.1)
    model(x).square().sum().backward()
    optimiser.step()
    assert not torch.equal(lstm.bias_ih_l0, forget.float())
    assert not lstm.bias_hh_l0.any()


def test_the_lstm_counts_its_gates_as_keras_does() -> None:
    """One step of the cell, written out: input, forget, cell, output."""
    torch.manual_seed(3)
    model = LSTM(FEATURES, 4, CLASSES, hidden=9).eval()
    x = torch.randn(3, 4, FEATURES)
    y = model.norm(x.transpose(1, 2)).transpose(1, 2)
    h = c = torch.zeros(3, 9)
    for t in range(4):
        gates = y[:, t] @ model.lstm.weight_ih_l0.T + h @ model.lstm.weight_hh_l0.T + model.lstm.bias_ih_l0
        i, f, g, o = gates.split(9, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    torch.testing.assert_close(model(x), model.head(model.blocks(h)), rtol=1e-4, atol=1e-5)


def test_attention_is_unscaled_with_values_as_keys() -> None:
    torch.manual_seed(5)
    layer = Attention(6, 8).requires_grad_(False)
    x = torch.randn(3, 11, 6)
    query, value = layer.query(x), layer.value(x)
    expected = torch.empty(3, 11, 8)
    for b in range(3):
        for t in range(11):
            weights = torch.tensor([math.exp(query[b, t] @ value[b, s]) for s in range(11)])
            expected[b, t] = layer.mix((weights / weights.sum()) @ value[b])
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_attention_lengths_halve_as_in_the_official_network() -> None:
    model, lengths = SelfAttention(28, 101, 4).eval(), []
    y = torch.zeros(3, 101, 28)
    for block in model.blocks:
        y = block(y)
        lengths.append(tuple(y.shape[1:]))
    assert lengths == [(50, 128), (25, 64), (12, 32)]


@pytest.mark.parametrize(("build", "seen"), [(msgl_tcn.TCN, 7), (msgl_tcn.PlainTCN, 15)])
def test_a_tcn_sees_its_field_and_nothing_later(build: Build, seen: int) -> None:
    torch.manual_seed(17)
    model = build(FEATURES, 23, CLASSES).eval()
    x = torch.randn(3, 23, FEATURES, requires_grad=True)
    model(x).square().sum().backward()
    touched = x.grad.abs().sum(dim=(0, 2)) > 0
    assert touched.tolist() == [False] * (23 - seen) + [True] * seen

    with torch.no_grad():
        changed = x.clone()
        changed[:, 12:] += 5
        before, after = (model.blocks(z.transpose(1, 2)) for z in (x, changed))
    assert torch.equal(before[:, :, :12], after[:, :, :12])
    assert not torch.allclose(before[:, :, 12], after[:, :, 12])


def test_the_skip_of_the_cited_tcn_starts_small() -> None:
    torch.manual_seed(19)
    model = msgl_tcn.TCN(28, 35, 4)
    assert model.blocks[0].skip.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert isinstance(model.blocks[1].skip, nn.Identity)


@pytest.mark.parametrize("name", ["msgl_lstm", "msgl_bilstm"])
def test_the_recurrent_layers_are_those_of_one_deep_lstm(name: str) -> None:
    """Of one that reads its last state, the Bi-LSTM those of both directions, and forgets nothing here."""
    model, x = small(name)
    model.eval()
    both = name == "msgl_bilstm"
    deep = nn.LSTM(x.shape[2], 64, 2, batch_first=True, bidirectional=both)
    named = [weights for layer in model.layers for weights in layer.parameters()]
    for ours, theirs in zip(named, deep.parameters(), strict=True):
        theirs.data.copy_(ours)
    states, _ = deep(x)  # forwards is done at the last sample, backwards at the first
    final = torch.cat([states[:, -1, :64], states[:, 0, 64:]], dim=1)
    torch.testing.assert_close(model(x), model.head(final))
    model.train()
    assert not torch.allclose(model(x), model(x)), "dropout acts between the layers and before the head"
