"""A card against its tasks: which of them nobody knows, and which keys their tables lack or cannot have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.errors import UsageError, nearest
from bench.files.faults import quoted
from bench.submissions.card import CARD, Entry, TaskCard, shown_name
from bench.submissions.faults import Fault
from bench.submissions.forms import form_of
from bench.tasks import Task


def task_faults(entry: Entry, get_task: Callable[[str], Task]) -> Iterator[Fault]:
    """Say which tasks of the card nobody knows, and what its tables do not say as their tasks need it."""
    for name, card in entry.tasks.items():
        try:
            task = get_task(name)
        except UsageError as fault:
            yield Fault("card", f"{CARD}: tasks.{shown_name(name)}: {fault.title}")
        else:
            yield from _class_faults(card, task)
            yield from (
                fault.at(f"{CARD}: tasks.{task.name}") for fault in form_of(task).card_faults(card, task)
            )


def _class_faults(card: TaskCard, task: Task) -> Iterator[Fault]:
    """Say how the declared classes differ from the task's: by name, or only by order."""
    names, place = list(card.classes), f"{CARD}: tasks.{task.name}: classes"
    if not names or names == list(task.classes):
        return  # an empty list was already named as missing or mistyped
    for name in dict.fromkeys(names):
        if name not in task.classes:
            yield Fault("classes", f"{place}: {quoted(name)} is not a class{nearest(name, task.classes)}")
        if names.count(name) > 1:
            yield Fault("classes", f"{place}: {quoted(name)} stands there {names.count(name)} times")
    for name in task.classes:
        if name not in names:
            yield Fault("classes", f"{place}: {name!r} is missing")
    if sorted(names) == sorted(task.classes):
        yield Fault(
            "classes",
            f"{place}: in the order {', '.join(names)}; expected {', '.join(task.classes)}"
            + form_of(task).class_order,
        )
