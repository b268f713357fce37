"""TE-TAD: the official weights give the official outputs, pairs, losses and gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

import golden_queries as golden_files  # noqa: E402

from baselines.engine.matching import Pairs, pair, weigh  # noqa: E402
from baselines.models.te_tad import (  # noqa: E402
    LEAST_SCORE,
    TETAD,
    WEIGHTS,
    Answers,
    Targets,
    cost,
    detections,
    losses,
)

FILES = golden_files.files("tetad_*.npz")
needs_golden = golden_files.needs(FILES, "tetad_*.npz")
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
FORWARD, RELATIVE = 1e-3, 2e-3
"""Tolerances: absolute of what the network answers; relative of losses and gradients."""
NAMES = {
    "transformer.level_embed": "level",
    "transformer.decoder.grid_head.": "position.",
    "transformer.decoder.query_scale.": "position_scale.",
    "transformer.enc_output.": "propose.0.",
    "transformer.enc_output_norm.": "propose.1.",
    "transformer.enc_trans.": "unread.0.",
    "transformer.enc_trans_norm.": "unread.1.",
    "input_proj.embd.0.": "convolutions.0.",
    "input_proj.embd_norm.0.": "norms.0.",
    "segment_embed.": "changes.",
}
LOSSES = {"class": "loss_ce", "width": "loss_segments", "iou": "loss_iou"}


def ours(official: str, decoders: int) -> str:
    if official.startswith(("transformer.encoder.layers.", "transformer.decoder.layers.")):
        return golden_files.layer_name(official)
    if official.startswith("input_proj.branch."):
        _, _, level, layer, *_, kind = official.split(".")
        number = int(level) + 1
        return f"convolutions.{number}.conv.{kind}" if layer == "0" else f"norms.{number}.{kind}"
    official = official.replace("transformer.decoder.class_embed.", "class_embed.")
    official = official.replace("transformer.decoder.segment_embed.", "segment_embed.")
    if official.startswith("class_embed."):
        _, layer, rest = official.split(".", 2)
        return f"any_action.{rest}" if int(layer) == decoders else f"scores.{layer}.{rest}"
    for theirs, name in NAMES.items():
        if official.startswith(theirs):
            return name + official.removeprefix(theirs)
    raise AssertionError(official)


def build(golden: dict[str, np.ndarray], config: dict[str, Any]) -> TETAD:
    config = config["config"]
    (fps,) = set(golden["input/fps"].tolist())
    model = TETAD(
        config["feature_dim"],
        config["num_classes"],
        queries=config["num_queries"],
        levels=config["num_feature_levels"],
        width=config["hidden_dim"],
        heads=config["n_heads"],
        points=config["dec_n_points"],
        hidden=config["dim_feedforward"],
        encoders=config["enc_layers"],
        decoders=config["dec_layers"],
        shortest=config["base_scale"] * fps,
    )
    weights = {ours(k, config["dec_layers"]): w for k, w in golden_files.weights(golden).items()}
    model.load_state_dict(weights)
    return model


def answers(model: TETAD, golden: dict[str, np.ndarray]) -> list[Answers]:
    x = torch.from_numpy(golden["input/feats"]).transpose(1, 2)
    inside = ~torch.from_numpy(golden["input/mask"]).bool()
    step = torch.from_numpy(golden["input/stride"] / golden["input/fps"])
    return model(x, inside, step, torch.from_numpy(golden["input/feature_duration"]).float())


def targets(golden: dict[str, np.ndarray]) -> Targets:
    batch = range(len(golden["input/feats"]))
    ends = [torch.from_numpy(golden[f"input/target{number}_start_end"]) for number in batch]
    labels = [torch.from_numpy(golden[f"input/target{number}_labels"]) for number in batch]
    return Targets(torch.cat(ends).reshape(-1, 2), torch.cat(labels), [len(one) for one in labels])


def same_pairs(pairs: Pairs, counts: list[int], golden: dict[str, np.ndarray], name: str) -> None:
    first = np.cumsum([0, *counts])
    for number in range(len(counts)):
        mine = pairs.recording == number
        assert pairs.query[mine].tolist() == golden[f"output/{name}{number}_query"].tolist()
        official = golden[f"output/{name}{number}_target"] + first[number]
        assert pairs.target[mine].tolist() == official.tolist()


@needs_golden
@each_file
def test_the_official_weights_give_the_official_answers(path: Path) -> None:
    golden, config = golden_files.read(path)
    model = build(golden, config).eval()
    with torch.no_grad():
        *layers, proposals = answers(model, golden)
    inside = ~golden["output/encoder_mask"]
    assert (proposals.inside.numpy() == inside).all()
    golden_files.close(proposals.logits, golden["output/encoder_logits"], FORWARD)
    golden_files.close(proposals.segments, golden["output/encoder_proposals"], FORWARD)
    assert (layers[-1].inside.numpy() == (golden["output/query_mask"] == 0)).all()
    golden_files.close(layers[-1].logits, golden["output/logits"], FORWARD)
    golden_files.close(layers[-1].segments, golden["output/segments_centre_logwidth"], FORWARD)
    golden_files.close(torch.stack([one.logits for one in layers[:-1]]), golden["output/aux_logits"], FORWARD)
    golden_files.close(
        torch.stack([one.segments for one in layers[:-1]]), golden["output/aux_segments"], FORWARD
    )


@needs_golden
@each_file
def test_detections_are_the_official_ones(path: Path) -> None:
    golden, config = golden_files.read(path)
    with torch.no_grad():
        layers = answers(build(golden, config).eval(), golden)
    for number, duration in enumerate(golden["input/video_duration"].tolist()):
        bounds, labels, scores = detections(layers[-2], duration, number)
        known = golden[f"output/det{number}_scores"] > LEAST_SCORE
        golden_files.close(scores, golden[f"output/det{number}_scores"][known], FORWARD)
        golden_files.close(bounds, golden[f"output/det{number}_segments"][known], 2 * FORWARD)
        assert labels.tolist() == golden[f"output/det{number}_labels"][known].tolist()


@needs_golden
@each_file
def test_one_step_in_training_gives_the_official_pairs_losses_and_gradients(path: Path) -> None:
    golden, config = golden_files.read(path)
    model = build(golden, config).train()
    outputs, truth = answers(model, golden), targets(golden)
    *layers, proposals = outputs
    assert (layers[-1].inside.numpy() == (golden["output/train_query_mask"] == 0)).all()
    golden_files.close(layers[-1].logits, golden["output/train_logits"], FORWARD)
    golden_files.close(layers[-1].segments, golden["output/train_segments"], FORWARD)
    same_pairs(pair(cost(layers[-1], truth, classes=True), truth.counts), truth.counts, golden, "match")
    binary = pair(cost(proposals, truth, classes=False), truth.counts)
    same_pairs(binary, truth.counts, golden, "encoder_match")
    parts = losses(outputs, truth)
    suffix = {len(layers) - 1: "", len(layers): "_enc"}
    assert len(parts) == 3 * len(outputs)
    for name, value in parts.items():
        short, _, layer = name.partition("_")
        official = LOSSES[short] + suffix.get(int(layer), f"_{layer}")
        assert value.item() == pytest.approx(float(golden[f"output/loss/{official}"]), rel=RELATIVE), name
    loss = weigh(parts, WEIGHTS)
    assert loss.item() == pytest.approx(float(golden["output/loss_total"]), rel=RELATIVE)
    loss.backward()
    names = [ours(name, config["config"]["dec_layers"]) for name in config["named_parameters"]]
    norms = zip(names, golden["output/grad_norm"].tolist(), strict=True)
    golden_files.norms_agree(dict(model.named_parameters()), norms, RELATIVE)


def test_the_sizes_are_the_published_ones() -> None:
    with torch.device("meta"):
        counts = [sum(p.numel() for p in TETAD(*size).parameters()) for size in ((2048, 20), (1024, 14))]
    assert counts == [18_612_997, 17_817_313]
