"""What published tables ask to be trained: baselines, the recordings they need, what is there already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from baselines.contract import Baseline
from baselines.models import get_baseline
from baselines.recipes.windows import Recipe
from bench.datasets import get_task
from bench.errors import DataError, UsageError
from bench.published import Job
from bench.splits import SUBSETS
from bench.store import manifest
from bench.tasks import Task


def entry_name(job: Job) -> str:
    """Return the entry of a job: its baseline, and the window where that is another."""
    return baseline_of(job).name


def baseline_of(job: Job) -> Baseline:
    """Return the baseline of a job; with another window it has another name."""
    baseline = get_baseline(job.model)
    if job.past is None:
        return baseline
    if not isinstance(baseline.recipe, Recipe):
        raise UsageError(f"baseline {baseline.name!r} has no window")
    recipe = replace(baseline.recipe, past=job.past)
    return replace(
        baseline,
        name=f"{baseline.name}_window{recipe.window}",
        title=f"{baseline.title}, window of {recipe.window}",
        description=f"as {baseline.name}, on windows of {recipe.window} poses",
        recipe=recipe,
    )


def missing_data(job: Job) -> list[str]:
    """Return the commands that get the recordings, or the poses, which a job lacks."""
    recipe = baseline_of(job).recipe
    hints = []
    for task in _tasks(job):
        split, pull = task.load_split(), f"bench pull {task.dataset.name}"
        pull += "" if task.dataset.simulated else " --from FOLDER"
        try:
            stored = manifest(task.dataset).recordings
        except DataError as fault:
            hints.append(fault.hint or pull)
            continue
        needed = {id_ for part in split.parts for subset in SUBSETS for id_ in split.ids(part, subset)}
        if any(id_ not in stored or (recipe and not stored[id_].poses) for id_ in needed):
            hints.append(f"{pull} --replace")
    return hints


def is_there(entry: Path, job: Job, seed: int) -> bool:
    """Whether an entry holds a run of that seed with its record. Only training checks how it was trained."""
    work = entry / ".work" / job.task
    whole = (entry / job.task / f"seed{seed}.npz").is_file() and (work / f"seed{seed}.json").is_file()
    return whole or all(
        (work / f"seed{seed}-{part}{ending}").is_file()
        for part in parts_of(job)
        for ending in (".npz", ".json")
    )


def parts_of(job: Job) -> list[str]:
    """Return the parts that a job needs."""
    task = task_of(job.task)
    return list(job.parts) or [part.name for part in (task.parts if task else ())]


def task_of(name: str) -> Task | None:
    """Return a task by name; None where there is none."""
    try:
        return get_task(name)
    except UsageError:
        return None


def _tasks(job: Job) -> list[Task]:
    """Return the task of a job, and the task that its model learns first, where there is one."""
    before = [need.task for need in baseline_of(job).needs if need.task]
    return [get_task(name) for name in (job.task, *before)]
