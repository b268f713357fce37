"""Average precision and the area under the ROC curve of one class, for many rows of weights at once.

Both have two ways to the same numbers, matrix products or frame by frame, and the estimated cost chooses:
`bench.metrics.ranking` says what is computed and why it is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from bench.metrics.kernels.pooling import UNTHREADED

PIECE = 2**17
"""Numbers per temporary array, 1 MiB: small enough for the cache, large enough for fast products."""
BLOCK = 32
"""Rows of one product."""
PRODUCT, TALLY, STEP, FRAME = 0.07, 8.0, 2.0, 4.0
"""Nanoseconds, as measured: of one multiply-add in the products, of tallying one count for them, of dividing
and summing one threshold in one row, of weighting and accumulating one frame in one row. They choose the
way, never the value."""
TINY = np.finfo(np.float64).tiny
"""Stands in for 0 frames, so that 0/0 is precision 0; it then has weight 0, for want of positives."""


@dataclass(frozen=True, eq=False)
class Steps:
    """One class of all spans in falling order of score, and the thresholds that hold a positive frame."""

    span: Int[np.ndarray, " T"]
    """Which span each frame is of."""
    hit: Bool[np.ndarray, " T"]
    """Whether the truth has the class in that frame."""
    start: Int[np.ndarray, " P"]
    """First place of each threshold's frames; the frames before it score higher."""
    stop: Int[np.ndarray, " P"]
    """One past the last place of each threshold's frames."""
    hits: Int[np.ndarray, " P"]
    """How many positive frames lie before `stop`."""


def rank(scores: Float[np.ndarray, " T"], span: Int[np.ndarray, " T"], hit: Bool[np.ndarray, " T"]) -> Steps:
    """Put the frames of one class in falling order of score: the class's score, span and truth of each."""
    order = np.argsort(-scores)
    falling, span, hit = scores[order], span[order], hit[order]
    stop = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: len(falling)]) + 1
    hits = np.cumsum(hit)[stop - 1]
    start = np.append(0, stop)[: len(stop)]
    holds = np.diff(hits, prepend=0) > 0
    return Steps(span, hit, start[holds], stop[holds], hits[holds])


def average_precision(steps: Steps, weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, " R"]:
    """Return the average precision under each row of weights; NaN without a positive frame."""
    rows, spans = weights.shape
    columns = np.ascontiguousarray(weights.T)
    positives = np.bincount(steps.span[steps.hit], minlength=spans) @ columns
    by_products = len(steps.stop) * (rows * (spans * PRODUCT + STEP) + spans * TALLY)
    by_frames = rows * (len(steps.hit) * FRAME + len(steps.stop) * 3 * STEP)
    summed = precision_by_products if by_products < by_frames else precision_by_frames
    return np.divide(summed(steps, columns), positives, out=np.full(rows, np.nan), where=positives > 0)


def precision_by_products(steps: Steps, columns: Float[np.ndarray, "N R"]) -> Float[np.ndarray, " R"]:
    """Sum, over the positive frames, weight times the precision at their threshold: as matrix products."""
    spans, rows = columns.shape
    summed = np.zeros(rows)
    width = max(1, UNTHREADED // (BLOCK * spans))
    parts = [slice(low, low + width) for low in range(0, rows, width)]
    blocks = [np.ascontiguousarray(columns[:, part]) for part in parts]
    size = max(1, PIECE // (BLOCK * max(spans, min(rows, width)))) * BLOCK
    last = np.zeros((1, rows))
    hits_above = _above(steps.span[steps.hit], steps.hits, spans, size)
    frames_above = _above(steps.span, steps.stop, spans, size)
    memory = np.empty((3, size, blocks[0].shape[1]))  # written over: fresh memory costs more than the sums
    for hits, frames in zip(hits_above, frames_above, strict=True):
        for part, block in zip(parts, blocks, strict=True):
            hits_in, frames_in, gained = memory[:, : len(hits), : block.shape[1]]
            _times(hits, block, hits_in)  # (thresholds, R)
            _times(frames, block, frames_in)
            np.subtract(hits_in[:1], last[:, part], out=gained[:1])
            np.subtract(hits_in[1:], hits_in[:-1], out=gained[1:])
            last[:, part] = hits_in[-1:]
            if not frames_in[0].all():  # weighted counts only grow, so the first threshold decides for all
                np.maximum(frames_in, TINY, out=frames_in)
            summed[part] += np.einsum("pr,pr->r", gained, np.divide(hits_in, frames_in, out=hits_in))
    return summed


def _times(
    above: Float[np.ndarray, "P N"], block: Float[np.ndarray, "N R"], out: Float[np.ndarray, "P R"]
) -> Float[np.ndarray, "P R"]:
    """Multiply in blocks of rows: each product is below the size at which OpenBLAS starts threads."""
    for low in range(0, len(above), BLOCK):
        np.matmul(above[low : low + BLOCK], block, out=out[low : low + BLOCK])
    return out


def precision_by_frames(steps: Steps, columns: Float[np.ndarray, "N R"]) -> Float[np.ndarray, " R"]:
    """Sum the same by weighting every frame and accumulating down the ranking, all rows side by side."""
    rows = columns.shape[1]
    size = max(16, PIECE // rows)
    summed = np.zeros(rows)
    hits_last, hits_carry, frames_carry = np.zeros((3, 1, rows))
    before = 0  # positive frames in earlier pieces
    for low in range(0, steps.stop[-1] if len(steps.stop) else 0, size):
        weight, hit = columns[steps.span[low : low + size]], steps.hit[low : low + size]
        hits_above = np.cumsum(np.concatenate([hits_carry, weight[hit]]), axis=0)
        weight[:1] += frames_carry
        frames_above = np.cumsum(weight, axis=0, out=weight)
        ends = slice(*np.searchsorted(steps.stop, [low, low + len(hit)], side="right"))
        hits = np.concatenate([hits_last, hits_above[steps.hits[ends] - before]])
        frames = frames_above[steps.stop[ends] - low - 1]
        summed += np.einsum("pr,pr->r", np.diff(hits, axis=0), hits[1:] / np.maximum(frames, TINY))
        hits_last, hits_carry, frames_carry = hits[-1:], hits_above[-1:], frames_above[-1:].copy()
        before += int(np.count_nonzero(hit))
    return summed


def auroc(steps: Steps, weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, " R"]:
    """Return the area under the ROC curve under each row; NaN where either sort of frame is absent."""
    rows, spans = weights.shape
    positives = weights @ np.bincount(steps.span[steps.hit], minlength=spans)
    negatives = weights @ np.bincount(steps.span[~steps.hit], minlength=spans)
    pairs = positives * negatives
    by_products = len(steps.stop) * spans * (spans * PRODUCT + TALLY) + rows * spans**2 * PRODUCT
    by_frames = len(steps.hit) * rows * FRAME
    wrong = (wrong_by_products if by_products < by_frames else wrong_by_frames)(steps, weights)
    return 1 - np.divide(wrong, pairs, out=np.full(rows, np.nan), where=pairs > 0)


def wrong_by_products(steps: Steps, weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, " R"]:
    """Weigh the pairs (positive, negative) in wrong order, a tie as half: a quadratic form of the weights."""
    spans = weights.shape[1]
    size = max(BLOCK, UNTHREADED // (BLOCK * spans))
    negative = steps.span[~steps.hit]
    wrong, product = np.zeros((2, spans, spans))  # positives of one span below negatives of the other
    last = np.zeros((1, spans))
    hits_above = _above(steps.span[steps.hit], steps.hits, spans, size)
    at_or_above = _above(negative, steps.stop - steps.hits, spans, size)
    above = _above(negative, steps.start - np.append(0, steps.hits)[: len(steps.start)], spans, size)
    for hits, low, high in zip(hits_above, at_or_above, above, strict=True):
        wrong += _times(np.diff(hits, axis=0, prepend=last).T, (low + high) / 2, product)
        last = hits[-1:]
    return np.einsum("rn,rn->r", _times(weights, wrong, np.empty_like(weights)), weights)


def wrong_by_frames(steps: Steps, weights: Float[np.ndarray, "R N"]) -> Float[np.ndarray, " R"]:
    """Weigh the same pairs row by row, accumulating the negatives down the ranking."""
    wrong = np.zeros(len(weights))
    for r, row in enumerate(weights):
        weight = row[steps.span]
        hits = np.append(0.0, np.cumsum(np.where(steps.hit, weight, 0.0)))
        others = np.append(0.0, np.cumsum(np.where(steps.hit, 0.0, weight)))
        wrong[r] = (hits[steps.stop] - hits[steps.start]) @ (others[steps.start] + others[steps.stop]) / 2
    return wrong


def _above(
    span: Int[np.ndarray, " F"], places: Int[np.ndarray, " P"], spans: int, size: int
) -> Iterator[Float[np.ndarray, "_ N"]]:
    """Yield, for `size` rising places at a time, how many of the frames before each are of each span."""
    carry = np.zeros((1, spans))
    low = 0
    for a in range(0, len(places), size):
        piece = places[a : a + size]
        step = np.repeat(np.arange(len(piece)), np.diff(piece, prepend=low))
        counts = np.bincount(step * spans + span[low : piece[-1]], minlength=len(piece) * spans)
        cumulative = np.cumsum(counts.reshape(-1, spans), axis=0) + carry
        yield cumulative
        carry, low = cumulative[-1:], piece[-1]
