"""An ensemble as an entry of its own: the mean of what runs and entries say, declared on its card.

Every entry counts alike, and of an entry every run. Two runs with the same bytes count as one. What an
ensemble costs is the sum of what its runs cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import UsageError
from bench.kinds import kind_of
from bench.submissions import Entry, TaskCard, write_card, write_predictions
from bench.submissions.card import CARD
from bench.submitting import Submitted, lengths, read_submission
from bench.tasks import Task

RUN = "mean"
"""What the one run of an ensemble is called."""


def write_ensemble(paths: Sequence[str | Path], task: str, out: Path) -> Path:
    """Write an entry whose probabilities are the mean of those of the runs of some entries; return its run.

    Raises `UsageError` where the folder is an entry already, where there are fewer than two runs, and where
    an entry has no probabilities: scores of any size, segments and clusters have no mean. Raises what
    `read_submission` raises.
    """
    if (out / CARD).exists():
        raise UsageError(f"{out} is an entry already", hint="name another folder with --out")
    entries = [one for path in dict.fromkeys(map(Path, paths)) for one in read_submission(path, task)]
    _check(entries)
    asked = entries[0].task
    path = write_predictions(out, asked, RUN, _mean(entries), lengths(asked, entries[0].recordings))
    write_card(out, _card(entries, asked, out))
    return path


def _check(entries: Sequence[Submitted]) -> None:
    """Raise `UsageError` for what has no mean."""
    wrong = [
        f"{one.entry.id}: {one.card.output or kind_of(one.task).name}, expected probabilities"
        for one in entries
        if one.card.output != "probabilities"
    ]
    if wrong:
        raise UsageError("only probabilities have a mean", wrong)
    if sum(len(one.predictions) for one in entries) < 2:
        raise UsageError(
            f"{entries[0].entry.id} has one run: nothing to average",
            hint=f"name several entries, or train more seeds: bench train {entries[0].entry.id} "
            f"--task {entries[0].task.name} --seeds 5",
        )


def _mean(entries: Sequence[Submitted]) -> Mapping[str, Mapping[str, Any]]:
    """Return part -> recording -> mean over entries of the mean over runs, summed in float64."""
    first = next(iter(entries[0].predictions.values()))
    return {
        part: {
            id_: np.mean(
                [
                    np.mean([run[part][id_] for run in one.predictions.values()], axis=0, dtype=np.float64)
                    for one in entries
                ],
                axis=0,
            ).astype(np.float32)
            for id_ in by_id
        }
        for part, by_id in first.items()
    }


def _card(entries: Sequence[Submitted], task: Task, out: Path) -> Entry:
    """Return the card: whose runs they are, and what all of them have seen and cost."""
    cards = [one.card for one in entries]
    counts = [len(one.predictions) for one in entries]
    names = ", ".join(f"{one.entry.name} ({count} runs)" for one, count in zip(entries, counts, strict=True))
    seen = [card.extra_data for card in cards if card.extra_data != "none"]
    remarks = [f"{one.entry.name}: {one.card.remark}" for one in entries if one.card.remark]

    def summed(costs: Sequence[int | None]) -> int | None:
        known = [cost * count for cost, count in zip(costs, counts, strict=True) if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    card = TaskCard(
        classes=task.classes,
        output="probabilities",
        description=f"mean of the probabilities of {names}",
        extra_data="; ".join(dict.fromkeys(seen)) or "none",
        remark="; ".join(remarks) or None,
        causal=all(one.causal for one in cards),
        parameters=summed([one.parameters for one in cards]),
        flops_per_frame=summed([one.flops_per_frame for one in cards]),
    )
    authors = dict.fromkeys(author for one in entries for author in one.entry.authors)
    licences = dict.fromkeys(one.entry.licence for one in entries)
    return replace(
        entries[0].entry,
        id=out.name,
        name=f"Ensemble of {' and '.join(one.entry.name for one in entries)}",
        authors=tuple(authors),
        licence=" and ".join(licences),
        tasks={task.name: card},
        paper=entries[0].entry.paper if len(entries) == 1 else None,
        code=entries[0].entry.code if len(entries) == 1 else None,
    )
