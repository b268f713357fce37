"""ActionFormer, RaSeformer and TriDet beside the numbers of their public code: forward, detections, training.

Every file of a family in the folder is read, by pattern. What is in them and which tolerance fits stands in
the README beside them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import KDTree

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn  # noqa: E402

from baselines.contract import Derived  # noqa: E402
from baselines.engine import localisation, steps  # noqa: E402
from baselines.inputs.points import Level, answers  # noqa: E402
from baselines.models import tridet  # noqa: E402
from baselines.models.actionformer import RATSEIZURE, ActionFormer, Architecture  # noqa: E402
from baselines.models.raseformer import of_query, salient  # noqa: E402
from baselines.models.tridet import TriDet  # noqa: E402
from baselines.parts.point_answers import (  # noqa: E402
    Candidates,
    Outputs,
    PointLoss,
    candidates,
    point_losses,
)
from baselines.switches import OFF  # noqa: E402
from bench.metrics.softnms import suppress  # noqa: E402
from bench.recordings import Detections  # noqa: E402

GOLDEN = Path(os.environ.get("ETHOBENCH_GOLDEN", Path(__file__).parents[2].parent / "shared" / "golden"))
FAMILIES = ("actionformer", "raseformer", "tridet")
FILES = [file for family in FAMILIES for file in sorted((GOLDEN / "networks").glob(f"{family}_*.npz"))]
FORWARD, LOSS, NORM, SECONDS = 1e-4, 1e-4, 1e-3, 1e-3
pytestmark = [
    pytest.mark.skipif(not FILES, reason=f"no golden networks under {GOLDEN}"),
]
every_file = pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])


@dataclass(frozen=True)
class Golden:
    """One file: its arrays, its settings, and our network with its weights."""

    arrays: Mapping[str, np.ndarray]
    config: Mapping[str, Any]
    network: torch.nn.Module

    @property
    def clips(self) -> Iterator[str]:
        """Return the names of the clips that are predicted."""
        number = 0
        while f"input/eval{number}/feats" in self.arrays:
            yield f"eval{number}"
            number += 1

    def batch(self, *names: str, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the features of clips, padded to so many rows, and which rows are inside."""
        feats = [torch.from_numpy(self.arrays[f"input/{name}/feats"].T.copy()) for name in names]
        return localisation.padded(feats, 1, rows)

    def predicted(self, clip: str) -> Outputs:
        """Return what our network answers of a clip."""
        with torch.no_grad():
            return self.network.eval()(
                *self.batch(clip, rows=int(self.arrays[f"output/{clip}/padded_length"]))
            )


def golden(file: Path) -> Golden:
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    config = json.loads(str(arrays["config"]))
    network = built(file.stem.partition("_")[0], config)
    weights = {n.removeprefix("weight/"): torch.from_numpy(a) for n, a in arrays.items() if "weight/" in n}
    assert set(weights) == set(dict(network.named_parameters()))
    network.load_state_dict({**network.state_dict(), **weights})
    return Golden(arrays, config, network)


def levels_of(model: Mapping[str, Any]) -> tuple[Level, ...]:
    return tuple(Level(2**n, *map(float, ends)) for n, ends in enumerate(model["regression_range"]))


def built(family: str, config: Mapping[str, Any]) -> torch.nn.Module:
    model, train = config["model"], config["train_cfg"]
    shared = {
        "features": model["input_dim"],
        "classes": model["num_classes"],
        "width": model["embd_dim"],
        "levels": levels_of(model),
        "droppath": 0.0,  # as in the steps of the files
        "positions": model["max_seq_len"] if model["use_abs_pe"] else None,
        "positives": float(train["init_loss_norm"]),
    }
    if family == "tridet":
        return TriDet(
            tridet.Architecture(
                **shared,
                hidden=model["sgp_mlp_dim"],
                head_width=model["head_dim"],
                window=model["n_sgp_win_size"],
                growth=float(model["k"]),
                bins=model["num_bins"] if model["use_trident_head"] else None,
            )
        )
    windows = model["n_mha_win_size"]
    shape = Architecture(
        **shared,
        heads=model["n_head"],
        windows=tuple(windows) if isinstance(windows, list) else (windows,) * len(shared["levels"]),
        relative=model["use_rel_pe"],
        top_down=model["fpn_type"] == "fpn",
    )
    keep = train.get("attn_keep_ratio", 1.0)
    return ActionFormer(shape, salient(of_query, keep) if keep < 1 else None)


def loss_of(config: Mapping[str, Any]) -> PointLoss:
    train, model = config["train_cfg"], config["model"]
    power = float(model["iou_weight_power"]) if model.get("use_trident_head") else 0.0
    return PointLoss(train["label_smoothing"], train["loss_weight"], power)


def recipe_of(config: Mapping[str, Any]) -> Any:
    opt = config["opt"]
    return replace(
        RATSEIZURE,
        lr=opt["learning_rate"],
        decay=opt["weight_decay"],
        warm_up=opt["warmup_epochs"],
        epochs=opt["warmup_epochs"] + opt["epochs"],
        floor=opt.get("eta_min", 1e-8),
        ema=config["ema_decay"],
        clip=config["train_cfg"]["clip_grad_l2norm"],
    )


def heads_of(one: Golden, clip: str, told: Outputs) -> dict[str, np.ndarray]:
    """Return what the heads of ends say, by the names of the files."""
    if not isinstance(one.network, TriDet):
        return {"offsets": told.distances[0, :, 0].numpy()}
    rows = int(one.arrays[f"output/{clip}/padded_length"])
    with torch.no_grad():
        pyramid = one.network.pyramid(*one.batch(clip, rows=rows))
        found = {"offsets": one.network.reg_head(pyramid)}
        if one.network.bins is not None:
            found["start_logits"] = one.network.start_head(pyramid)
            found["end_logits"] = one.network.end_head(pyramid)
    return {name: values[0].numpy() for name, values in found.items()}


@every_file
def test_points_answer_as_in_the_public_code(file: Path) -> None:
    one = golden(file)
    for clip in one.clips:
        told = one.predicted(clip)
        expected = {n.rpartition("/")[2]: a for n, a in one.arrays.items() if n.startswith(f"output/{clip}/")}
        at = torch.stack([told.at.rows, told.at.nearest, told.at.furthest, told.at.strides], dim=1)
        np.testing.assert_array_equal(at, expected["points"])
        np.testing.assert_array_equal(told.inside[0], expected["mask"])
        inside = expected["mask"]
        np.testing.assert_allclose(
            told.logits[0].numpy()[inside], expected["cls_logits"][inside], rtol=0, atol=FORWARD
        )
        for name, ours in heads_of(one, clip, told).items():
            np.testing.assert_allclose(ours[inside], expected[name][inside], rtol=0, atol=FORWARD)


Columns = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Bounds, labels and scores."""


def assert_same(ours: Columns, theirs: Columns) -> None:
    """Compare two lists of detections whatever their order."""
    assert len(ours[1]) == len(theirs[1])
    places = [
        np.column_stack([bounds / SECONDS, labels.astype(float), scores / FORWARD])
        for bounds, labels, scores in (ours, theirs)
    ]
    for some, others in (places, places[::-1]):
        apart, _ = KDTree(others).query(some, p=np.inf)
        assert apart.max(initial=0) < 1


def candidates_of(one: Golden, clip: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    test = one.config["test_cfg"]
    how = Candidates(test["pre_nms_thresh"], test["pre_nms_topk"], test["duration_thresh"])
    return candidates(how, one.predicted(clip), torch.ones(1, 1, dtype=torch.bool))


def suppressed(one: Golden, given: Detections) -> Detections:
    """Return what Soft-NMS of these settings leaves, and voting where classes are not told apart."""
    test = one.config["test_cfg"]
    apart = test["multiclass_nms"]
    pooled = given if apart else Detections(given.bounds, np.zeros_like(given.labels), given.scores)
    rows, scores = suppress(
        pooled, lambda tiou, _: np.exp(-(tiou**2) / test["nms_sigma"]), test["min_score"], test["max_seg_num"]
    )
    bounds = given.bounds[rows]
    if not apart:
        shared = np.minimum(bounds[:, None, 1], given.bounds[:, 1])
        shared = np.maximum(shared - np.maximum(bounds[:, None, 0], given.bounds[:, 0]), 0)
        length = np.diff(bounds, axis=1) + np.diff(given.bounds, axis=1)[:, 0]
        tiou = shared / (length - shared)
        weights = (tiou >= test["voting_thresh"]) * given.scores
        weights = weights * tiou if "n_head" in one.config["model"] else weights
        bounds = weights @ given.bounds / weights.sum(axis=1, keepdims=True)
    return Detections(bounds, given.labels[rows], scores)


@every_file
def test_candidates_and_detections_are_those_of_the_public_code(file: Path) -> None:
    one = golden(file)
    for clip in one.clips:
        bounds, labels, scores = candidates_of(one, clip)
        fps, duration, stride, frames = one.arrays[f"input/{clip}/fps_duration_stride_frames"].tolist()
        derived = Derived(np.zeros((1, 1), np.float32), frames / 2 / fps, stride / fps, "the public code")
        raw = localisation.in_seconds(bounds, labels, scores, derived)
        final = suppressed(one, raw)
        for what, ours in (("cand", raw), ("det", final)):
            theirs = tuple(one.arrays[f"output/{clip}/{what}_{n}"] for n in ("segments", "labels", "scores"))
            assert_same((np.clip(ours.bounds, 0, duration), ours.labels, ours.scores), theirs)


def trained_on(one: Golden) -> tuple[torch.Tensor, torch.Tensor, list[tuple[torch.Tensor, torch.Tensor]]]:
    """Return features, which rows are inside, and the truth of the clips that train."""
    names, number = [], 0
    while f"input/train{number}/feats" in one.arrays:
        names.append(f"train{number}")
        number += 1
    truth = [
        tuple(torch.from_numpy(one.arrays[f"input/{name}/{what}"]) for what in ("segments", "labels"))
        for name in names
    ]
    x, inside = one.batch(*names, rows=one.config["model"]["max_seq_len"])
    return x, inside, truth


@every_file
def test_points_answer_for_the_segments_that_the_public_code_gives_them(file: Path) -> None:
    one = golden(file)
    x, inside, truth = trained_on(one)
    with torch.no_grad():
        told = one.network.train()(x, inside)
    wanted = [answers(told.at, *clip, told.logits.shape[2]) for clip in truth]
    classes = torch.stack([clip.classes for clip in wanted])
    np.testing.assert_array_equal(classes, one.arrays["output/train/target_cls"] > 0)
    at = (classes.any(dim=2) & told.inside).nonzero()
    np.testing.assert_array_equal(at, one.arrays["output/train/target_positive_index"])
    distances = torch.stack([clip.distances for clip in wanted])[at[:, 0], at[:, 1]]
    offsets = distances / told.at.strides[at[:, 1], None]
    np.testing.assert_allclose(offsets, one.arrays["output/train/target_positive_offsets"], atol=1e-5)
    mask = told.inside.numpy()
    np.testing.assert_array_equal(mask, one.arrays["output/train/mask"])
    np.testing.assert_allclose(
        told.logits.numpy()[mask], one.arrays["output/train/cls_logits"][mask], rtol=0, atol=FORWARD
    )


@pytest.mark.slow
@every_file
def test_five_steps_are_those_of_the_public_code(file: Path) -> None:
    one = golden(file)
    recipe = replace(recipe_of(one.config), lr=one.config["learning_rate_of_the_steps"])
    x, inside, truth = trained_on(one)
    model, rows = one.network, []
    parameters = dict(model.named_parameters())

    def loss(forward: Any, _batch: Any) -> tuple[torch.Tensor, int]:
        told, how = forward(x, inside), loss_of(one.config)
        classes, distances = point_losses(how, told, truth)
        total = classes + how.distances * distances
        gradients = torch.autograd.grad(total, list(parameters.values()), retain_graph=True)
        norms = [gradient.norm().item() for gradient in gradients]
        rows.append([classes.item(), distances.item(), total.item(), told.positives.item(), norms])
        return total, len(truth)

    optimiser = localisation.optimiser(recipe, model)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))
    average.update_parameters(model)
    step = steps.prepare(model, loss, optimiser, average, recipe.clip, OFF, None)
    per_epoch = one.config["iterations_an_epoch_of_the_steps"]
    rates = []
    for number in range(5):
        epoch, done = divmod(number, per_epoch)
        rates.append(localisation.rate(recipe, per_epoch, epoch + 1, done / per_epoch, []))
        steps.set_rate(optimiser, rates[-1])
        step(None)
    expected = {n.removeprefix("output/"): a for n, a in one.arrays.items()}
    np.testing.assert_allclose(rates, expected["step_lr"], rtol=1e-9)
    for column, name in enumerate(("cls", "reg", "final")):
        values = [row[column] for row in rows]
        np.testing.assert_allclose(values, expected[f"step_{name}_loss"], rtol=LOSS)
    np.testing.assert_allclose([row[3] for row in rows], expected["step_loss_normalizer"], rtol=1e-6)
    totals = [np.linalg.norm(row[4]) for row in rows]
    np.testing.assert_allclose(totals, expected["step_total_grad_norm_before_clip"], rtol=NORM)
    names = one.config["named_parameters"]
    order = [list(parameters).index(name) for name in names]
    norms = np.array(rows[0][4])[order]
    np.testing.assert_allclose(norms, expected["grad_norm_first_step"], rtol=NORM, atol=1e-6)
    averaged = dict(average.module.named_parameters())
    for of, kept in (("param", parameters), ("ema", averaged)):
        norms = [kept[name].detach().norm().item() for name in names]
        np.testing.assert_allclose(norms, expected[f"{of}_norm_after_steps"], rtol=NORM)


@every_file
def test_the_rate_and_the_decay_are_those_of_the_public_code(file: Path) -> None:
    one = golden(file)
    recipe = recipe_of(one.config)
    rates = [
        localisation.rate(recipe, 2, epoch + 1, half / 2, [])
        for epoch in range(recipe.epochs)
        for half in (0, 1)
    ]
    np.testing.assert_allclose(rates, one.arrays["output/lr_schedule_two_iterations_an_epoch"], rtol=1e-9)
    names = {id(weights): name for name, weights in one.network.named_parameters()}
    groups = localisation.optimiser(recipe, one.network).param_groups
    decayed = [names[id(w)] for group in groups if group["weight_decay"] for w in group["params"]]
    assert sorted(decayed) == sorted(one.config["weight_decayed"])
