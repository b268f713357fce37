"""What pages say of a task, its data, its metrics and an entry.

All pages get what they say of a task from `task_facts`, and of an entry from `entry_name` and `entry_facts`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.kinds import kind_named
from bench.metrics import METRICS
from bench.results import PartScore, Result, Score
from bench.text import DETECTION_FORMS, SHORT_TITLES, amount_tested

NAN = math.nan
BEST_AT_ZERO = {metric.name for metric in METRICS if metric.best_at_zero}
"""Metrics that are sorted by their distance from 0."""
UNSCORED = "not scored by this metric"
UNSCORED_PART = "not scored on this part"


@dataclass(frozen=True)
class Value:
    """A number on a page. NaN is shown as a dash."""

    value: float
    low: float = NAN
    high: float = NAN
    """Ends of its interval; NaN where it has none."""
    unit: str = ""
    """Of the metric; it decides the digits."""
    why: str = "undefined"
    """What the dash means."""

    @property
    def bare(self) -> Value:
        """The same without its interval."""
        return replace(self, low=NAN, high=NAN)


@dataclass(frozen=True)
class MetricFacts:
    """What pages say of a metric."""

    name: str
    title: str
    definition: str
    unit: str
    reference: str
    higher_is_better: bool

    @property
    def best_at_zero(self) -> bool:
        """Whether values are worse on both sides of 0."""
        return self.name in BEST_AT_ZERO

    @property
    def better(self) -> str:
        """Which values are better, in words."""
        return (
            "0 is best"
            if self.best_at_zero
            else f"{'higher' if self.higher_is_better else 'lower'} is better"
        )


@dataclass(frozen=True)
class DataFacts:
    """What pages say of a data set."""

    name: str
    title: str
    url: str | None
    licence: str
    citation: str
    simulated: bool
    fps: float
    notes: tuple[str, ...]

    @property
    def seconds_of_30_frames(self) -> float:
        """How long 30 frames last."""
        return 30 / self.fps


@dataclass(frozen=True)
class PartFacts:
    """A part of a task."""

    name: str
    title: str


KIND_NOTES = {
    "clusters": "Clusters have no names of their own. A cluster stands for the class that most of its "
    "training frames have, and its test frames count as predictions of that class."
}
"""What a reader has to know to understand the values of a kind of task."""


@dataclass(frozen=True)
class TaskFacts:
    """What pages say of a task."""

    name: str
    title: str
    question: str
    kind: str
    classes: tuple[str, ...]
    background: str | None
    exclusive: bool
    reference: str
    parts: tuple[PartFacts, ...]
    protocol: str
    """The name of the rule that says which frames count."""
    protocol_description: str
    metrics: tuple[MetricFacts, ...]
    """The first ranks."""
    data: DataFacts

    @property
    def note(self) -> str:
        """What a reader has to know of its kind; empty where nothing is."""
        return KIND_NOTES.get(self.kind, "")

    @property
    def protocol_sentence(self) -> str:
        """What counts, from a capital letter on."""
        return self.protocol_description[:1].upper() + self.protocol_description[1:]


@dataclass(frozen=True)
class ClassSupport:
    """How often a class occurs in the test recordings."""

    name: str
    background: bool
    count: int | None
    """Frames or true segments; None where the result does not state it."""
    percent: float
    """Of all frames or true segments; NaN where there are none."""


@dataclass(frozen=True)
class TestFacts:
    """What an entry was tested on."""

    amount: str
    """So many frames, or so many true segments."""
    recordings: int
    groups: int
    classes: tuple[ClassSupport, ...]


@dataclass(frozen=True)
class EntryName:
    """The name of an entry, the page it has on a task, and what has to stand beside the name."""

    id: str
    name: str
    page: str
    remark: str
    """Empty where its card has none."""
    detections: str
    """The form of its detections, "raw" or "final"; empty where it has none."""
    detections_meaning: str


@dataclass(frozen=True)
class EntryFacts:
    """What the card of an entry declares; None = not stated."""

    authors: tuple[str, ...]
    licence: str
    code: str | None
    paper: str | None
    description: str
    causal: bool
    output: str | None
    parameters: int | None
    flops_per_frame: int | None
    frames_per_second: float | None
    latency_ms: float | None
    seconds_per_epoch: float | None
    peak_memory_mib: float | None
    extra_data: str | bool | None
    hardware: str | None


def task_facts(card: Mapping[str, Any]) -> TaskFacts:
    """Return what pages say of a task. Rates in its card are per minute already."""
    data = card["dataset"]
    return TaskFacts(
        name=card["name"],
        title=card["title"],
        question=card["question"],
        kind=card["kind"],
        classes=tuple(card["classes"]),
        background=card["background"],
        exclusive=card["exclusive"],
        reference=card["reference"],
        parts=tuple(PartFacts(part["name"], part["title"]) for part in card["parts"]),
        protocol=card["protocol"]["name"],
        protocol_description=card["protocol"]["description"],
        metrics=tuple(map(metric_facts, card["metrics"])),
        data=DataFacts(
            name=data["name"],
            title=data["title"],
            url=data["url"],
            licence=data["licence"],
            citation=data["citation"],
            simulated=data["simulated"],
            fps=data["fps"],
            notes=tuple(data["notes"]),
        ),
    )


def metric_facts(card: Mapping[str, Any]) -> MetricFacts:
    """Return what pages say of a metric."""
    return MetricFacts(
        name=card["name"],
        title=card["title"],
        definition=card["definition"],
        unit=card["unit"],
        reference=card["reference"],
        higher_is_better=card["higher_is_better"],
    )


def with_short_title(metric: MetricFacts) -> MetricFacts:
    """Return the metric with the title that it has in a narrow column."""
    return replace(metric, title=SHORT_TITLES.get(metric.name, metric.title))


def test_facts(result: Result) -> TestFacts:
    """Return what the entry of a result was tested on."""
    task, support = result.task, result.support
    total = kind_named(task["kind"]).words.count(result.frames, support)
    classes = tuple(
        ClassSupport(
            name=name,
            background=name == task["background"],
            count=support.get(name),
            percent=100 * support[name] / total if name in support and total else NAN,
        )
        for name in task["classes"]
    )
    return TestFacts(amount_tested(result), result.recordings, result.groups, classes)


def entry_name(result: Result) -> EntryName:
    """Return the name of the entry of a result, and what has to stand beside it."""
    entry = result.entry
    form = entry.get("detections")
    form = form if form in DETECTION_FORMS else ""
    return EntryName(
        id=entry["id"],
        name=entry["name"],
        page=f"{result.task['name']}--{entry['id']}.html",
        remark=str(entry.get("remark") or ""),
        detections=form,
        detections_meaning=DETECTION_FORMS.get(form, ""),
    )


def entry_facts(card: Mapping[str, Any]) -> EntryFacts:
    """Return what the card of an entry declares, as pages show it."""
    return EntryFacts(
        authors=tuple(card["authors"]),
        licence=card["licence"],
        code=card["code"],
        paper=card["paper"],
        description=card["description"],
        causal=card["causal"],
        output=card["output"],
        parameters=card["parameters"],
        flops_per_frame=card.get("flops_per_frame"),
        frames_per_second=card.get("frames_per_second"),
        latency_ms=card.get("latency_ms"),
        seconds_per_epoch=card.get("seconds_per_epoch"),
        peak_memory_mib=card.get("peak_memory_mib"),
        extra_data=card["extra_data"],
        hardware=card["hardware"],
    )


def changed_data(result: Result) -> str:
    """Return how the data of a result differ from the declared ones; empty where they do not."""
    return "; ".join(f"{c['name']}: {c['found']}, expected {c['expected']}" for c in result.changed)


def value_of(score: Score | PartScore | None, unit: str, why: str = UNSCORED) -> Value:
    """Return a score as pages show it; `why` says what it means where there is none."""
    if score is None:
        return Value(NAN, why=why)
    return Value(score.value, score.low, score.high, unit)


def std_runs(score: Score | None, unit: str) -> Value:
    """Return the deviation over runs as pages show it."""
    return Value(score.std_runs if score else NAN, unit=unit, why="undefined for a single run")


def class_values(score: Score | None, unit: str, names: Sequence[str]) -> tuple[Value, ...]:
    """Return the values of classes as pages show them, with their intervals."""
    if score is None:
        return tuple(Value(NAN) for _ in names)
    ends = score.per_class_interval
    return tuple(Value(score.per_class.get(name, NAN), *ends.get(name, (NAN, NAN)), unit) for name in names)
