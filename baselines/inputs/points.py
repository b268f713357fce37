"""Points in time from which segments are told: which segment each point answers for, and back.

Rows of features are the unit of time. A point at row t with the distances (a, b) means the segment
`[t - a, t + b]`.

Reference: Tian et al. 2019, FCOS, arXiv:1904.01355, and Zhang, Wu and Li 2022, ActionFormer,
arXiv:2202.07925, whose rule for the points that answer for a segment this is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

RADIUS = 1.5
"""Strides around the centre of a segment within which points answer for it."""
SAME_LENGTH = 1e-3
"""Rows by which segments may differ and still count as equally long."""

Truth = tuple[Float[Tensor, "_ 2"], Int64[Tensor, " _"]]
"""Of one recording: the bounds of its segments in rows, and their labels."""


@dataclass(frozen=True)
class Level:
    """Points at every `stride`-th row, for segments whose ends are so far away."""

    stride: int
    nearest: float
    """Of the larger of the two distances, in rows; included."""
    furthest: float
    """Included; `math.inf` where there is no limit."""


@dataclass(frozen=True, eq=False)
class Points:
    """P points of all levels, level after level."""

    rows: Float32[Tensor, " P"]
    strides: Float32[Tensor, " P"]
    nearest: Float32[Tensor, " P"]
    furthest: Float32[Tensor, " P"]


@dataclass(frozen=True, eq=False)
class Answers:
    """What P points should say of the segments around them."""

    classes: Bool[Tensor, "P C"]
    """All False where a point answers for none."""
    distances: Float32[Tensor, "P 2"]
    """Rows to the start and to the end; 0 where a point answers for none."""


def points(levels: Sequence[Level], rows: int, device: torch.device) -> Points:
    """Return the points of so many rows."""
    places = [torch.arange(0, rows, level.stride, device=device) for level in levels]

    def of_each(values: Sequence[float]) -> Float32[Tensor, " P"]:
        pairs = zip(values, places, strict=True)
        return torch.cat([torch.full(place.shape, value, device=device) for value, place in pairs])

    return Points(
        torch.cat(places).float(),
        of_each([float(level.stride) for level in levels]),
        of_each([level.nearest for level in levels]),
        of_each([level.furthest for level in levels]),
    )


def answers(at: Points, bounds: Float[Tensor, "S 2"], labels: Int64[Tensor, " S"], classes: int) -> Answers:
    """Return what each point should say of S segments, whose bounds are rows.

    A point answers for a segment that it lies inside, near to the centre, and whose further end is within the
    limits of its level; of several, for the shortest. It shows the classes of all that are equally short.
    """
    count = len(at.rows)
    if not len(bounds):
        return Answers(
            torch.zeros(count, classes, dtype=torch.bool, device=at.rows.device),
            torch.zeros(count, 2, device=at.rows.device),
        )
    rows, length = at.rows[:, None], bounds[:, 1] - bounds[:, 0]  # (P, 1), (S,)
    distances = torch.stack([rows - bounds[:, 0], bounds[:, 1] - rows], dim=2).float()  # (P, S, 2)
    further, nearer = distances.amax(dim=2), distances.amin(dim=2)
    central = (rows - bounds.mean(dim=1)).abs() < RADIUS * at.strides[:, None]
    fits = (further >= at.nearest[:, None]) & (further <= at.furthest[:, None])
    cost = torch.where((nearer > 0) & central & fits, length.float(), torch.inf)  # (P, S)
    shortest, chosen = cost.min(dim=1)
    known = shortest.isfinite()
    shown = cost <= shortest[:, None] + SAME_LENGTH
    one_hot = torch.nn.functional.one_hot(labels, classes).float()  # (S, C)
    truth = (shown & known[:, None]).float() @ one_hot > 0
    picked = distances[torch.arange(count, device=rows.device), chosen]
    return Answers(truth, torch.where(known[:, None], picked, 0.0))


def segments(rows: Float[Tensor, " P"], distances: Float[Tensor, "... P 2"]) -> Float[Tensor, "... P 2"]:
    """Return the bounds, in rows, that points tell by their distances."""
    return torch.stack([rows - distances[..., 0], rows + distances[..., 1]], dim=-1)
