"""The card of a baseline's submission: what a reader of its numbers must know of how it was trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec

from baselines.contract import Baseline, Recipe
from baselines.models import load
from baselines.runs.check import is_causal
from baselines.runs.plan import Order
from baselines.runs.questions import ADAPTERS
from baselines.runs.unit import Unit
from bench.about import DEVELOPERS
from bench.datasets import get_dataset, get_task
from bench.submissions import Entry, TaskCard, form_of, read_entry, write_card


def declare(order: Order, units: Sequence[Unit]) -> None:
    """Write the card, or this task's table of a card that is there."""
    task, out, baseline = order.task, order.out, order.baseline
    adapter = ADAPTERS.get(units[0].adapter)
    bare = TaskCard(
        classes=task.classes,
        output=None,
        description=_description(order) + (f"; {adapter.words}" if adapter else ""),
        extra_data=_extra_data(baseline),
        remark=_remark(order),
        causal=is_causal(baseline) and (adapter is None or adapter.causal),
        parameters=_count("parameters", order, units),
        flops_per_frame=_count("flops", order, units),
    )
    card = form_of(task).declare(bare)
    if card.detections and adapter is None:
        card = replace(card, detections=baseline.detections)
    if (out / "submission.toml").exists():
        entry = read_entry(out)
        if there := entry.tasks.get(task.name):  # what was measured says nothing of how it is trained
            card = replace(
                card,
                frames_per_second=there.frames_per_second,
                latency_ms=there.latency_ms,
                seconds_per_epoch=there.seconds_per_epoch,
                peak_memory_mib=there.peak_memory_mib,
                hardware=there.hardware,
            )
        if there != card:
            write_card(out, replace(entry, tasks={**entry.tasks, task.name: card}), replace=True)
        return
    entry = Entry(
        id=out.name,
        name=baseline.title,
        authors=(DEVELOPERS,),
        licence="Apache-2.0",
        tasks={task.name: card},
        paper=baseline.paper,
    )
    write_card(out, entry)


def _count(what: str, order: Order, units: Sequence[Unit]) -> int | None:
    """Count parameters or FLOPs; None where there is no network, or no torch to build it."""
    if order.baseline.network is None or find_spec("torch") is None:
        return None
    from baselines.engine import counting  # here, because it imports torch

    count = {"parameters": counting.parameters, "flops": counting.flops}[what]
    return count(order.baseline, order.recipe, units[0].job.run.sizes)


def _extra_data(baseline: Baseline) -> str:
    """Say what a model has seen beside the labelled training recordings of its task."""
    words = [baseline.extra_data] if baseline.extra_data else []
    for need in baseline.needs:
        if need.task:
            how = "without" if need.use == "features" else "with"
            words.append(f"the training recordings of {get_task(need.task).title}, {how} their labels")
        words += [text for text in [_extra_data(load(need.model))] if text != "none"]
    for name in baseline.unlabelled:
        what = "the test recordings" if name == "test" else f"the recordings of {get_dataset(name).title}"
        words.append(f"{what}, without labels")
    return "; ".join(dict.fromkeys(words)) or "none"


def _remark(order: Order) -> str | None:
    """Say where labels were left out, or a recipe cut short or drawn out.

    Then a number says little about the model.
    """
    labels = [order.budget.words] if order.budget and order.budget.words else []
    if order.epochs is None:
        return "; ".join(labels) or None
    extractors = [load(need.model) for need in order.baseline.needs if need.use == "features"]
    cuts = [(_cut(one.recipe, order.epochs), "its features: ") for one in extractors]
    words = [
        f"{prefix}{cut}" for cut, prefix in [(_cut(order.baseline.recipe, order.epochs), ""), *cuts] if cut
    ]
    return "; ".join(labels + words) or None


def _cut(recipe: Recipe | None, asked: int) -> str:
    """Say how many epochs were trained in place of those of a recipe; empty where it is as many."""
    declared = getattr(recipe, "epochs", None)
    if declared is None or asked == declared:
        return ""
    return f"{asked} epochs in place of {declared}" if asked > declared else f"{asked} of {declared} epochs"


def _description(order: Order) -> str:
    """Say what a reader of the card could not guess from the recipe's name."""
    words = [order.baseline.description]
    if order.recipe is not None:
        split = order.task.load_split()
        words += order.recipe.words(all(split.ids(part, "val") for part in split.parts))
    return "; ".join(words + order.switches.words())
