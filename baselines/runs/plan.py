"""From an order to jobs and units: what learns from which recordings, who shares it, what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

from baselines.contract import Adapter, Baseline, Need, Question, Recipe, Run
from baselines.models import load
from baselines.runs import job, unit, videos
from baselines.runs.job import Job, Sources
from baselines.runs.questions import adapter_for, question_of, sizes_of
from baselines.runs.recordings import Recordings, every
from baselines.runs.unit import Unit
from baselines.switches import OFF, Switches
from bench.budgets import Budget
from bench.datasets import get_dataset, get_task
from bench.errors import DataError, UsageError, first
from bench.kinds import ids_to_answer
from bench.splits import Split
from bench.tasks import Task


@dataclass(frozen=True)
class Order:
    """One baseline to train on one task with some seeds, into one submission."""

    baseline: Baseline
    task: Task
    seeds: Sequence[int]
    device: str
    out: Path
    epochs: int | None = None
    """In place of the recipe's."""
    parts: tuple[str, ...] = ()
    """Of the task; empty: all. A run that lacks some stays in the work folder and is on no card."""
    work: Path | None = None
    switches: Switches = OFF
    tensorboard: bool = False
    budget: Budget | None = None
    """Which training groups have labels; None: all. An extractor reads the recordings of the others too."""

    @property
    def recipe(self) -> Recipe | None:
        """The baseline's, with the epochs that are asked for."""
        return with_epochs(self.baseline, self.epochs)

    @property
    def share(self) -> str:
        """Words that follow the name of the task: how many labels are learned from, where not all are."""
        return f", {self.budget.words}" if self.budget and self.budget.words else ""

    @property
    def folder(self) -> Path:
        """Where the work of its task lies."""
        return (self.work or self.out / ".work") / self.task.name


def with_epochs(baseline: Baseline, epochs: int | None) -> Recipe | None:
    """Return the recipe of a baseline, with so many epochs where a number is given.

    One that knows none keeps its recipe where what it needs is trained in epochs. Raises `UsageError` where
    nothing is.
    """
    if epochs is None:
        return baseline.recipe
    recipe = baseline.recipe.with_epochs(epochs) if baseline.recipe is not None else None
    if recipe is not None:
        return recipe
    needed = [load(need.model).recipe for need in baseline.needs]
    if any(one is not None and one.with_epochs(epochs) is not None for one in needed):
        return baseline.recipe
    raise UsageError(f"baseline {baseline.name!r} is not trained in epochs", hint="leave out --epochs")


def units_of(order: Order) -> list[Unit]:
    """Return the units of the run with seed 0, one for each part, with the jobs behind them.

    Raises `DataError` where recordings are not at hand, `UsageError` where a joint training would learn from
    what it is tested on.
    """
    baseline, task = order.baseline, order.task
    adapter = adapter_for(baseline, task)
    _check_parts(task)
    if baseline.serves == "part":
        groups = [[part.name] for part in task.parts]
    else:
        recipe = order.recipe
        _refuse_leaks(_served(baseline, task), validates=recipe is not None and recipe.validates)
        groups = [[part.name for part in task.parts]]
    units = []
    for parts in groups:
        shared = _job(order, parts, adapter)
        for part in parts:
            question = question_of(task, part, adapter)
            units.append(_unit(order, question, shared, adapter))
    return units


def _job(order: Order, parts: Sequence[str], adapter: Adapter | None) -> Job:
    """Plan the training that serves these parts of a task; one for several tasks is shared by them."""
    baseline, task = order.baseline, order.task
    if isinstance(baseline.serves, tuple):
        return plan(order, baseline, order.recipe, _served(baseline, task), adapter)
    served = [(task, part) for part in parts]
    part = parts[0] if baseline.serves == "part" else "parts"
    return replace(
        plan(order, baseline, order.recipe, served, adapter),
        words=f"{baseline.title} on {task.name}{order.share}, part {part}",
        folder=order.folder,
        label=part,
        tensorboard=order.tensorboard,
    )


def plan(
    order: Order,
    baseline: Baseline,
    recipe: Recipe | None,
    served: Sequence[tuple[Task, str]],
    adapter: Adapter | None,
) -> Job:
    """Return the job by which a baseline learns these parts of tasks, after all that it needs.

    It lies where several runs share it. `order` says by which device and switches it is computed.
    """
    questions = tuple(question_of(task, part, adapter) for task, part in served)
    if baseline.answers == {"features"}:
        questions = tuple(replace(question, kind="features", weights=()) for question in questions)
    sources = _sources(baseline, recipe, served, questions, order.budget)
    sources.require()
    if "video" in baseline.reads:
        videos.require(sources.all)
    run = Run(
        model=baseline.model,
        recipe=recipe,
        questions=questions,
        sizes=sizes_of(baseline, served[0][0].dataset.skeleton, questions),
        seed=0,
        device=order.device if order.device in baseline.devices else "cpu",
        switches=order.switches if baseline.switches else OFF,
    )
    needs = tuple(_needed(order, need, served) for need in baseline.needs)
    return Job(
        run=run,
        sources=sources,
        words=f"first on {', '.join(dict.fromkeys(task.name for task, _ in served))}",
        inputs=job.inputs_of(run, baseline.name, sources, needs),
        needs=needs,
    )


def _needed(order: Order, need: Need, served: Sequence[tuple[Task, str]]) -> Job:
    """Plan a training that comes first: of the task that is named, else of what is asked, without labels."""
    baseline = load(need.model)
    if need.task:
        task = get_task(need.task)
        served = [(task, part.name) for part in task.parts]
        order = order if task.name == order.task.name else replace(order, budget=None)
    recipe = baseline.recipe
    if order.epochs is not None and recipe is not None:
        recipe = recipe.with_epochs(order.epochs) or recipe
    return plan(order, baseline, recipe, served, None)


def _sources(
    baseline: Baseline,
    recipe: Recipe | None,
    served: Sequence[tuple[Task, str]],
    questions: Sequence[Question],
    budget: Budget | None,
) -> Sources:
    """Return which recordings train and validate; an extractor gets copies of all, without labels."""
    poses, blind = bool(baseline.reads), baseline.answers == {"features"}
    learned = [(task if blind or budget is None else budget.cut(task), part) for task, part in served]

    def subset_of(subset: Any) -> dict[str, Recordings]:
        return {
            question.key: Recordings(task.dataset, tuple(task.load_split().ids(part, subset)), poses, blind)
            for (task, part), question in zip(learned, questions, strict=True)
        }

    unlabelled = []
    for name in baseline.unlabelled:
        if name == "test":
            unlabelled += [
                Recordings(task.dataset, tuple(task.load_split().ids(part, "test")), poses, blind=True)
                for task, part in served
            ]
        else:
            unlabelled.append(every(get_dataset(name)))
    return Sources(
        subset_of("train"), subset_of("val") if recipe and recipe.validates else {}, tuple(unlabelled)
    )


def _unit(order: Order, question: Question, shared: Job, adapter: Adapter | None) -> Unit:
    """Plan what answers for one part: for the recordings that an entry answers."""
    baseline, task = order.baseline, order.task
    ids = tuple(ids_to_answer(task, task.load_split(), question.part))
    answered = Recordings(task.dataset, ids, bool(baseline.reads), blind=True)
    answered.require()
    if "video" in baseline.reads:
        videos.require([answered])
    name = adapter.name if adapter else ""
    return Unit(
        job=shared,
        question=question,
        answered=answered,
        label=f"{baseline.name} on {task.name}{order.share}",
        folder=order.folder,
        inputs=unit.inputs_of(shared.inputs, question, answered, name),
        adapter=name,
    )


def reseeded(one: Unit, seed: int) -> Unit:
    """Return the unit of the run with another seed; nothing else of it depends on that."""

    def job_with_seed(job: Job) -> Job:
        run = replace(job.run, seed=seed)
        return replace(job, run=run, needs=tuple(job_with_seed(need) for need in job.needs))

    return replace(one, job=job_with_seed(one.job))


def _served(baseline: Baseline, task: Task) -> list[tuple[Task, str]]:
    """Return the parts that share one training with those of a task."""
    tasks = [task]
    if isinstance(baseline.serves, tuple):
        tasks = [task if name == task.name else get_task(name) for name in baseline.serves]
    return [(one, part.name) for one in tasks for part in one.parts]


def _check_parts(task: Task) -> None:
    """Raise `DataError` where a part has nothing to train or to test on."""
    split = task.load_split()
    empty = [
        f"{part}: no {subset} recordings"
        for part in split.parts
        for subset in ("train", "test")
        if not split.ids(part, subset)
    ]
    if empty:
        raise DataError(f"task {task.name!r} cannot be trained on", empty, hint="choose another task")


def leaks(served: Sequence[tuple[Task, str]], *, validates: bool = False) -> Iterator[tuple[str, str, str]]:
    """Yield (part, other part, what) where a test recording or group of one trains the other.

    `validates` says that validation recordings are learned from too: they choose the epoch.
    """
    subsets = ("train", "val") if validates else ("train",)
    for (task, part), (other, trained) in permutations(served, 2):
        if task.dataset.name != other.dataset.name:
            continue
        tested = _members(task.load_split(), part, ("test",))
        learned = _members(other.load_split(), trained, subsets)
        if both := sorted(tested & learned):
            yield f"{task.name}/{part}", f"{other.name}/{trained}", both[0]


def _members(split: Split, part: str, subsets: Sequence[str]) -> set[str]:
    """Return the recordings and the groups in some subsets of a part."""
    names: set[str] = set()
    for subset in subsets:
        for group, ids in split.parts[part].get(subset, {}).items():
            names |= {f"group {group}", *(f"recording {id_}" for id_ in ids)}
    return names


def _refuse_leaks(served: Sequence[tuple[Task, str]], *, validates: bool) -> None:
    """Raise `UsageError` where one training of several parts would learn from what it is tested on."""
    pairs = leaks(served, validates=validates)
    problems = [f"{what} tests {part} and trains {other}" for part, other, what in pairs]
    if problems:
        raise UsageError(
            "one training for several parts would learn from recordings that it is tested on",
            first(problems),
            hint="train a baseline that learns each part by itself",
        )
