"""A result against its task: what its numbers rest on is as the declaration and the split have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.evaluation import task_card
from bench.files.faults import Fault
from bench.kinds import kind_of
from bench.metrics import METRICS_VERSION
from bench.results import Result
from bench.splits import Split
from bench.submissions import TaskCard, form_of
from bench.tasks import Task
from bench.verification.results.numbers import differences


def declaration_faults(task: Task, split: Split, result: Result) -> Iterator[Fault]:
    """Yield what a result says otherwise than its task, its split and the metrics are declared.

    Words of a task (title, question, definitions) are not compared: pages and tables show the declared ones.
    """
    yield from differences(("task",), facts(result.task), facts(task_card(task)), "as the task is declared")
    yield from differences(
        (),
        {"metrics_version": result.metrics_version, "split_digest": result.split_digest},
        {"metrics_version": METRICS_VERSION, "split_digest": split.digest},
        "in use now",
    )
    classes = {"classes": list(result.entry["classes"])}
    yield from differences(("entry",), classes, {"classes": list(task.classes)}, "the task's order")
    yield from (Fault(("entry",), fault.text) for fault in form_of(task).card_faults(_card(result), task))
    if result.support.keys() != set(task.classes):
        yield Fault(("support",), ", ".join(result.support), ", ".join(task.classes))


def _card(result: Result) -> TaskCard:
    """Return what the entry declared of its predictions."""
    entry = result.entry
    return TaskCard(
        classes=tuple(entry["classes"]),
        output=entry["output"],
        description=entry["description"],
        extra_data=entry["extra_data"],
        causal=entry["causal"],
        detections=entry.get("detections"),
    )


def facts(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a task's card, without its words, places as in the card."""
    dataset, keys = card["dataset"], ("name", "unit", "mean", "higher_is_better")
    return {
        **{key: card[key] for key in ("kind", "classes", "background", "exclusive")},
        "parts": [{"name": part["name"]} for part in card["parts"]],
        "protocol": {"name": card["protocol"]["name"]},
        "metrics": [{key: metric[key] for key in keys} for metric in card["metrics"]],
        "dataset": {key: dataset[key] for key in ("name", "simulated", "fps")},
    }


def split_faults(task: Task, split: Split, result: Result) -> Iterator[Fault]:
    """Yield the recordings, groups and frames beyond what the test side of the split holds."""
    tested = {part: split.group_of(part, "test") for part in split.parts}
    most = {
        "recordings": len({id_ for groups in tested.values() for id_ in groups}),
        "groups": len({group for groups in tested.values() for group in groups.values()}),
    }
    totals = [split.totals[part]["test"] for part in split.parts if "test" in split.totals.get(part, {})]
    if len(totals) == len(split.parts) and not result.changed:
        most["frames"] = sum(part.frames for part in totals)
    for name, number in most.items():
        if not 1 <= getattr(result, name) <= number:
            yield Fault((name,), f"{getattr(result, name):,}", f"1 to {number:,}, as the split has it")
    labels_frames = kind_of(task).labels_frames
    if result.details and not labels_frames:
        yield Fault(("details",), "details", "none, because the task labels no frames")
    if not result.details and labels_frames and result.format > 1:
        expected = "those of every task that labels frames, from format 2 on"
        yield Fault(("details",), "missing", expected)
