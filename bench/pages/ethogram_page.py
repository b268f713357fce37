"""The pages of recordings on the site: truth and all entries of a task as an ethogram, from stored bouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.evidence import NOBODY, bouts_of
from bench.pages.ranking import Ranking
from bench.results import Result

Poses = Callable[[str, str], Mapping[str, Any] | None]
"""(task, recording) -> its poses as `bench.viewing` gives them; None where they may not be shown."""
Answer = tuple[str, str, Mapping[str, Any]]
"""The id of an entry, its name, and its part of the evidence."""


@dataclass(frozen=True)
class EthogramPage:
    """One test recording of a task."""

    task: Mapping[str, Any]
    """The card of the task."""
    recording: str
    data: Mapping[str, Any]
    """What the script draws, as `bench.viewing.as_plain` gives it, with the ids of the entries."""

    @property
    def page(self) -> str:
        """The name of its file; no id holds a dot, so it is that of no entry."""
        return ethogram_name(self.task["name"], self.recording)


def ethogram_name(task: str, recording: str) -> str:
    """Return the name of the page of a recording."""
    return f"{task}--{recording}.ethogram.html"


def recordings_shown(results: Sequence[Result]) -> dict[str, str]:
    """Return recording -> the first part that tests it, of all whose bouts are at hand."""
    shown: dict[str, str] = {}
    for result in results:
        for part in _parts(result):
            for id_ in result.beside["parts"][part]["recordings"] if result.beside else ():
                shown.setdefault(id_, part)
    return dict(sorted(shown.items()))


def ethogram_pages(rankings: Sequence[Ranking], poses: Poses | None = None) -> Iterator[EthogramPage]:
    """Yield the page of every recording of a task whose bouts are at hand, entries by their rank.

    Entries that were compared with another truth than the first are left out.
    """
    results = [row.result for ranking in rankings for row in ranking.rows if row.result.beside]
    results = [result for result in results if result.truth_digest == results[0].truth_digest]
    for id_, part in recordings_shown(results).items():
        held = [
            (result.entry["id"], result.entry["name"], result.beside["parts"][part])
            for result in results
            if result.beside and id_ in result.beside["parts"][part]["recordings"]
        ]
        task = results[0].task
        drawn = poses(task["name"], id_) if poses else None
        yield EthogramPage(task, id_, _data(task, id_, held, drawn))


def _parts(result: Result) -> list[str]:
    names = [part["name"] for part in result.task["parts"]]
    return [name for name in names if result.beside and name in result.beside["parts"]]


def _data(
    task: Mapping[str, Any], id_: str, held: Sequence[Answer], poses: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what the script draws of one recording."""
    classes, first = task["classes"], held[0][2]["recordings"][id_]
    framed = isinstance(first["truth"], list)
    annotator = "simulated" if task["dataset"]["simulated"] else "human"
    sides = [(annotator, first["truth"] if framed else _lanes(first, first["truth"], classes, None))]
    for _, name, part in held:
        own = part["recordings"][id_]
        surest = None if framed else _surest(part, classes)
        sides.append((name, own["entry"] if framed else _lanes(own, own["entry"], classes, surest)))
    rows = [
        {"title": name if len(lanes) == 1 else f"{name}: {classes[k]}", "source": source, **lane}
        for source, (name, lanes) in enumerate(sides)
        for k, lane in enumerate(lanes)
    ]
    return {
        "recording": id_,
        "fps": first["fps"],
        "frames": first["frames"],
        "classes": list(classes),
        "background": classes.index(task["background"]) if task["background"] else NOBODY,
        "sources": [name for name, _ in sides],
        "ids": ["", *(one for one, _, _ in held)],
        "rows": rows,
        "poses": poses,
    }


def _surest(part: Mapping[str, Any], classes: Sequence[str]) -> list[float]:
    """Return, of each class, the score that as many detections reach as there are true segments."""
    rows = part["recordings"].values()
    marks = []
    for k in range(len(classes)):
        total = sum(row["truth"]["labels"].count(k) for row in rows)
        scores = sorted(
            (
                score
                for row in rows
                for label, score in zip(row["entry"]["labels"], row["entry"]["scores"], strict=True)
                if label == k
            ),
            reverse=True,
        )
        marks.append(scores[min(total, len(scores)) - 1] if total and scores else np.inf)
    return marks


def _lanes(
    rows: Mapping[str, Any],
    columns: Mapping[str, Any],
    classes: Sequence[str],
    surest: Sequence[float] | None,
) -> list[Mapping[str, list[int]]]:
    """Return a row of bouts of each class: the frames that segments cover, of an entry the surest ones."""
    states = np.full((len(classes), rows["frames"]), NOBODY)
    scores = columns.get("scores", [np.inf] * len(columns["labels"]))
    for label, start, stop, score in zip(
        columns["labels"], columns["starts"], columns["stops"], scores, strict=True
    ):
        if surest is None or score >= surest[label]:
            first, last = (round(min(max(at, 0.0) * rows["fps"], rows["frames"])) for at in (start, stop))
            states[label, first:last] = label
    return [bouts_of(row) for row in states]
