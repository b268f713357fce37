"""Made-up results and a parser that takes pages apart, for the tests of the leaderboard."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from bench.pages import render
from bench.results import PartScore, Result, Score, parse

NAN = math.nan
CLASSES = ["attack", "mount", "other"]
VOID = {"meta", "input", "br"}


@dataclass
class Page(HTMLParser):
    """A page taken apart: its elements with attributes, its text, its tables."""

    source: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    inline: dict[str, str] = field(default_factory=dict)
    tables: list[list[list[str]]] = field(default_factory=list)
    path: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()
        assert self.path == [], "every element is closed, in order"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and its attributes, none of which comes twice."""
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.path.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        """Leave the innermost element, which must be this one."""
        assert self.path.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text: that of style and script apart, that of a cell in its table too."""
        if self.path and self.path[-1] in {"style", "script"}:
            self.inline[self.path[-1]] = data
            return
        self.text += data
        if {"td", "th"} & set(self.path):
            self.tables[-1][-1][-1] += data

    def handle_comment(self, data: str) -> None:
        """Refuse comments: the templates have none."""
        raise AssertionError(f"a comment: {data}")

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every element of one kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def skeleton(self) -> list[tuple[str, list[str]]]:
        """Return the elements with the names of their attributes."""
        return [(tag, list(attributes)) for tag, attributes in self.elements]

    def column(self, table: int, name: str) -> list[str]:
        """Return the cells under a heading, down to the line break before an interval."""
        head = next(
            k for k, row in enumerate(self.tables[table]) if name in [cell.split("\n")[0] for cell in row]
        )
        at = [cell.split("\n")[0] for cell in self.tables[table][head]].index(name)
        return [row[at].split("\n")[0] for row in self.tables[table][head + 1 :]]


def metric(name: str, title: str, **changes: Any) -> dict[str, Any]:
    card = {
        "name": name,
        "title": title,
        "definition": f"How {name} is made.",
        "reference": f"Source of {name}",
    }
    return {**card, "unit": "", "mean": "foreground", "higher_is_better": True} | changes


def task(**changes: Any) -> dict[str, Any]:
    dataset = {
        "name": "toy",
        "title": "Toy mice",
        "url": "https://example.org/toy",
        "licence": "CC BY 4.0",
        "citation": "Nobody 2020",
        "simulated": False,
        "fps": 30.0,
        "notes": ["The frame rate is assumed."],
    } | changes.pop("dataset", {})
    return {
        "name": "toy-task",
        "title": "Toy task",
        "question": "What does the mouse do?",
        "kind": "frames",
        "classes": CLASSES,
        "background": "other",
        "exclusive": True,
        "reference": "",
        "parts": [{"name": "all", "title": "all recordings"}],
        "protocol": {"name": "all-frames", "description": "every annotated frame"},
        "metrics": [metric("f1", "F1"), metric("delay", "Delay", unit="frames", higher_is_better=False)],
        "dataset": dataset,
    } | changes


def entry(id_: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "name": f"Model {id_}",
        "authors": ["A. Author", "B. Author"],
        "licence": "MIT",
        "code": "https://example.org/code",
        "paper": None,
        "description": "It looks.",
        "extra_data": "none",
        "causal": False,
        "output": "probabilities",
        "parameters": 72540,
        "hardware": None,
    } | changes


def score(value: float, **changes: Any) -> Score:
    made = Score(
        value=value,
        low=value - 0.0625,
        high=value + 0.03125,
        std_runs=0.004,
        std_parts=NAN,
        per_class={"attack": value, "mount": NAN, "other": 0.9},
        per_class_interval={"attack": (value - 0.1, value + 0.1), "mount": (NAN, NAN)},
        per_part={"all": PartScore(value, value - 0.1, value + 0.1, {})},
        per_run={"seed0": value, "seed1": value},
    )
    return replace(made, **changes)


def result(id_: str, value: float, **changes: Any) -> Result:
    made = Result(
        entry=entry(id_),
        task=task(),
        metrics_version=1,
        split_digest="a1" * 32,
        truth_digest="b2" * 32,
        predictions_digest="c3" * 32,
        recordings=7,
        groups=5,
        frames=1234,
        support={"attack": 34, "mount": 0, "other": 1200},
        interval={
            "method": "percentile",
            "level": 0.95,
            "resamples": 1000,
            "seed": 0,
            "unit": "recording",
            "groups": 5,
            "reason": None,
        },
        scores={"f1": score(value), "delay": score(10 * value)},
        details=details(),
    )
    return replace(made, **changes)


def details(
    classes: Sequence[str] = CLASSES,
    parts: Sequence[str] = ("all",),
    ids: Sequence[str] = ("mouse1", "mouse2"),
) -> dict[str, Any]:
    """Return made-up details of two runs; the second class does not occur."""
    known = [name for name in classes if name != classes[1]]
    counts = {"frames": [8, *range(38, 8, -1), 300], "right": [4, *range(38, 8, -1), 500]}
    none = {"frames": [0] * 32, "right": [0] * 32}
    curve = {"f1": [0.25 + k / 60 for k in range(31)], "true": 3, "predicted": 10}
    no_curve = {"f1": [None] * 31, "true": 0, "predicted": 4}
    by_class = {name: curve if name in known else no_curve for name in classes}
    confusion = [
        [40 + 10 * (a == b) if name in known else 0 for b, _ in enumerate(classes)]
        for a, name in enumerate(classes)
    ]
    recordings = {
        "id": list(ids),
        "frames": [1000, 234][: len(ids)],
        "values": {"f1": [0.5, 0.25][: len(ids)]},
        "per_class": {name: [0.5 if name in known else None, None][: len(ids)] for name in classes},
    }
    of_part = {
        "confusion": confusion,
        "boundary": {
            "all": counts,
            "per_class": {name: counts if name in known else none for name in classes},
        },
        "edges": {"onset": by_class, "offset": by_class},
        "recordings": recordings,
    }
    return {"runs": 2, "parts": dict.fromkeys(parts, of_part)}


def page(results: Sequence[Result], name: str = "toy-task.html") -> Page:
    return Page(render(results)[name])


RESULTS = [result("b", 0.5), result("a", 0.75), result("c", NAN), result("d", 0.5), result("e", 0.625)]


def read(path: Path) -> Result:
    """Return the result of a file as it stands, unchecked: toy tasks are in no list of tasks."""
    return parse(json.loads(path.read_bytes()))
