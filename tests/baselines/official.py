"""Golden files of official networks: their settings, their weights by name, and ours of the same name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))
Arrays = dict[str, np.ndarray]
Name = Callable[[str], str]
"""An official name of a weight -> ours."""


def files(pattern: str) -> list[Path]:
    """Return the files of a family."""
    return sorted((GOLDEN / "networks").glob(pattern))


def read(path: Path) -> tuple[Arrays, dict]:
    """Return the arrays of a golden file, and its settings."""
    with np.load(path) as archive:
        golden = {name: archive[name] for name in archive.files}
    return golden, json.loads(str(golden["config"]))


def rename(parts: Mapping[str, str]) -> Name:
    """Return a function that replaces regular expressions in a name, one after the other."""

    def ours(official: str) -> str:
        for theirs, name in parts.items():
            official = re.sub(theirs, name, official)
        return official

    return ours


def weights(golden: Arrays) -> Arrays:
    """Return the stored weights, or those that the stored recipe draws, by official name."""
    drawn = {}
    if "recipe/name" in golden:
        columns = [golden[f"recipe/{name}"] for name in ("name", "shape", "offset", "scale", "kind")]
        draw = np.random.RandomState(int(golden["recipe/seed"]))  # what the files name
        for name, shape, offset, scale, kind in zip(*columns, strict=True):
            z = draw.standard_normal([int(axis) for axis in str(shape).split(",") if axis])
            value = 1 + 0.3 * np.tanh(z) if kind == 1 else offset + scale * z
            drawn[str(name)] = np.asarray(value, dtype=np.float32)
    stored = [key for key in golden if key.startswith("weight/")]
    return drawn | {key.removeprefix("weight/"): golden[key] for key in stored}


def load(model: nn.Module, golden: Arrays, ours: Name) -> nn.Module:
    """Load the official weights into our network; every weight must be there, and in no other shape.

    A convolution of one sample may be a linear layer here.
    """
    there = model.state_dict()
    values = {ours(name): torch.from_numpy(value) for name, value in weights(golden).items()}
    values = {name: value.reshape(there[name].shape) for name, value in values.items() if name in there}
    counters = {name: torch.tensor(0) for name in there if name.endswith("num_batches_tracked")}
    model.load_state_dict(counters | values)
    return model


def windows(golden: Arrays) -> torch.Tensor:
    """Return the inputs (N, C, T, V, M) as windows (N, T, M V C)."""
    return torch.from_numpy(golden["input/x"]).permute(0, 2, 4, 3, 1).flatten(2)


def check(
    model: nn.Module,
    golden: Arrays,
    config: dict,
    ours: Name,
    *,
    forward: float,
    relative: float,
    norms: float,
) -> None:
    """Compare the logits in evaluation, to `forward`, and what one pass of training gives, to `relative`.

    We train in float64: gradients that nearly cancel, as those of CTR-GCN's alpha, lose percents in float32.
    Norms of gradients are compared to `norms`: a rectifier within rounding of 0 changes them at one stroke.
    With inputs changed by 2e-7, those of `msg3d_full_0` differ from the official ones by 4e-4 to 3e-3.
    """
    x = windows(golden)
    with torch.no_grad():
        close(model.eval()(x), golden["output/logits_eval"], forward)
    model.double().train()
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    logits = model(x.double())
    close(logits.detach(), golden["output/logits_train_mode"], relative)
    loss = nn.functional.cross_entropy(logits, torch.from_numpy(golden["input/labels"]))
    loss.backward()
    assert loss.item() == pytest.approx(float(golden["output/loss_train_mode"]), rel=relative)
    named = dict(model.named_parameters())
    largest = float(golden["output/grad_norm"].max())
    for name, norm in zip(config["named_parameters"], golden["output/grad_norm"], strict=True):
        found = float(named[ours(name)].grad.norm())
        assert found == pytest.approx(norm, rel=norms, abs=1e-6 * largest), name
    running = "output/running_stat_norm_after_one_training_pass"
    if running in golden:
        state = model.state_dict()
        names = config.get("running_stats") or [name for name in weights(golden) if "running_" in name]
        for name, norm in zip(names, golden[running], strict=True):
            assert float(state[ours(name)].norm()) == pytest.approx(norm, rel=relative, abs=1e-6), name


def close(found: torch.Tensor, expected: np.ndarray, tolerance: float) -> None:
    """Compare logits; beyond 1 they may differ by a share of the largest."""
    atol = tolerance * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=atol)
