"""The datasets and the tasks asked of them: one file per dataset, named in the lists below."""

from bench.about import TITLE
from bench.datasets import (
    calms21,
    calms21_parts,
    calms21_unlabelled,
    demo,
    demo_feeder,
    demo_unlabelled,
    ethome,
    mabe22,
    oft,
    own,
    rat_dyads,
    ratseizure,
    ratsi,
)
from bench.errors import UsageError, nearest
from bench.tasks import Dataset, Task

DATASETS: tuple[Dataset, ...] = (
    demo.DATASET,
    demo_unlabelled.DATASET,
    calms21.DATASET,
    calms21_parts.DATASET2,
    calms21_parts.DATASET3,
    calms21_unlabelled.DATASET,
    oft.DATASET,
    ratsi.DATASET,
    mabe22.DATASET,
    ratseizure.DATASET,
    rat_dyads.DATASET,
    ethome.DATASET,
)
TASKS: tuple[Task, ...] = (
    demo.TASK,
    demo.TASK_CLUSTERS,
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
    rat_dyads.TASK_BOUTS,
    rat_dyads.TASK_CLUSTERS,
    ethome.TASK,
)

__all__ = ["DATASETS", "TASKS", "all_tasks", "get_dataset", "get_task", "refuse_official", "tasks_of"]


def all_tasks() -> tuple[Task, ...]:
    """Return the tasks of the list and the user's own, which `bench add` keeps in `$BENCH_HOME`."""
    return TASKS + own.own_tasks()


def get_task(name: str) -> Task:
    """Return the task of that name: of the list, or an own one that `bench add` keeps.

    `demo-<recordings>x<frames>` is the demo at another size, `demo-feeder-<recordings>x<frames>` the one with
    a feeder. Raises `UsageError` naming the nearest task where there is none.
    """
    for task in TASKS:
        if task.name == name:
            return task
    own_task = own.own_task(name)
    task_of_name = _sized(name) if own_task is None else own_task.task()
    if task_of_name is None:
        if name in [dataset.name for dataset in DATASETS]:
            asking = [task.name for task in all_tasks() if task.dataset.name == name]
            hint = f"name a task that asks it: {', '.join(asking)}" if asking else "bench tasks"
            raise UsageError(f"{name!r} is a data set, no task", hint=hint)
        raise _unknown("task", name, [task.name for task in all_tasks()])
    return task_of_name


def get_dataset(name: str) -> Dataset:
    """Return the dataset of that name, or the one that the task of that name asks.

    Raises `UsageError` naming the nearest dataset where there is none.
    """
    for dataset in DATASETS:
        if dataset.name == name:
            return dataset
    if _is_sized(name):
        return get_task(name).dataset  # or why there is no such size
    try:
        return get_task(name).dataset
    except UsageError:
        names = dict.fromkeys([*(task.name for task in all_tasks()), *(dataset.name for dataset in DATASETS)])
        raise _unknown("dataset", name, list(names)) from None


def tasks_of(dataset: Dataset) -> list[Task]:
    """Return the tasks that ask a data set; of a demo of another size and of an own data set, the one.

    None asks a data set of poses alone.
    """
    tasks = [task for task in TASKS if task.dataset.name == dataset.name]
    if tasks:
        return tasks
    try:
        return [get_task(dataset.name)]
    except UsageError:
        return []


def refuse_official(name: str) -> None:
    """Raise `UsageError` where an own task would take a name that means something else already."""
    official = {task.name for task in TASKS} | {dataset.name for dataset in DATASETS}
    if name in official or name == "tasks" or _is_sized(name):
        raise UsageError(
            f"name {name!r} is taken by {TITLE} itself", hint="name your task otherwise, as in mylab-1"
        )


def _is_sized(name: str) -> bool:
    return any(module.NAME.fullmatch(name) for module in (demo, demo_feeder))


def _sized(name: str) -> Task | None:
    return demo.task_by_name(name) or demo_feeder.task_by_name(name)


def _unknown(kind: str, name: str, names: list[str]) -> UsageError:
    if name.endswith(".toml"):
        return UsageError(f"{name} is a file, no {kind}", hint=f"bench add {name}, then use the name in it")
    return UsageError(
        f"no {kind} {name!r}{nearest(name, names)}", hint=f"one of {', '.join(names)}, or demo-<R>x<F>"
    )
