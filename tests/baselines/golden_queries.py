"""What the golden files of both localisers with queries share: where they lie, and the names of layers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))
# parts of an official name: what they are called here
LAYERS = {
    "self_attn.sampling_offsets": "attention.offsets",
    "self_attn.attention_weights": "attention.weights",
    "self_attn.value_proj": "attention.values",
    "self_attn.output_proj": "attention.output",
    "cross_attn.sampling_offsets": "attention.offsets",
    "cross_attn.attention_weights": "attention.weights",
    "cross_attn.value_proj": "attention.values",
    "cross_attn.output_proj": "attention.output",
    "self_attn.": "self_attention.",
    "linear1": "feed.first",
    "linear2": "feed.last",
}
ENCODER_NORMS = {"norm1": "norm", "norm2": "feed.norm"}
DECODER_NORMS = {"norm1": "norm", "norm2": "self_norm", "norm3": "feed.norm"}


def files(pattern: str) -> list[Path]:
    """Return the golden files of a family."""
    return sorted((GOLDEN / "networks").glob(pattern))


def needs(paths: list[Path], pattern: str) -> pytest.MarkDecorator:
    """Skip where there is none."""
    return pytest.mark.skipif(not paths, reason=f"no {GOLDEN}/networks/{pattern}: set ETHOBENCH_GOLDEN")


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays of a file, and its settings."""
    with np.load(path) as archive:
        golden = {name: archive[name] for name in archive.files}
    return golden, json.loads(str(golden["config"]))


def layer_name(official: str) -> str:
    """Return our name of a weight of an encoder or decoder layer."""
    names = official.split(".")
    stack, number = names[1], names[3]
    rest = ".".join(names[4:])
    norms = ENCODER_NORMS if stack == "encoder" else DECODER_NORMS
    for theirs, name in {**LAYERS, **norms}.items():
        if rest.startswith(theirs):
            rest = name + rest.removeprefix(theirs)
            break
    return f"{stack}.{number}.{rest}"


def weights(golden: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Return the official weights by official name."""
    stored = [key for key in golden if key.startswith("weight/")]
    return {key.removeprefix("weight/"): torch.from_numpy(golden[key]) for key in stored}


def close(ours: Tensor, official: np.ndarray, tolerance: float) -> None:
    """Fail where two arrays differ by more than a tolerance."""
    np.testing.assert_allclose(ours.detach().numpy(), official, rtol=0, atol=tolerance)


def norms_agree(
    named: Mapping[str, nn.Parameter], official: Iterable[tuple[str, float]], tolerance: float
) -> None:
    """Fail where the norms of gradients differ; a parameter without a gradient has the norm -1."""
    for name, norm in official:
        gradient = named[name].grad
        ours = -1.0 if gradient is None else float(gradient.norm())
        assert ours == pytest.approx(norm, rel=tolerance, abs=1e-5), name
