"""The card of a baseline's submission: what a reader of its numbers must know of how it was trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from baselines.adapters import bouts
from baselines.contract import Recipe
from baselines.runs.listing import parameters
from baselines.runs.pretraining import extra_data
from baselines.runs.run import Run
from bench.about import DEVELOPERS
from bench.submissions import Entry, TaskCard, read_entry, write_card
from bench.tasks import Task


def declare(run: Run, task: Task, out: Path) -> None:
    """Write the card, or this task's table of a card that is there."""
    frames = task.kind == "frames"
    card = TaskCard(
        classes=task.classes,
        output="probabilities" if frames else None,
        description=_description(run) + ("" if frames else f"; {bouts.SAID}"),
        extra_data=extra_data(run.recipe),
        remark=_remark(run),
        causal=run.baseline.causal and frames,
        detections=None if frames else "raw",
        parameters=parameters(run.baseline, run.task),
        flops_per_frame=_flops(run),
    )
    if (out / "submission.toml").exists():
        entry = read_entry(out)
        if there := entry.tasks.get(run.task.name):  # what was measured says nothing of how it is trained
            card = replace(
                card,
                frames_per_second=there.frames_per_second,
                latency_ms=there.latency_ms,
                seconds_per_epoch=there.seconds_per_epoch,
                peak_memory_mib=there.peak_memory_mib,
                hardware=there.hardware,
            )
        if there != card:
            write_card(out, replace(entry, tasks={**entry.tasks, run.task.name: card}), replace=True)
        return
    entry = Entry(
        id=out.name,
        name=run.baseline.title,
        authors=(DEVELOPERS,),
        licence="Apache-2.0",
        tasks={run.task.name: card},
        paper=run.baseline.paper,
    )
    write_card(out, entry)


def _flops(run: Run) -> int | None:
    if not isinstance(run.recipe, Recipe):
        return None
    from baselines.costs import measuring  # here, because it imports torch

    return measuring.flops(run, run.recipe)


def _remark(run: Run) -> str | None:
    """Say where a recipe was cut short, or drawn out: then a number says little about the model."""
    recipe, declared = run.recipe, run.baseline.recipe
    if not (isinstance(recipe, Recipe) and isinstance(declared, Recipe)) or recipe.epochs == declared.epochs:
        return None
    if recipe.epochs > declared.epochs:
        return f"{recipe.epochs} epochs in place of {declared.epochs}"
    return f"{recipe.epochs} of {declared.epochs} epochs"


def _description(run: Run) -> str:
    """Say what a reader of the card could not guess from the recipe's name."""
    said, recipe = [run.baseline.description], run.recipe
    if isinstance(recipe, Recipe):
        if recipe.ends == "whole":
            said.append("trained on whole windows; where one reaches beyond a recording, its end is repeated")
        split = run.task.load_split()
        if not all(split.ids(part, "val") for part in split.parts):
            said += {
                "none": [],
                "windows": ["its epoch chosen on random windows of the training recordings"],
                "recordings": ["its epoch chosen on a fifth of the training groups, which never trains"],
            }[recipe.validation]
    said += run.switches.said()
    return "; ".join(said)
