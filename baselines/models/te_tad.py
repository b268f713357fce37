"""TE-TAD: queries in seconds, the more of them the longer a recording is, over a pyramid of all its rows.

Reference: Kim, Lee and Heo 2024, TE-TAD: Towards Full End-to-End Temporal Action Detection via Time-Aligned
Coordinate Expression, CVPR, arXiv:2404.02405, and its public code (github.com/Dotori-HJ/TE-TAD at 74eda3b),
with the settings for THUMOS14. Written afresh from facts.

That code does not run: it hands its transformer one argument too many. Here is what it computes without that
argument: with positions that are the level alone, fixed proposals, and queries outside a recording that are
kept neither from attention nor from matching. Ours are the features, each brought to mean 0 and deviation 1;
that time is counted as if four rows were a second, and that a proposal of the finest level lasts 0.75 s at
any frame rate (the code has 0.025 s times the frame rate); that the last epoch answers (the code keeps the
epoch with the best test score); and that no NMS follows.
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
from baselines.engine.matching import bounds, class_cost, class_targets, distance_iou, pair, weigh, within
from baselines.engine.segment_losses import focal
from baselines.inputs.points import Truth
from baselines.parts.deformable import DecoderLayer, EncoderLayer, Offsets, Perceptron, prior_bias, sines
from baselines.parts.masked import ChannelNorm, MaskedConv1d
from baselines.recipes.localisation import Recipe

PRIOR = 0.01
"""The score of every class before it has learned."""
WIDTH = 256
"""Channels."""
CHUNK = 128
"""Rows of the finest level that share a number of queries."""
MOST = 3000
"""Queries of a recording."""
SHORTEST = 0.75
"""Seconds that a proposal of the finest level lasts; each level doubles it."""
WAVES = 1000.0
"""The longest wave that encodes seconds, over the shortest."""
STEP = 0.25
"""Seconds from row to row, as time is counted here."""
LEAST_SCORE, LEAST_SECONDS = 0.001, 0.05
"""Detections with a lower score, or shorter ones, are left out."""
COSTS = {"class": 5.0, "width": 2.0, "iou": 2.0}
"""Of matching; proposals are matched without their class."""
WEIGHTS = {"class": 2.0, "width": 2.0, "iou": 2.0}
"""Of the losses."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What Q queries answer, or Q proposals, which score "any action" instead of classes."""

    logits: Float[Tensor, "B Q C"]
    segments: Float[Tensor, "B Q 2"]
    """Centre in seconds, and logarithm of the width in seconds."""
    inside: Bool[Tensor, "B Q"]
    """Whether the proposal that it began at lies inside its recording."""


@dataclass(frozen=True, eq=False)
class Targets:
    """The true segments of a batch, one recording after the other."""

    bounds: Float[Tensor, "S 2"]
    """Seconds."""
    labels: Int64[Tensor, " S"]
    counts: list[int]
    """Segments of each recording."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The P rows of all levels, the finest level first."""

    seconds: Float[Tensor, "B P"]
    """The middle of each row."""
    inside: Bool[Tensor, "B P"]
    lengths: list[int]
    """Rows of each level."""

    def by_level(self, values: Tensor) -> Tensor:
        """Return the value of its level, of the first axis, for every row."""
        return values.repeat_interleave(torch.tensor(self.lengths, device=values.device), dim=0)


def places(
    centres: Float[Tensor, "B Q"],
    rate: Float[Tensor, " B"],
    widths: Float[Tensor, "B Q"] | None,
    offsets: Offsets,
) -> Offsets:
    """Return the places that queries read, in rows of the finest level; `rate` is rows a second.

    Without widths the offsets are rows; with them, half the number of all heads' points is one width.
    """
    rows = rate[:, None, None, None]
    centre = centres[..., None, None] * rows
    if widths is None:
        return centre + offsets
    return centre + offsets / (offsets.shape[2] * offsets.shape[3] // 2) * widths[..., None, None] * rows


def pick(values: Float[Tensor, "*N P 2"], index: Int64[Tensor, "*N Q"]) -> Float[Tensor, "*N Q 2"]:
    """Return the values at an index of the axis before the last."""
    return values.gather(-2, index[..., None].expand(*index.shape, values.shape[-1]))


class TETAD(nn.Module):
    """Build a pyramid, encode all its rows, take the best as proposals, and decode those."""

    def __init__(
        self,
        features: int,
        classes: int,
        *,
        queries: int = 50,
        levels: int = 8,
        width: int = WIDTH,
        heads: int = 8,
        points: int = 4,
        hidden: int = 2048,
        encoders: int = 4,
        decoders: int = 6,
        shortest: float = SHORTEST,
    ) -> None:
        super().__init__()
        sizes = (width, heads, points, hidden, 0.0)
        self.queries, self.shortest = queries, shortest
        first = MaskedConv1d(features, width, 3, bias=False)
        shorter = (MaskedConv1d(width, width, 3, stride=2) for _ in range(levels - 1))
        self.convolutions = nn.ModuleList([first, *shorter])
        self.norms = nn.ModuleList(ChannelNorm(width) for _ in range(levels))
        self.level = nn.Parameter(torch.randn(levels, width))
        self.encoder = nn.ModuleList(EncoderLayer(*sizes) for _ in range(encoders))
        self.propose = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width))
        self.any_action = nn.Linear(width, 1)
        self.position = Perceptron(2 * width, width, width, 2)
        self.position_scale = Perceptron(width, width, width, 2)
        self.decoder = nn.ModuleList(DecoderLayer(*sizes) for _ in range(decoders))
        scores = [Perceptron(width, width, classes, 3) for _ in range(decoders)]
        changes = [Perceptron(width, width, 2, 3) for _ in range(decoders)]
        self.scores, self.changes = nn.ModuleList(scores), nn.ModuleList(changes)
        # no one reads these two layers, here and in the public code: they count in its number of parameters
        self.unread = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width))
        for last in (self.any_action, *(perceptron.last for perceptron in scores)):
            nn.init.constant_(last.bias, prior_bias(PRIOR))
        for change in changes:
            nn.init.zeros_(change.last.weight)
            nn.init.zeros_(change.last.bias)

    def pyramid(
        self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"], step: Float[Tensor, " B"]
    ) -> tuple[Float[Tensor, "B P W"], Grid]:
        """Return the rows of all levels, each half as many as the one before, and where they are.

        The rows of a level that are inside share the recording's length evenly.
        """
        length = inside.sum(dim=1) * step
        y, known, levels, masks, seconds = x.transpose(1, 2), inside[:, None], [], [], []
        for number, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            y, known = convolution(y, known)
            y, inside = norm(y), known[:, 0]
            middle = torch.arange(y.shape[2], device=x.device) + 0.5
            even = middle * (length / inside.sum(dim=1))[:, None]
            seconds.append(torch.where(inside, even, middle * step[:, None] * 2**number))
            levels.append(y.transpose(1, 2))
            masks.append(inside)
        lengths = [level.shape[1] for level in levels]
        return torch.cat(levels, dim=1), Grid(torch.cat(seconds, dim=1), torch.cat(masks, dim=1), lengths)

    def encode(
        self, x: Float[Tensor, "B P W"], grid: Grid, rate: Float[Tensor, " B"]
    ) -> Float[Tensor, "B P W"]:
        """Return the memory of all rows; every row reads the finest level around its middle."""
        finest, position = grid.lengths[0], grid.by_level(self.level)[None]
        place = partial(places, grid.seconds, rate, None)
        for layer in self.encoder:
            x = layer(x, position, place, finest, grid.inside[:, :finest])
        return x

    def proposals(self, memory: Float[Tensor, "B P W"], grid: Grid) -> Answers:
        """Return whether any action is around each row; the segments are fixed."""
        logits = self.any_action(self.propose(memory * grid.inside[..., None]))
        widths = [math.log(self.shortest * 2**number) for number, _ in enumerate(grid.lengths)]
        width = grid.by_level(grid.seconds.new_tensor(widths)).expand_as(grid.seconds)
        return Answers(logits, torch.stack([grid.seconds, width], dim=-1), grid.inside)

    def best(self, proposals: Answers, grid: Grid) -> tuple[Float[Tensor, "B Q 2"], Bool[Tensor, "B Q"]]:
        """Return the proposals that the queries begin at, and which of them are inside.

        Every chunk of the recording, with its rows of all levels, gives equally many; in training half as
        many as later.
        """
        chunks = max(grid.lengths[0] // CHUNK, 1)

        def by_chunk(values: Float[Tensor, "B P ..."]) -> Float[Tensor, "B chunks _ ..."]:
            levels = torch.split(values, grid.lengths, dim=1)
            return torch.cat([torch.unflatten(level, 1, (chunks, -1)) for level in levels], dim=2)

        scores = by_chunk(proposals.logits[..., 0].masked_fill(~proposals.inside, -math.inf))
        count = min(self.queries if self.training else 2 * self.queries, scores.shape[2])
        scores, index = scores.topk(count, dim=2)
        scores, segments = scores.flatten(1), pick(by_chunk(proposals.segments), index).flatten(1, 2)
        if scores.shape[1] > MOST:
            scores, index = scores.topk(MOST, dim=1)
            segments = pick(segments, index)
        return segments.detach(), scores > -math.inf

    def decode(
        self,
        segments: Float[Tensor, "B Q 2"],
        memory: Float[Tensor, "B N W"],
        inside: Bool[Tensor, "B N"],
        rate: Float[Tensor, " B"],
    ) -> list[tuple[Float[Tensor, "B Q C"], Float[Tensor, "B Q 2"]]]:
        """Return logits and segments after every layer, from the memory of the finest level."""
        width, result = memory.shape[2], []
        x = memory.new_zeros(*segments.shape[:2], width)
        for layer, scores, change in zip(self.decoder, self.scores, self.changes, strict=True):
            centres, widths = segments[..., 0], segments[..., 1].exp()
            waves = [sines(2 * math.pi * value, width, WAVES) for value in (centres, widths)]
            position = self.position(torch.cat(waves, dim=-1)) * self.position_scale(x)
            x = layer(x, position, partial(places, centres, rate, widths), memory, inside)
            by_width = torch.stack([widths, torch.ones_like(widths)], dim=-1)
            moved = segments + change(x) * by_width
            result.append((scores(x), moved))
            segments = moved.detach()
        return result

    def forward(
        self,
        x: Float[Tensor, "B N F"],
        inside: Bool[Tensor, "B N"],
        step: Float[Tensor, " B"],
        duration: Float[Tensor, " B"] | None = None,
    ) -> list[Answers]:
        """Return what the queries answer after each layer and, last, what the proposals answer.

        `step` is the seconds from row to row. N is a multiple of 2 to the number of levels less one and, from
        two chunks on, of a chunk. All rows inside last `duration` seconds: their number times the step, if
        None.
        """
        length = inside.sum(dim=1)
        rate = length / (length * step if duration is None else duration)
        rows, grid = self.pyramid(x, inside, step)
        memory = self.encode(rows, grid, rate)
        proposals = self.proposals(memory, grid)
        segments, known = self.best(proposals, grid)
        finest = grid.lengths[0]
        decoded = self.decode(segments, memory[:, :finest], grid.inside[:, :finest], rate)
        return [*(Answers(*layer, known) for layer in decoded), proposals]


def in_seconds(segments: Float[Tensor, "*N 2"]) -> Float[Tensor, "*N 2"]:
    """Turn centre and logarithm of the width into start and end."""
    return bounds(torch.stack([segments[..., 0], segments[..., 1].exp()], dim=-1))


def log_width(ends: Float[Tensor, "*N 2"]) -> Float[Tensor, "*N"]:
    """Return the logarithm of the width of segments by start and end."""
    return (ends[..., 1] - ends[..., 0]).log()


def smooth(error: Float[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    """Return half the square of small errors, and the size of large ones less a half."""
    return nn.functional.smooth_l1_loss(error, torch.zeros_like(error), reduction="none")


def cost(answers: Answers, targets: Targets, *, classes: bool) -> Float[Tensor, "B Q S"]:
    """Return what it costs each query to answer for each segment of the batch."""
    width = smooth(answers.segments[..., 1:] - log_width(targets.bounds))
    overlap = distance_iou(in_seconds(answers.segments)[:, :, None], targets.bounds)
    result = COSTS["width"] * width - COSTS["iou"] * overlap
    return result + COSTS["class"] * class_cost(answers.logits, targets.labels) if classes else result


def class_loss(answers: Answers, classes: Float[Tensor, "B Q C"]) -> Float[Tensor, ""]:
    """Return the focal loss of the queries inside.

    As in the public code: the mean of each recording's queries, summed, times the mean number of queries.
    """
    count = answers.inside.sum(dim=1)
    each = focal(answers.logits, classes).sum(dim=2) * answers.inside
    return (each.sum(dim=1) / count.clamp(min=1)).sum() * count.float().mean()


def losses(outputs: Sequence[Answers], targets: Targets) -> dict[str, Float[Tensor, ""]]:
    """Return the losses, not weighed: `<name>_<layer>`, those of the proposals as the last layer."""
    result = {}
    count = max(1, len(targets.labels))
    for layer, answers in enumerate(outputs):
        is_last = layer == len(outputs) - 1
        labels = torch.zeros_like(targets.labels) if is_last else targets.labels
        pairs = pair(cost(answers, targets, classes=not is_last), targets.counts)
        segments, truth = answers.segments[pairs.recording, pairs.query], targets.bounds[pairs.target]
        result[f"class_{layer}"] = class_loss(answers, class_targets(answers.logits, pairs, labels)) / count
        wider = segments[..., 1] - log_width(truth)
        result[f"width_{layer}"] = (
            nn.functional.smooth_l1_loss(wider, torch.zeros_like(wider), reduction="sum") / count
        )
        result[f"iou_{layer}"] = (1 - distance_iou(in_seconds(segments), truth)).sum() / count
    return result


class EverySecond(nn.Module):
    """Let TE-TAD read rows that are `STEP` seconds apart; in training noise is added to them."""

    def __init__(self, network: TETAD, noise: float) -> None:
        super().__init__()
        self.network, self.noise = network, noise

    def forward(self, x: Float[Tensor, "B N F"], inside: Bool[Tensor, "B N"]) -> list[Answers]:
        """Return what the queries answer after each layer and, last, what the proposals answer."""
        if self.training and self.noise:
            x = x + self.noise * torch.randn_like(x)
        answers: list[Answers] = self.network(x * inside[..., None], inside, x.new_full(x.shape[:1], STEP))
        return answers


def loss(
    outputs: Sequence[Answers], inside: Bool[Tensor, "B N"], truth: Sequence[Truth]
) -> Float[Tensor, ""]:
    """Return the loss of a batch of recordings."""
    known = [within(count, one) for count, one in zip(inside.sum(dim=1).tolist(), truth, strict=True)]
    labels = [one for _, one in known]
    exact = [Answers(one.logits.float(), one.segments.float(), one.inside) for one in outputs]
    ends = torch.cat([one * STEP for one, _ in known]).float()
    targets = Targets(ends, torch.cat(labels), [len(one) for one in labels])
    return weigh(losses(exact, targets), WEIGHTS)


def decode(
    outputs: Sequence[Answers], inside: Bool[Tensor, "1 N"]
) -> tuple[Float[Tensor, "D 2"], Int64[Tensor, " D"], Float[Tensor, " D"]]:
    """Return bounds in rows, labels and scores: every query answers the segment of its best class."""
    ends, labels, scores = detections(outputs[-2], float(inside.sum()) * STEP)
    return ends / STEP - 0.5, labels, scores


def detections(
    answers: Answers, duration: float, number: int = 0
) -> tuple[Float[Tensor, "D 2"], Int64[Tensor, " D"], Float[Tensor, " D"]]:
    """Return bounds in seconds, labels and scores for one recording, cut to its duration."""
    scores, labels = answers.logits[number].float().sigmoid().max(dim=1)
    ends = in_seconds(answers.segments[number].float()).clamp(0, duration)
    kept = (ends[:, 1] - ends[:, 0] > LEAST_SECONDS) & (scores > LEAST_SCORE)
    return ends[kept], labels[kept], scores[kept]


def build(recipe: Recipe, sizes: Sizes) -> EverySecond:
    """Return the network for the features that it needs; as many levels as rows can be halved."""
    ((_, features),) = sizes.features
    width, levels = recipe.width or WIDTH, recipe.multiple.bit_length() - 1
    network = TETAD(features, sizes.classes[0], width=width, hidden=8 * width, levels=levels)
    return EverySecond(network, recipe.noise)


THUMOS14 = Recipe(
    epochs=200,
    batch=8,
    lr=1e-4,
    slow=("attention.offsets",),
    schedule="milestones",
    milestones=(190,),
    clip=0.1,
    noise=0.25,
    longest=2304,
    multiple=256,
)
SHORT = replace(THUMOS14, epochs=40, lr=5e-4, milestones=(34,), ema=0.99, noise=0.1)
TE_TAD = localisation.baseline(
    module=__name__,
    name="te_tad",
    title="TE-TAD",
    description="the best rows of a pyramid become queries in seconds, and each answers one segment",
    reference="Kim, Lee and Heo 2024, TE-TAD, CVPR; the public code does not run as it is: this is what it"
    " computes without one argument too many",
    paper="https://arxiv.org/abs/2404.02405",
    recipe=THUMOS14,
    network=build,
    loss=loss,
    decode=decode,
    final=True,
    nms=False,
    features="baselines.extractors.i3d_files:i3d_files",
    reads=(),
)
TE_TAD_SMALL = localisation.small(
    TE_TAD,
    "64 channels in place of 256, five levels in place of eight (ours)",
    replace(SHORT, longest=256, overlap=0.5, multiple=32, width=64),
)
