"""TadTR: a fixed number of queries, each of which answers one segment of a window.

Reference: Liu et al. 2022, End-to-End Temporal Action Detection With Transformer, IEEE TIP 31,
arXiv:2106.10271, and its public code (github.com/xlliu7/TadTR at 983ae14), with the settings for THUMOS14:
network, matching, losses, recipe, and the pairs of query and class that a window keeps. Written afresh from
facts.

Ours are the features, each brought to mean 0 and deviation 1; that a recording longer than a window trains by
windows drawn at random; that where windows meet, the less sure of two detections gives way; that a recording
keeps those of all its windows (the code keeps 200); that the last epoch answers (the code keeps the epoch
with the best test score); and that `padded_regions` is off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from baselines.contract import Sizes
from baselines.engine import localisation
from baselines.engine.matching import bounds, class_cost, class_targets, iou, pair, weigh, within
from baselines.engine.segment_losses import focal
from baselines.inputs.points import Truth
from baselines.parts.deformable import (
    DecoderLayer,
    EncoderLayer,
    Offsets,
    Perceptron,
    logit,
    prior_bias,
    sines,
)
from baselines.parts.regions import align
from baselines.recipes.localisation import Recipe

WIDTH = 256
"""Channels."""
WINDOW, HOP = 128, 96
"""Rows of a window, and from one window to the next when it answers."""
PRIOR = 0.01
"""The score of every class before it has learned."""
FIRST_WIDTH = -2.0
"""The logit of the width of every segment before it has learned: 0.12 of a window."""
BINS, WIDER, GROUPS = 16, 1.5, 32
"""Rows that a region becomes, its length over the segment's, and groups of the input's normalisation."""
COSTS = {"class": 6.0, "bounds": 5.0, "iou": 2.0}
"""Of matching."""
WEIGHTS = {"class": 2.0, "bounds": 5.0, "iou": 2.0, "actionness": 4.0}
"""Of the losses."""
BEST = 100
"""Pairs of query and class that a window keeps."""
SAME = 0.4
"""The IoU from which detections of two windows count as one."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """What Q queries answer after each of L layers; the last layer counts."""

    logits: Float[Tensor, "L B Q C"]
    segments: Float[Tensor, "L B Q 2"]
    """Centre and width, as shares of the window's rows inside."""
    actionness: Float[Tensor, "B Q"]
    """How well the last segment fits any action, 0 to 1."""


@dataclass(frozen=True, eq=False)
class Targets:
    """The true segments of a batch of windows, one window after the other."""

    segments: Float[Tensor, "S 2"]
    """Centre and width, as shares of the window's rows inside."""
    labels: Int64[Tensor, " S"]
    counts: list[int]
    """Segments of each window."""


def places(reference: Float[Tensor, "B Q R"], rows: Int64[Tensor, "B 1 1 1"], offsets: Offsets) -> Offsets:
    """Return the places that queries read, in rows, of windows with so many rows inside.

    With a centre alone (R = 1) the offsets are rows. With a width too (R = 2), an offset as large as the
    number of points is half a width.
    """
    centre = reference[..., 0, None, None] * rows
    if reference.shape[2] == 1:
        return centre + offsets
    return centre + offsets / offsets.shape[3] * (reference[..., 1, None, None] * rows / 2)


class TadTR(nn.Module):
    """Encode the rows, decode the queries, and look once more at the region of each segment.

    `padded_regions` reads those regions as the public code does, which scales them by all rows of a padded
    window and not by those inside.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        *,
        queries: int = 40,
        width: int = WIDTH,
        heads: int = 8,
        points: int = 4,
        hidden: int = 1024,
        encoders: int = 4,
        decoders: int = 4,
        dropout: float = 0.1,
        padded_regions: bool = False,
    ) -> None:
        super().__init__()
        sizes = (width, heads, points, hidden, dropout)
        self.padded_regions = padded_regions
        self.project = nn.Conv1d(features, width, 1)
        self.norm = nn.GroupNorm(GROUPS, width)
        self.level = nn.Parameter(torch.randn(width))
        self.encoder = nn.ModuleList(EncoderLayer(*sizes) for _ in range(encoders))
        self.queries = nn.Embedding(queries, 2 * width)
        self.centres = nn.Linear(width, 1)
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(decoders))
        scores = [nn.Linear(width, classes) for _ in range(decoders)]
        changes = [Perceptron(width, width, 2, 3) for _ in range(decoders)]
        self.scores, self.changes = nn.ModuleList(scores), nn.ModuleList(changes)
        self.actionness = Perceptron(BINS * width, width, 1, 3)
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.xavier_uniform_(self.centres.weight)
        for number in range(decoders):
            nn.init.constant_(scores[number].bias, prior_bias(PRIOR))
            nn.init.zeros_(changes[number].last.weight)
            nn.init.zeros_(changes[number].last.bias)
        nn.init.constant_(changes[0].last.bias[1:], FIRST_WIDTH)

    def forward(self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]) -> Outputs:
        """Return what the queries answer of windows of N rows, the first of which are inside."""
        memory = self.encode(x, inside)
        logits, segments = self.decode(memory, inside)
        return Outputs(logits, segments, self.fit(memory, inside, segments[-1]))

    def encode(self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]) -> Float[Tensor, "B N W"]:
        """Return the memory of all rows; every row reads rows around it."""
        x = self.norm(self.project(x.transpose(1, 2))).transpose(1, 2)
        share = inside.cumsum(dim=1) / (inside.sum(dim=1, keepdim=True) + 1e-6)
        position = sines(2 * math.pi * share, x.shape[2], 10_000.0) + self.level
        middles = torch.arange(x.shape[1], device=x.device)[None, :, None, None] + 0.5
        for layer in self.encoder:
            x = layer(x, position, lambda offsets: middles + offsets, x.shape[1], inside)
        return x

    def decode(
        self, memory: Float[Tensor, "B N W"], inside: Bool[Tensor, "B N"]
    ) -> tuple[Float[Tensor, "L B Q C"], Float[Tensor, "L B Q 2"]]:
        """Return logits and segments after every layer; each moves the segments of the one before."""
        rows = inside.sum(dim=1)[:, None, None, None]
        position, x = (half.expand(len(memory), -1, -1) for half in self.queries.weight.chunk(2, dim=1))
        reference = self.centres(position).sigmoid()  # (B, Q, 1), after the first layer (B, Q, 2)
        logits, segments = [], []
        for layer, scores, change in zip(self.decoder, self.scores, self.changes, strict=True):
            x = layer(x, position, partial(places, reference, rows), memory, inside)
            known = nn.functional.pad(logit(reference), (0, 2 - reference.shape[2]))
            segments.append((change(x) + known).sigmoid())
            logits.append(scores(x))
            reference = segments[-1].detach()
        return torch.stack(logits), torch.stack(segments)

    def fit(
        self, memory: Float[Tensor, "B N W"], inside: Bool[Tensor, "B N"], segments: Float[Tensor, "B Q 2"]
    ) -> Float[Tensor, "B Q"]:
        """Return the actionness of segments, from the rows in and around them."""
        wide = segments.detach() * segments.new_tensor([1.0, WIDER])
        rows = memory.shape[1] if self.padded_regions else inside.sum(dim=1)[:, None, None]
        regions = align(memory, bounds(wide) * rows, BINS).transpose(2, 3)  # (B, Q, W, BINS)
        scores: Tensor = self.actionness(regions.flatten(2))
        return scores.sigmoid()[..., 0]


def window_starts(rows: int) -> list[int]:
    """Return the first row of every window of a recording; the last window ends with it."""
    if rows <= WINDOW:
        return [0]
    return [*range(0, rows - WINDOW, HOP), rows - WINDOW]


class Windows(nn.Module):
    """Let TadTR read all windows of a recording when it answers; in training it gets one window of each."""

    def __init__(self, network: TadTR) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]) -> Outputs:
        """Return the outputs of B windows, or of the W windows of one recording."""
        x = x * inside[..., None]
        if not self.training and x.shape[1] > WINDOW:
            starts = torch.tensor(window_starts(x.shape[1]), device=x.device)
            rows = starts[:, None] + torch.arange(WINDOW, device=x.device)
            x, inside = x[0, rows], inside[0, rows]
        outputs: Outputs = self.network(x, inside)
        return outputs


def cost(
    logits: Float[Tensor, "B Q C"], segments: Float[Tensor, "B Q 2"], targets: Targets
) -> Float[Tensor, "B Q S"]:
    """Return what it costs each query to answer for each segment of the batch."""
    distance = (segments[:, :, None] - targets.segments).abs().sum(dim=-1)
    overlap = iou(bounds(segments)[:, :, None], bounds(targets.segments))
    classes = class_cost(logits, targets.labels)
    return COSTS["class"] * classes + COSTS["bounds"] * distance - COSTS["iou"] * overlap


def losses(outputs: Outputs, targets: Targets) -> dict[str, Float[Tensor, ""]]:
    """Return the losses, not weighed: `<name>_<layer>`, and the actionness of the last layer."""
    result = {}
    count = max(1, len(targets.labels))
    for layer, (logits, segments) in enumerate(zip(outputs.logits, outputs.segments, strict=True)):
        pairs = pair(cost(logits, segments, targets), targets.counts)
        answers, truth = segments[pairs.recording, pairs.query], targets.segments[pairs.target]
        classes = class_targets(logits, pairs, targets.labels)
        result[f"class_{layer}"] = focal(logits, classes).sum() / count
        result[f"bounds_{layer}"] = (answers - truth).abs().sum() / count
        result[f"iou_{layer}"] = (1 - iou(bounds(answers), bounds(truth))).sum() / count
    # as in the public code, a segment of another window of the batch counts too
    best = iou(bounds(outputs.segments[-1].detach())[:, :, None], bounds(targets.segments))
    best = best.amax(dim=2) if len(targets.labels) else torch.zeros_like(outputs.actionness)
    return {**result, "actionness": (outputs.actionness - best).abs().mean()}


def pairs_of_class(
    outputs: Outputs,
) -> tuple[Float[Tensor, "B K"], Int64[Tensor, "B K"], Int64[Tensor, "B K"]]:
    """Return score, query and label of the best pairs of each window, the surest first."""
    scores = outputs.logits[-1].float().sigmoid() * outputs.actionness.float()[..., None]
    classes = scores.shape[2]
    best, index = scores.flatten(1).topk(min(BEST, scores[0].numel()), dim=1)
    return best, index.div(classes, rounding_mode="floor"), index % classes


def loss(outputs: Outputs, inside: Bool[Tensor, "B N"], truth: Sequence[Truth]) -> Float[Tensor, ""]:
    """Return the loss of a batch of windows."""
    rows = inside.sum(dim=1).tolist()
    known = [within(count, one) for count, one in zip(rows, truth, strict=True)]
    shares = [ends / count for count, (ends, _) in zip(rows, known, strict=True)]
    ends = torch.cat(shares).float()
    segments = torch.stack([ends.mean(dim=1), ends[:, 1] - ends[:, 0]], dim=1)
    labels = [one for _, one in known]
    exact = Outputs(outputs.logits.float(), outputs.segments.float(), outputs.actionness.float())
    targets = Targets(segments, torch.cat(labels), [len(one) for one in labels])
    return weigh(losses(exact, targets), WEIGHTS)


def decode(
    outputs: Outputs, inside: Bool[Tensor, "1 N"]
) -> tuple[Float[Tensor, "D 2"], Int64[Tensor, " D"], Float[Tensor, " D"]]:
    """Return bounds in rows, labels and scores of the best pairs of all windows of a recording."""
    scores, queries, labels = pairs_of_class(outputs)
    rows = inside.shape[1]
    starts = torch.tensor(window_starts(rows), device=inside.device)
    ends = bounds(outputs.segments[-1].float()) * min(rows, WINDOW) + starts[:, None, None]
    ends = ends.gather(1, queries[..., None].expand(-1, -1, 2))
    kept = surest(ends, labels, scores, starts.tolist())
    return ends[kept] - 0.5, labels[kept], scores[kept]


def surest(
    ends: Float[Tensor, "W K 2"],
    labels: Int64[Tensor, "W K"],
    scores: Float[Tensor, "W K"],
    starts: list[int],
) -> Bool[Tensor, "W K"]:
    """Return which detections stay: of two windows that share rows, the surer one of each class and place."""
    kept = torch.ones_like(labels, dtype=torch.bool)
    for one, start in enumerate(starts):
        for other in range(one + 1, len(starts)):
            if starts[other] >= start + WINDOW:
                break
            overlap = iou(ends[one][:, None], ends[other]) >= SAME
            same = overlap & (labels[one][:, None] == labels[other])
            surer = scores[one][:, None] >= scores[other]
            kept[one] &= ~(same & ~surer).any(dim=1)
            kept[other] &= ~(same & surer).any(dim=0)
    return kept


def build(recipe: Recipe, sizes: Sizes) -> Windows:
    """Return the network for the features that it needs."""
    ((_, features),) = sizes.features
    width = recipe.width or WIDTH
    return Windows(TadTR(features, sizes.classes[0], width=width, hidden=4 * width))


THUMOS14 = Recipe(
    epochs=16,
    batch=16,
    lr=2e-4,
    decay=1e-4,
    slow=("attention.offsets", "centres"),
    schedule="milestones",
    milestones=(14,),
    ema=None,
    clip=0.1,
    longest=WINDOW,
)
TADTR = localisation.baseline(
    module=__name__,
    name="tadtr",
    title="TadTR",
    description="40 queries read a window by deformable attention, and each answers one segment",
    reference="Liu et al. 2022, End-to-End Temporal Action Detection With Transformer, IEEE TIP 31",
    paper="https://arxiv.org/abs/2106.10271",
    recipe=THUMOS14,
    network=build,
    loss=loss,
    decode=decode,
    final=True,
    nms=False,
    features="baselines.extractors.i3d_files:i3d_files",
    reads=(),
)
TADTR_SMALL = localisation.small(
    TADTR,
    "64 channels in place of 256 (ours)",
    replace(THUMOS14, epochs=60, batch=8, lr=5e-4, milestones=(50,), width=64),
)
