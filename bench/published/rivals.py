"""Published rivals of the entries of a task: what papers print of other models, not scored here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.published.audit import FindTask, by_model, class_table
from bench.published.implied import as_number, pooled
from bench.published.tables import Number, Paper
from bench.tasks import Task

NO_METRIC = ("frames", "gain", "highest", "lead", "parameters", "seconds_per_epoch", "undefined")
"""What is printed beside metrics and ranks nobody."""


@dataclass(frozen=True)
class Rival:
    """One published model on one task, or on one part of it."""

    name: str
    paper: Paper
    part: str
    """Empty: the whole task."""
    numbers: Mapping[str, Number]
    """Metric of ours -> the number of most digits."""
    follows: frozenset[str]
    """Metrics that nobody printed: they follow from a printed table of classes."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Where its numbers stand, each place once."""
        return tuple(dict.fromkeys(number.table.table for number in self.numbers.values()))

    @property
    def model(self) -> str:
        """The baseline that is the same model; empty where none is."""
        return next((n.row.model for n in self.numbers.values() if n.row.past is None), "")


def rivals(task: str, numbers: Sequence[Number], find: FindTask) -> tuple[Rival, ...]:
    """Return the published models of a task, those on all of it first, in the papers' order."""
    every = []
    for (_, name, _), group in by_model([n for n in numbers if n.task == task]).items():
        means = [n for n in group if not n.class_ and n.metric not in NO_METRIC]
        implied = _implied(find(task), group)
        for part in dict.fromkeys(n.part for n in means):
            printed = [n for n in means if n.part == part]
            best = {
                metric: min((n for n in printed if n.metric == metric), key=lambda n: n.digit)
                for metric in dict.fromkeys(n.metric for n in printed)
            }
            extra = {m: n for m, n in implied.items() if m not in best} if not part else {}
            every.append(Rival(name, group[0].table.paper, part, {**best, **extra}, frozenset(extra)))
    return tuple(sorted(every, key=lambda rival: bool(rival.part)))


def _implied(task: Task | None, numbers: Sequence[Number]) -> dict[str, Number]:
    """Return metric -> what follows from a table of classes that prints support."""
    table = class_table(task, numbers) if task else {}
    if task is None or not table:
        return {}
    like = next(iter(table["frames"].values()))
    return {metric: as_number(like, metric, implied) for metric, implied in pooled(task, table).items()}
