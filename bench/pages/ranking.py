"""Rankings: which entries of a task can be compared, in which order they stand, and who stands apart. Pure.

Entries stand by value. Their ranks are ranges, because a value depends on the recordings tested
(`bench.metrics.sampling.ranks`). A result that does not hold its values without each group is in no test:
nobody surely stands above or below it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from bench.metrics.sampling.ranks import stand_apart
from bench.pages.facts import BEST_AT_ZERO
from bench.results import Result, Score


@dataclass(frozen=True)
class Terms:
    """What two numbers must share to stand in one ranking."""

    metrics_version: int
    ranking_metric: str
    protocol: str
    classes: tuple[str, ...]
    background: str
    parts: tuple[str, ...]
    split: str
    truth: str

    def differences(self, other: Terms) -> list[str]:
        """Say, one per term, what differs from `other`."""
        mine, theirs = asdict(self), asdict(other)
        return [
            f"{name.replace('_', ' ')} {_short(mine[name])}, not {_short(theirs[name])}"
            for name in mine
            if mine[name] != theirs[name]
        ]


@dataclass(frozen=True)
class Ranks:
    """Which ranks an entry may have."""

    first: int
    last: int
    tested: bool
    """Whether its result holds what a test needs; else nobody surely stands above or below it."""


@dataclass(frozen=True)
class Row:
    """One entry of a ranking; neither place nor ranks where its value is undefined."""

    place: int | None
    """By value alone, from 1 on; equal values share one."""
    ranks: Ranks | None
    result: Result
    group: int | None = None
    """From 1 on: entries that the best of the group does not surely stand above; None where not ranked."""

    @property
    def score(self) -> Score | None:
        """The score that ranks; None where the entry was not scored by that metric."""
        return ranking_score(self.result)


@dataclass(frozen=True)
class Ranking:
    """Entries whose numbers can be compared, best first."""

    terms: Terms
    differences: tuple[str, ...]
    """What differs from the first ranking of the task; empty for the first."""
    metrics: tuple[Mapping[str, Any], ...]
    """Every metric that an entry here was scored by; the first ranks."""
    rows: tuple[Row, ...]
    apart: float
    """Tested entries stand apart where their values differ by more; infinite where none can."""

    @property
    def tested(self) -> int:
        """How many entries were tested against each other."""
        return sum(row.ranks is not None and row.ranks.tested for row in self.rows)

    @property
    def best(self) -> Result:
        """The best entry."""
        return self.rows[0].result

    @property
    def rivals(self) -> int:
        """How many entries may be the best beside the first."""
        return sum(row.ranks is not None and row.ranks.first == 1 for row in self.rows[1:])

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that have values of their own under the ranking metric, in the task's order."""
        names = {name for row in self.rows if row.score for name in row.score.per_class}
        return tuple(name for name in self.terms.classes if name in names)


def rank(results: Sequence[Result]) -> tuple[Ranking, ...]:
    """Return the rankings of one task's results, the one that counts first."""
    groups: dict[Terms, list[Result]] = {}
    for result in sorted(results, key=lambda result: result.entry["id"]):
        groups.setdefault(terms(result), []).append(result)
    order = sorted(groups, key=lambda key: (-key.metrics_version, -len(groups[key]), repr(key)))
    return tuple(_ranking(key, groups[key], order[0]) for key in order)


def terms(result: Result) -> Terms:
    """Return what a result's numbers share with those that they can be compared with."""
    task = result.task
    return Terms(
        metrics_version=result.metrics_version,
        ranking_metric=task["metrics"][0]["name"],
        protocol=task["protocol"]["name"],
        classes=tuple(task["classes"]),
        background=task["background"] or "none",
        parts=tuple(part["name"] for part in task["parts"]),
        split=result.split_digest,
        truth=result.truth_digest,
    )


def ranking_score(result: Result) -> Score | None:
    """Return the score that ranks; None where the entry was not scored by that metric."""
    return result.scores.get(result.task["metrics"][0]["name"])


def _ranking(key: Terms, results: Sequence[Result], first: Terms) -> Ranking:
    metrics = {metric["name"]: metric for result in results for metric in result.task["metrics"]}
    card = metrics[key.ranking_metric]

    def merit(result: Result) -> float:
        score = ranking_score(result)
        if score is None or math.isnan(score.value):
            return -math.inf
        return float(_merits(card, np.array([score.value]))[0])

    ordered = sorted(results, key=merit, reverse=True)  # stable: equal values stay in the order of entry ids
    merits = [merit(result) for result in ordered]
    ranked = [result for result, value in zip(ordered, merits, strict=True) if value > -math.inf]
    ranks, groups, apart = _ranks(card, ranked)
    rows = [
        Row(1 + merits.index(merit(result)), own, result, group)
        for own, result, group in zip(ranks, ranked, groups, strict=True)
    ]
    rows += [Row(None, None, result) for result in ordered[len(ranked) :]]
    return Ranking(key, tuple(key.differences(first)), tuple(metrics.values()), tuple(rows), apart)


def _merits(card: Mapping[str, Any], values: Float[np.ndarray, "*_"]) -> Float[np.ndarray, "*_"]:
    """Return numbers that rise as values get better."""
    if card["name"] in BEST_AT_ZERO:
        return np.asarray(-np.abs(values))
    return values if card["higher_is_better"] else -values


def _ranks(card: Mapping[str, Any], ranked: Sequence[Result]) -> tuple[list[Ranks], list[int], float]:
    """Return ranks and groups of entries whose values are defined, and what tested entries must differ by."""
    tested = [k for k, result in enumerate(ranked) if _testable(result)]
    ranks = [Ranks(1, len(ranked), tested=False) for _ in ranked]
    if not tested:
        return ranks, [1] * len(ranked), math.inf
    scores = [score for k in tested if (score := ranking_score(ranked[k]))]
    values = _merits(card, np.array([score.value for score in scores]))
    left_out = _merits(card, np.array([score.left_out for score in scores]))
    found = stand_apart(values, left_out, np.array(ranked[tested[0]].group_frames))
    others = len(ranked) - len(tested)
    for k, (first, last) in zip(tested, found.ranks(), strict=True):
        ranks[k] = Ranks(first, last + others, tested=True)
    return ranks, groups_from(found.above, tested, len(ranked)), found.least


def groups_from(above: Bool[np.ndarray, "K K"], tested: Sequence[int], ranked: int) -> list[int]:
    """Return the rank group of each of `ranked` entries, from 1 on.

    A group holds, from the top, all that its best tested entry does not surely stand above. An entry that
    was not tested is in the group of the entries around it. `above` is of the tested entries, and `tested`
    holds their places.

    >>> above = np.zeros((3, 3), dtype=bool)
    >>> above[0, 2] = True
    >>> groups_from(above, [0, 2, 3], 5)
    [1, 1, 1, 2, 2]
    """
    order = {place: k for k, place in enumerate(tested)}
    groups: list[int] = []
    lead = -1
    for place in range(ranked):
        k = order.get(place, -1)
        apart = k >= 0 and lead >= 0 and bool(above[lead, k])
        if k >= 0 and (lead < 0 or apart):
            lead = k
        groups.append((groups[-1] if groups else 1) + apart)
    return groups


def _testable(result: Result) -> bool:
    """Whether a result holds a finite value without each group."""
    score = ranking_score(result)
    return (
        score is not None
        and 1 < len(score.left_out) == len(result.group_frames)
        and bool(np.isfinite([score.value, *score.left_out]).all())
    )


def _short(term: object) -> str:
    if isinstance(term, tuple):
        return "(" + ", ".join(map(str, term)) + ")"
    return str(term)[:12] if re.fullmatch("[0-9a-f]{40,}", str(term)) else str(term)
