"""The datasets and the tasks asked of them: one file per dataset, named in the lists below."""

from bench.datasets import calms21, calms21_parts, demo, ethome, mabe22, oft, rat_dyads, ratseizure, ratsi
from bench.errors import UsageError, nearest
from bench.tasks import Dataset, Task

DATASETS: tuple[Dataset, ...] = (
    demo.DATASET,
    calms21.DATASET,
    calms21_parts.DATASET2,
    calms21_parts.DATASET3,
    oft.DATASET,
    ratsi.DATASET,
    mabe22.DATASET,
    ratseizure.DATASET,
    rat_dyads.DATASET,
    ethome.DATASET,
)
TASKS: tuple[Task, ...] = (
    demo.TASK,
    calms21.TASK1,
    calms21.TASK1_MSGL,
    calms21_parts.TASK2,
    calms21_parts.TASK3,
    *oft.TASKS,
    *ratsi.TASKS,
    mabe22.TASK,
    *ratseizure.TASKS,
    rat_dyads.TASK,
    rat_dyads.TASK_AGGRESSION,
    ethome.TASK,
)

__all__ = ["DATASETS", "TASKS", "get_dataset", "get_task"]


def get_task(name: str) -> Task:
    """Return the task of that name; `demo-<recordings>x<frames>` is the demo at another size.

    Raises `UsageError` naming the nearest task where there is none.
    """
    for task in TASKS:
        if task.name == name:
            return task
    sized = demo.task_by_name(name)
    if sized is None:
        raise _unknown("task", name, [task.name for task in TASKS])
    return sized


def get_dataset(name: str) -> Dataset:
    """Return the dataset of that name, or the one that the task of that name asks.

    Raises `UsageError` naming the nearest dataset where there is none.
    """
    named = {**{task.name: task.dataset for task in TASKS}, **{dataset.name: dataset for dataset in DATASETS}}
    if name in named:
        return named[name]
    sized = demo.task_by_name(name)
    if sized is None:
        raise _unknown("dataset", name, list(named))
    return sized.dataset


def _unknown(kind: str, name: str, known: list[str]) -> UsageError:
    return UsageError(
        f"no {kind} {name!r}{nearest(name, known)}", hint=f"one of {', '.join(known)}, or demo-<R>x<F>"
    )
