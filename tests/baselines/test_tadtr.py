"""TadTR: the official weights give the official outputs, pairs, losses and gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

import golden_queries as golden_files  # noqa: E402

from baselines.engine.matching import bounds, pair, weigh  # noqa: E402
from baselines.models.tadtr import (  # noqa: E402
    TADTR,
    WEIGHTS,
    TadTR,
    Targets,
    cost,
    losses,
    pairs_of_class,
)

FILES = golden_files.files("tadtr_*.npz")
needs_golden = golden_files.needs(FILES, "tadtr_*.npz")
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
LOGITS, SHARES, RELATIVE = 2e-3, 2e-4, 2e-3
"""Tolerances of logits and of what lies between 0 and 1, absolute, and of losses and gradients, relative."""
NAMES = {
    "transformer.level_embed": "level",
    "transformer.reference_points.": "centres.",
    "transformer.decoder.segment_embed.": "changes.",
    "segment_embed.": "changes.",
    "class_embed.": "scores.",
    "query_embed.": "queries.",
    "input_proj.0.0.": "project.",
    "input_proj.0.1.": "norm.",
    "actionness_pred.0.": "actionness.layers.0.",
    "actionness_pred.2.": "actionness.layers.1.",
    "actionness_pred.4.": "actionness.layers.2.",
}
LOSSES = {"class": "loss_ce", "bounds": "loss_segments", "iou": "loss_iou", "actionness": "loss_actionness"}


def ours(official: str) -> str:
    if ".layers." in official and official.startswith(
        ("transformer.encoder.", "transformer.decoder.layers.")
    ):
        return golden_files.layer_name(official)
    for theirs, name in NAMES.items():
        if official.startswith(theirs):
            return name + official.removeprefix(theirs)
    raise AssertionError(official)


def build(golden: dict[str, np.ndarray], config: dict[str, Any]) -> TadTR:
    model = TadTR(
        config["input_dim"],
        config["classes"],
        queries=config["num_queries"],
        width=config["hidden_dim"],
        heads=config["nheads"],
        points=config["points"],
        hidden=config["dim_feedforward"],
        encoders=config["enc_layers"],
        decoders=config["dec_layers"],
        dropout=config["dropout"],
        padded_regions=True,
    )
    weights = {ours(name): value for name, value in golden_files.weights(golden).items()}
    model.load_state_dict({**weights, "level": weights["level"][0]})
    return model


def inputs(golden: dict[str, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.from_numpy(golden["input/feats"]).transpose(1, 2)
    return x, ~torch.from_numpy(golden["input/mask"]).bool()


def targets(golden: dict[str, np.ndarray]) -> Targets:
    batch = range(len(golden["input/feats"]))
    segments = [torch.from_numpy(golden[f"input/target{number}_centre_width"]) for number in batch]
    labels = [torch.from_numpy(golden[f"input/target{number}_labels"]) for number in batch]
    return Targets(torch.cat(segments).reshape(-1, 2), torch.cat(labels), [len(one) for one in labels])


@needs_golden
@each_file
def test_the_official_weights_give_the_official_outputs(path: Path) -> None:
    golden, config = golden_files.read(path)
    model = build(golden, config).eval()
    x, inside = inputs(golden)
    with torch.no_grad():
        memory, outputs = model.encode(x, inside), model(x, inside)
    golden_files.close(memory.transpose(1, 2), golden["output/encoder_memory"], LOGITS)
    golden_files.close(outputs.logits[-1], golden["output/logits"], LOGITS)
    golden_files.close(outputs.logits[:-1], golden["output/aux_logits"], LOGITS)
    golden_files.close(outputs.segments[-1], golden["output/segments"], SHARES)
    golden_files.close(outputs.segments[:-1], golden["output/aux_segments"], SHARES)
    golden_files.close(outputs.actionness[..., None], golden["output/actionness"], SHARES)


@needs_golden
@each_file
def test_the_best_pairs_of_query_and_class_are_the_official_ones(path: Path) -> None:
    golden, config = golden_files.read(path)
    with torch.no_grad():
        outputs = build(golden, config).eval()(*inputs(golden))
    scores, queries, labels = pairs_of_class(outputs)
    for number, duration in enumerate(golden["input/durations"].tolist()):
        official = {name: golden[f"output/det{number}_{name}"] for name in ("query", "labels")}
        assert set(zip(queries[number].tolist(), labels[number].tolist(), strict=True)) == set(
            zip(official["query"].tolist(), official["labels"].tolist(), strict=True)
        )
        golden_files.close(scores[number], golden[f"output/det{number}_scores"], SHARES)
        seconds = bounds(outputs.segments[-1][number]) * duration
        ends = seconds[official["query"]].clamp(0, duration)
        golden_files.close(ends, golden[f"output/det{number}_segments"].clip(0, duration), 2e-3)


@needs_golden
@each_file
def test_one_step_in_training_gives_the_official_pairs_losses_and_gradients(path: Path) -> None:
    golden, config = golden_files.read(path)
    model = build(golden, config).train()
    outputs, truth = model(*inputs(golden)), targets(golden)
    pairs = pair(cost(outputs.logits[-1], outputs.segments[-1], truth), truth.counts)
    first = np.cumsum([0, *truth.counts])
    for number in range(len(truth.counts)):
        mine = pairs.recording == number
        assert pairs.query[mine].tolist() == golden[f"output/match{number}_query"].tolist()
        official = golden[f"output/match{number}_target"] + first[number]
        assert pairs.target[mine].tolist() == official.tolist()
    parts = losses(outputs, truth)
    last = len(outputs.logits) - 1
    compared = 0
    for name, value in parts.items():
        short, _, layer = name.partition("_")
        suffix = f"_{layer}" if layer and int(layer) < last else ""
        official = LOSSES[short] + suffix
        assert value.item() == pytest.approx(float(golden[f"output/loss/{official}"]), rel=RELATIVE), name
        compared += 1
    assert compared == 3 * (last + 1) + 1
    loss = weigh(parts, WEIGHTS)
    assert loss.item() == pytest.approx(float(golden["output/loss_total"]), rel=RELATIVE)
    loss.backward()
    names = [ours(name) for name in config["named_parameters"]]
    norms = zip(names, golden["output/grad_norm"].tolist(), strict=True)
    golden_files.norms_agree(dict(model.named_parameters()), norms, RELATIVE)


@needs_golden
@each_file
def test_the_weights_that_learn_slowly_are_the_official_ones(path: Path) -> None:
    _, config = golden_files.read(path)
    slow = {ours(name) for name in config["learning_rate_times_a_tenth"]}
    words = TADTR.recipe.slow
    assert slow == {ours(name) for name in config["named_parameters"] if any(w in ours(name) for w in words)}


def test_the_sizes_are_the_published_ones() -> None:
    with torch.device("meta"):
        counts = [sum(p.numel() for p in TadTR(*size).parameters()) for size in ((2048, 20), (1024, 14))]
    assert counts == [8_661_594, 8_393_282]
