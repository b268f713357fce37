"""MSGL-Transformer: the released weights give the released logits, stage by stage as the code was run."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import nn  # noqa: E402

from baselines.models.msgl import (  # noqa: E402
    MSGL,
    Attention,
    MultiScale,
    as_described,
    without_both,
    without_modulation,
    without_multi_scale,
)

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))

# how a name in the released checkpoint begins: how it begins here
NAMES = {
    "positional_encoding": "positions",
    "global_token": "token",
    "embedding.": "embed.",
    "behavior_modulator.": "modulate.gate.",
    "local_attn_short.in_proj_": "scales.layer.short.qkv.",
    "local_attn_short.out_proj.": "scales.layer.short.mix.",
    "local_attn_medium.in_proj_": "scales.layer.medium.qkv.",
    "local_attn_medium.out_proj.": "scales.layer.medium.mix.",
    "global_attn.in_proj_": "scales.layer.whole.qkv.",
    "global_attn.out_proj.": "scales.layer.whole.mix.",
    "norm1.": "scales.norm.",
    "transformer_encoder.layers.0.self_attn.in_proj_": "encoder.0.layer.qkv.",
    "transformer_encoder.layers.0.self_attn.out_proj.": "encoder.0.layer.mix.",
    "transformer_encoder.layers.0.norm1.": "encoder.0.norm.",
    "transformer_encoder.layers.0.linear1.": "encoder.1.layer.0.",
    "transformer_encoder.layers.0.linear2.": "encoder.1.layer.3.",
    "transformer_encoder.layers.0.norm2.": "encoder.1.norm.",
    "transformer_encoder.layers.1.self_attn.in_proj_": "encoder.2.layer.qkv.",
    "transformer_encoder.layers.1.self_attn.out_proj.": "encoder.2.layer.mix.",
    "transformer_encoder.layers.1.norm1.": "encoder.2.norm.",
    "transformer_encoder.layers.1.linear1.": "encoder.3.layer.0.",
    "transformer_encoder.layers.1.linear2.": "encoder.3.layer.3.",
    "transformer_encoder.layers.1.norm2.": "encoder.3.norm.",
    "ffn.": "encoder.4.layer.",
    "norm2.": "encoder.4.norm.",
    "norm3.": "norm.",
    "fc.": "head.",
}


def ours(released: str) -> str:
    (theirs,) = (start for start in NAMES if released.startswith(start))
    return NAMES[theirs] + released.removeprefix(theirs)


@pytest.mark.parametrize(("data", "features", "classes"), [("calms21", 28, 4), ("ratsi", 12, 5)])
def test_released_weights_give_the_released_logits(data: str, features: int, classes: int) -> None:
    """In float64: float32 rounded the released logits by 6e-6, and rounds ours by as much, CPU by CPU."""
    path = GOLDEN / "msgl" / f"{data}_released.npz"
    if not path.is_file():
        pytest.skip(f"no {path}: set ETHOBENCH_GOLDEN to the folder of golden vectors")
    golden = np.load(path)
    weights = {
        ours(key.removeprefix("weight/")): torch.from_numpy(golden[key])
        for key in golden.files
        if key.startswith("weight/")
    }
    model = MSGL(features, 35, classes).eval()
    model.load_state_dict(weights)  # strict: no tensor missing, none left over
    with torch.inference_mode():
        rounded = model(torch.from_numpy(golden["inputs"]))
        logits = model.double()(torch.from_numpy(golden["inputs"]).double())
    np.testing.assert_allclose(logits.numpy(), golden["logits"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(rounded.numpy(), golden["logits"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("build", [MSGL, as_described])
def test_weights_start_xavier_uniform(build) -> None:
    torch.manual_seed(2)
    model = build(28, 35, 4)
    fans = {"token": 64 + 64, "positions": 36 * 64 + 64, "scales.layer.short.qkv.weight": 64 + 192}
    for name, weights in model.named_parameters():
        if weights.dim() > 1:
            limit = math.sqrt(6 / fans.get(name, sum(weights.shape[:2])))
            assert 0.85 * limit < weights.abs().max() <= limit, name


def test_biases_start_at_zero_only_as_described() -> None:
    torch.manual_seed(2)
    biases = {name: p for name, p in as_described(28, 35, 4).named_parameters() if name.endswith("bias")}
    assert not any(p.any() for p in biases.values())
    started = {name for name, p in MSGL(28, 35, 4).named_parameters() if name.endswith("bias") and p.any()}
    assert {"embed.bias", "modulate.gate.0.bias", "encoder.1.layer.0.bias", "head.bias"} <= started
    assert not any(name.endswith(("qkv.bias", "mix.bias", "norm.bias")) for name in started)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_that_of_torch(causal: bool) -> None:
    torch.manual_seed(3)
    layer = Attention(12, 3, 0.2, causal=causal).eval()
    nn.init.normal_(layer.qkv.bias)
    reference = nn.MultiheadAttention(12, 3, batch_first=True).eval()
    reference.load_state_dict(
        {
            "in_proj_weight": layer.qkv.weight,
            "in_proj_bias": layer.qkv.bias,
            "out_proj.weight": layer.mix.weight,
            "out_proj.bias": layer.mix.bias,
        }
    )
    x = torch.randn(5, 7, 12)
    mask = torch.ones(7, 7, dtype=torch.bool).triu(1) if causal else None
    torch.testing.assert_close(layer(x), reference(x, x, x, attn_mask=mask)[0])


def test_which_frames_each_scale_sees() -> None:
    """Nine frames: four in the short branch, averaged there; the token hears only the whole."""
    torch.manual_seed(4)
    layer = MultiScale(12, 3, 0.2).eval()
    x = torch.randn(2, 10, 12)
    local = layer(x) - layer.whole(x)
    assert not local[:, 0].any()
    short, medium = layer.short(x[:, 1:5]), layer.medium(x[:, 1:])
    torch.testing.assert_close(local[:, 1:5], (short + medium[:, :4]) / 2)
    torch.testing.assert_close(local[:, 5:], medium[:, 4:])

    changed = x.clone()
    changed[:, 7:] += 1
    later = layer(changed) - layer.whole(changed)
    torch.testing.assert_close(later[:, :7], local[:, :7])
    assert not torch.allclose(later[:, 7], local[:, 7])


def test_the_gate_scales_every_token_by_what_the_frames_say() -> None:
    torch.manual_seed(5)
    gate = MSGL(6, 9, 5).modulate
    x = torch.randn(3, 10, 64)
    scale = gate(x) / x
    torch.testing.assert_close(scale, scale[:, :1].expand_as(scale), rtol=1e-4, atol=1e-5)
    assert 0 < scale.min() < scale.max() < 1

    token_changed = x.clone()
    token_changed[:, 0] += 1
    torch.testing.assert_close(gate(token_changed)[:, 1:], gate(x)[:, 1:])


@pytest.mark.parametrize(
    ("build", "left_out"),
    [
        (without_modulation, {"modulate"}),
        (without_multi_scale, {"scales"}),
        (without_both, {"modulate", "scales"}),
        (as_described, {"norm", "encoder.4"}),
    ],
)
def test_an_ablation_is_the_model_without_that_stage(build, left_out: set[str]) -> None:
    """Same weights, the stage taken out by hand: same logits."""
    torch.manual_seed(6)
    full, ablated = MSGL(6, 9, 5).eval(), build(6, 9, 5).eval()
    stages = tuple(f"{name}." for name in left_out)
    kept = {name: p for name, p in full.state_dict().items() if not name.startswith(stages)}
    assert len(kept) < len(full.state_dict())
    ablated.load_state_dict(kept)
    for name in left_out:
        full.set_submodule(name, nn.Identity())
    x = torch.randn(7, 9, 6)
    torch.testing.assert_close(ablated(x), full(x))


def test_order_matters() -> None:
    torch.manual_seed(7)
    model, x = MSGL(6, 9, 5).eval(), torch.randn(7, 9, 6)
    assert not torch.allclose(model(x), model(x.flip(1)), atol=1e-3)
