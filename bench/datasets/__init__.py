"""The datasets and the tasks asked of them: one file per dataset, named in the lists below."""

from functools import cache

from bench.about import TITLE
from bench.datasets import (
    calms21,
    calms21_parts,
    calms21_unlabelled,
    demo,
    demo_feeder,
    demo_segments,
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
from bench.plugins import plugins
from bench.tasks import TASK_NAME, TASK_NAME_RULE, Dataset, Task

DATASETS: tuple[Dataset, ...] = (
    demo.DATASET,
    demo_unlabelled.DATASET,
    demo_segments.DATASET,
    demo_segments.DATASET_SESSIONS,
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
    demo_segments.TASK,
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

__all__ = [
    "DATASETS",
    "TASKS",
    "all_datasets",
    "all_tasks",
    "get_dataset",
    "get_task",
    "plugin_tasks",
    "refuse_official",
    "tasks_of",
]


def all_tasks() -> tuple[Task, ...]:
    """Return the tasks of the list, those of plugins, and the user's own, which `bench add` keeps."""
    return TASKS + plugin_tasks() + own.own_tasks()


def all_datasets() -> tuple[Dataset, ...]:
    """Return the data sets of the list and those that tasks of plugins ask, each once."""
    added = {task.dataset.name: task.dataset for task in plugin_tasks()}
    return DATASETS + tuple(added.values())


@cache
def plugin_tasks() -> tuple[Task, ...]:
    """Return the tasks of plugins; what cannot be used is left out with a warning."""
    taken = {task.name for task in TASKS} | {dataset.name for dataset in DATASETS}
    found: list[Task] = []
    for plugin in plugins("bench.tasks"):
        value = plugin.load()
        for task in value if isinstance(value, tuple | list) else [value] if value is not None else []:
            if not isinstance(task, Task):
                plugin.refuse(f"{type(task).__name__}, expected a Task or several in a tuple")
            elif not TASK_NAME.fullmatch(task.name) or _is_sized(task.name):
                plugin.refuse(f"a task called {task.name!r}, expected {TASK_NAME_RULE}")
            elif {task.name, task.dataset.name} & taken:
                plugin.refuse(f"task {task.name!r} of {task.dataset.name!r}: that name is taken")
            else:
                found.append(task)
    return tuple(found)


def get_task(name: str) -> Task:
    """Return the task of that name: of the list, of a plugin, or an own one that `bench add` keeps.

    `demo-<recordings>x<frames>` is the demo at another size, `demo-feeder-<recordings>x<frames>` the one with
    a feeder. Raises `UsageError` naming the nearest task where there is none.
    """
    for task in (*TASKS, *plugin_tasks()):
        if task.name == name:
            return task
    own_task = own.own_task(name)
    task_of_name = _sized(name) if own_task is None else own_task.task()
    if task_of_name is None:
        if name in [dataset.name for dataset in all_datasets()]:
            asking = [task.name for task in all_tasks() if task.dataset.name == name]
            hint = f"name a task that asks it: {', '.join(asking)}" if asking else "bench tasks"
            raise UsageError(f"{name!r} is a data set, no task", hint=hint)
        raise _unknown("task", name, [task.name for task in all_tasks()])
    return task_of_name


def get_dataset(name: str) -> Dataset:
    """Return the dataset of that name, or the one that the task of that name asks.

    Raises `UsageError` naming the nearest dataset where there is none.
    """
    for dataset in all_datasets():
        if dataset.name == name:
            return dataset
    if _is_sized(name):
        return get_task(name).dataset  # or why there is no such size
    try:
        return get_task(name).dataset
    except UsageError:
        names = dict.fromkeys(
            [*(task.name for task in all_tasks()), *(dataset.name for dataset in all_datasets())]
        )
        raise _unknown("dataset", name, list(names)) from None


def tasks_of(dataset: Dataset) -> list[Task]:
    """Return the tasks that ask a data set; of a demo of another size and of an own data set, the one.

    None asks a data set of poses alone.
    """
    tasks = [task for task in (*TASKS, *plugin_tasks()) if task.dataset.name == dataset.name]
    if tasks:
        return tasks
    try:
        return [get_task(dataset.name)]
    except UsageError:
        return []


def refuse_official(name: str) -> None:
    """Raise `UsageError` where an own task would take a name that means something else already."""
    official = {task.name for task in TASKS} | {dataset.name for dataset in DATASETS}
    added = {task.name for task in plugin_tasks()} | {task.dataset.name for task in plugin_tasks()}
    if name in official | added or name == "tasks" or _is_sized(name):
        owner = "a plugin" if name in added else f"{TITLE} itself"
        raise UsageError(f"name {name!r} is taken by {owner}", hint="name your task otherwise, as in mylab-1")


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
