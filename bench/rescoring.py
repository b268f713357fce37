"""Score stored results again, under the metrics that are here, where the predictions are at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import results
from bench.evaluation import evaluate
from bench.evidence import evidence
from bench.kinds import kind_of
from bench.results import Result
from bench.submissions import predictions_digest
from bench.submitting import read_submission


@dataclass(frozen=True)
class Rescored:
    """A result before and after."""

    old: Result
    new: Result | None
    """None where its predictions are not at hand."""
    why: str = ""
    """Why there is none."""


@dataclass(frozen=True)
class Moved:
    """The rank of an entry on a task by value, before and after."""

    task: str
    entry: str
    old: float
    new: float
    old_rank: int
    new_rank: int
    again: bool
    """Whether it was scored again; else its value is the stored one."""


def rescore(stored: Sequence[Result], predictions: Path) -> Iterator[Rescored]:
    """Score results again with the card that they were scored with; yield each as it is done.

    `predictions` holds `<entry>/<task>/<run>...`. Raises what `read_submission` raises.
    """
    for old in stored:
        place = predictions / old.entry["id"]
        if not (place / old.task["name"]).is_dir():
            yield Rescored(old, None, f"no {place / old.task['name']}")
            continue
        (read,) = read_submission(place, old.task["name"])
        if predictions_digest(kind_of(read.task), read.predictions) != old.predictions_digest:
            yield Rescored(old, None, f"{place / old.task['name']} holds other predictions")
            continue
        new = evaluate(read.task, old.entry, read.predictions, read.recordings)
        yield Rescored(
            old, results.with_evidence(new, evidence(read.task, old.entry, read.predictions, read.recordings))
        )


def moves(rescored: Sequence[Rescored]) -> list[Moved]:
    """Return the ranks of all results by the metric that ranks, task by task, the new order first to last."""
    found: list[Moved] = []
    for name in sorted({one.old.task["name"] for one in rescored}):
        own = [one for one in rescored if one.old.task["name"] == name]
        card = own[0].old.task["metrics"][0]
        before = [_value(one.old, card["name"]) for one in own]
        after = [_value(one.new or one.old, card["name"]) for one in own]
        sign = 1 if card["higher_is_better"] else -1
        rows = [
            Moved(
                name,
                one.old.entry["id"],
                old,
                new,
                _rank(sign, old, before),
                _rank(sign, new, after),
                one.new is not None,
            )
            for one, old, new in zip(own, before, after, strict=True)
        ]
        found += sorted(rows, key=lambda row: (row.new_rank, row.entry))
    return found


def _value(result: Result, metric: str) -> float:
    score = result.scores.get(metric)
    return score.value if score else np.nan


def _rank(sign: int, value: float, values: Sequence[float]) -> int:
    """Return 1 and how many are better; one that is undefined is behind all others."""
    if np.isnan(value):
        return 1 + sum(not np.isnan(other) for other in values)
    return 1 + sum(sign * other > sign * value for other in values)
