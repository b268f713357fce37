"""Rankings: which entries of a task can be compared, and in which order they stand. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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
class Row:
    """One entry of a ranking; no rank where its value is undefined."""

    rank: int | None
    result: Result

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

    @property
    def best(self) -> Result:
        """The best entry."""
        return self.rows[0].result

    @property
    def ties(self) -> int:
        """How many entries share the first rank."""
        return sum(row.rank == 1 for row in self.rows)

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
    sign = 1.0 if metrics[key.ranking_metric]["higher_is_better"] else -1.0

    def merit(result: Result) -> float:
        score = ranking_score(result)
        return -math.inf if score is None or math.isnan(score.value) else sign * score.value

    ordered = sorted(results, key=merit, reverse=True)  # stable: equal values stay in the order of entry ids
    merits = [merit(result) for result in ordered]
    rows = tuple(
        Row(None if value == -math.inf else 1 + merits.index(value), result)
        for value, result in zip(merits, ordered, strict=True)
    )
    return Ranking(key, tuple(key.differences(first)), tuple(metrics.values()), rows)


def _short(term: object) -> str:
    if isinstance(term, tuple):
        return "(" + ", ".join(map(str, term)) + ")"
    return str(term)[:12] if re.fullmatch("[0-9a-f]{40,}", str(term)) else str(term)
