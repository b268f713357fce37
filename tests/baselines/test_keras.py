"""The CalMS21 networks against the official ones, run in Keras: layers, training steps, windows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from official import GOLDEN, Arrays, files, read  # noqa: E402
from torch import nn  # noqa: E402

from baselines.engine import keras, losses  # noqa: E402
from baselines.engine.window_training import optimiser  # noqa: E402
from baselines.inputs.augmentation import move  # noqa: E402
from baselines.inputs.windows import windows  # noqa: E402
from baselines.models.conv1d import Conv1D, HalfDropout  # noqa: E402
from baselines.models.fc import FC  # noqa: E402
from baselines.models.lstm import LSTM  # noqa: E402
from baselines.models.self_attention import SelfAttention  # noqa: E402
from baselines.models.single_frame import SingleFrame  # noqa: E402
from baselines.recipes.windows import Recipe  # noqa: E402
from baselines.switches import OFF, Switches  # noqa: E402

NETWORKS, TRAINED = files("keras_*.npz"), files("calms21_conv1d_trained*.npz")
WINDOWS = files("calms21_windows*.npz")
MISSING = f"no golden files of this family in {GOLDEN}/networks: set ETHOBENCH_GOLDEN"
FEATURES = 28
NORMS = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def build(config: dict) -> nn.Module:
    """Return our network of the sizes of a file, without dropout."""
    past, future, channels = config["past"], config["future"], tuple(config["channels"])
    sizes = (FEATURES, past + 1 + future, config["classes"])
    kind = config["architecture"]
    model: nn.Module
    if kind.startswith("conv"):
        model = Conv1D(*sizes, channels, config["conv_size"])
    elif kind.startswith("lstm"):
        model = LSTM(*sizes, config["lstm_size"], channels)
    elif kind.startswith("att"):
        model = SelfAttention(*sizes, channels)
    else:
        model = (SingleFrame if past + future == 0 else FC)(*sizes, channels)
    return without_dropout(model)


def without_dropout(model: nn.Module) -> nn.Module:
    for layer in list(model.modules()):
        for name, inner in layer.named_children():
            if isinstance(inner, nn.Dropout | HalfDropout):
                setattr(layer, name, nn.Identity())
    return model


def paired(layers: dict[str, Arrays], model: nn.Module) -> Iterator[tuple[nn.Module, str, np.ndarray]]:
    """Yield each layer of ours, the name of a weight, and the official value of it; both are in order."""
    ours = [layer for layer in model.modules() if list(layer.parameters(recurse=False))]
    assert len(ours) == len(layers)
    # their attention has the query and the value first, then what mixes; so has ours
    for layer, values in zip(ours, layers.values(), strict=True):
        for name, value in values.items():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                yield layer, NORMS[name], value
            elif isinstance(layer, nn.LSTM):
                names = {"kernel": "weight_ih_l0", "recurrent_kernel": "weight_hh_l0", "bias": "bias_ih_l0"}
                yield layer, names[name], value.T
            elif name == "bias":
                yield layer, "bias", value
            elif isinstance(layer, nn.Conv2d):  # (K, in, out) -> (out, in, 1, K)
                yield layer, "weight", value.transpose(2, 1, 0)[:, :, None]
            else:
                yield layer, "weight", value.reshape(-1, value.shape[-1]).T


def layers_of(golden: Arrays, folder: str) -> dict[str, Arrays]:
    """Return layer -> name -> value."""
    layers: dict[str, Arrays] = {}
    for key, value in golden.items():
        if key.startswith(folder):
            layer, _, name = key.removeprefix(folder).rpartition("/")
            layers.setdefault(layer, {})[name] = value
    return layers


def load(model: nn.Module, layers: dict[str, Arrays]) -> nn.Module:
    with torch.no_grad():
        for layer, name, value in paired(layers, model):
            getattr(layer, name).copy_(torch.tensor(np.ascontiguousarray(value)))
    return model


def inputs(golden: Arrays, step: int) -> torch.Tensor:
    x = torch.from_numpy(golden[f"input/x{step}"])
    return x.reshape(len(x), -1, FEATURES)


def train(model: nn.Module, golden: Arrays, config: dict) -> set[torch.Tensor]:
    """Train the six steps, each loss as expected; return the weights whose gradient was rounding alone.

    A shift before a batch normalisation changes nothing: its gradient is 0, and Adam makes steps of what is
    left of it after rounding.
    """
    weights = torch.ones(config["classes"])
    for name, weight in (config["class_weight"] or {}).items():
        weights[int(name)] = weight
    recipe = Recipe(past=1, future=1, gap=1, epochs=1, lr=config["learning_rate"])
    adam = optimiser(recipe, OFF, model.train())
    void = {weights for weights in model.parameters() if weights.requires_grad}
    for step, expected in enumerate(golden["output/loss_of_each_step"]):
        targets = torch.from_numpy(golden[f"input/y{step}"])
        loss = losses.cross_entropy(model(inputs(golden, step)), targets, weights) / len(targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert loss.item() == pytest.approx(expected, rel=0, abs=1e-5), f"step {step + 1}"
        void = {weights for weights in void if weights.grad.abs().max() < 5e-7}
    return void


@pytest.mark.skipif(not NETWORKS, reason=MISSING)
@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_six_steps_of_training_are_those_of_keras(path: Path) -> None:
    golden, config = read(path)
    model = load(build(config), layers_of(golden, "weight/")).eval()
    with torch.no_grad():
        softmax = model(inputs(golden, 0)).softmax(dim=1).numpy()
    np.testing.assert_allclose(softmax, golden["output/softmax"], rtol=0, atol=1e-6)

    void = train(model, golden, config)
    assert all(weights.dim() == 1 for weights in void), "only shifts may have no gradient"
    for layer, name, value in paired(layers_of(golden, "output/after_steps/"), model):
        ours = getattr(layer, name)
        exact = ours not in void and name != "running_mean"  # the mean has the shift before it in it
        found = ours.detach()
        np.testing.assert_allclose(found.numpy(), value, rtol=0, atol=1e-5 if exact else 5e-3, err_msg=name)
        if not exact:
            found.copy_(torch.tensor(value))
    with torch.no_grad():
        softmax = model.eval()(inputs(golden, 0)).softmax(dim=1).numpy()
    np.testing.assert_allclose(softmax, golden["output/softmax_after_steps"], rtol=0, atol=1e-5)


@pytest.mark.skipif(not TRAINED, reason=MISSING)
@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_the_trained_official_convolution_gives_its_probabilities(path: Path) -> None:
    golden, config = read(path)
    layers = layers_of(golden, "weight/")
    norms = sorted(name for name in layers if name.startswith("batch_norm"))
    convs = sorted(name for name in layers if name.startswith("conv"))
    (head,) = (name for name in layers if name.startswith("dense"))
    order = [norms[0]] + [name for pair in zip(convs, norms[1:], strict=True) for name in pair] + [head]
    model = Conv1D(FEATURES, config["past"] + 1 + config["future"], golden["output/softmax"].shape[1])
    load(model, {name: layers[name] for name in order}).eval()
    with torch.no_grad():
        softmax = model(torch.from_numpy(golden["input/x"])).softmax(dim=1).numpy()
    np.testing.assert_allclose(softmax, golden["output/softmax"], rtol=0, atol=1e-5)


@pytest.mark.skipif(not WINDOWS, reason=MISSING)
@pytest.mark.parametrize("path", WINDOWS, ids=lambda path: path.stem)
def test_windows_and_their_augmentation_are_the_official_ones(path: Path) -> None:
    golden, config = read(path)
    recordings = [golden[f"input/{name}_keypoints_frames_mouse_point_xy"].astype(np.float32) for name in "ab"]
    recipe = Recipe(past=config["past"], future=config["future"], gap=config["gap"], epochs=1)
    every = windows([one.reshape(len(one), -1) for one in recordings], recipe, torch.device("cpu"))
    seen = every.gather(torch.arange(len(every)))
    np.testing.assert_allclose(seen.numpy(), golden["output/windows"], rtol=0, atol=1e-6)
    moves = torch.from_numpy(golden["input/angle_and_shift_of_the_first_eight"]).float()
    moved = move(seen[: len(moves)], moves[:, 0], moves[:, 1:])
    np.testing.assert_allclose(moved.numpy(), golden["output/augmented_first_eight"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 1, 3)])
def test_the_running_variance_is_the_biased_one(shape: tuple[int, ...]) -> None:
    torch.manual_seed(4)
    layer = (keras.BatchNorm1d if len(shape) == 2 else keras.BatchNorm2d)(5)
    layer.running_var.copy_(torch.rand(5) + 0.5)
    before, x = layer.running_var.clone(), torch.randn(shape) * 3 + 1
    y = layer.train()(x)
    rest = [axis for axis in range(len(shape)) if axis != 1]
    torch.testing.assert_close(layer.running_var, 0.99 * before + 0.01 * x.var(rest, correction=0))
    torch.testing.assert_close(layer.running_mean, 0.01 * x.mean(rest))
    torch.testing.assert_close(y.mean(rest), torch.zeros(5), rtol=0, atol=1e-6)
    kept = layer.running_var.clone()
    layer.eval()(x)
    assert torch.equal(layer.running_var, kept)


def test_adam_counts_its_steps_across_a_checkpoint() -> None:
    """Two steps, saved and restored in between, are the two steps of Keras written out."""
    recipe = Recipe(past=0, future=0, gap=1, epochs=1, lr=0.1, eps=0.5)
    weight, m, v = 1.0, 0.0, 0.0
    model, state = nn.Linear(1, 1, bias=False), None
    model.weight.data.fill_(weight)
    for step, gradient in enumerate((0.3, -0.7), start=1):
        adam = optimiser(recipe, OFF, model)
        if state:
            adam.load_state_dict(state)
        model.weight.grad = torch.full((1, 1), gradient)
        adam.step()
        state = adam.state_dict()
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        weight -= 0.1 * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step) * m / (v**0.5 + 0.5)
        assert model.weight.item() == pytest.approx(weight, rel=1e-6)


@pytest.mark.parametrize("plain", [{"adam": "torch"}, {"graphs": True}])
def test_torchs_own_adam_where_a_recipe_or_a_graph_has_it(plain: dict) -> None:
    switches = Switches(graphs=plain.pop("graphs", False))
    recipe = Recipe(past=0, future=0, gap=1, epochs=1, eps=0.5, **plain)
    model = nn.Linear(1, 1, bias=False)
    adam = optimiser(recipe, switches, model)
    assert [set(group) & {"steps", "epsilon"} for group in adam.param_groups] == [set()]
