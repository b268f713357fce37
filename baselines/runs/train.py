"""`train`: recordings in, one run of a submission out, for every part of a task.

Beside the predictions, `<out>/.work/<task>/` holds what is needed to go on after a kill: the last
checkpoint of each part and run, what they were trained on, and which runs are finished. It is no part of
the submission, and git ignores it. It may be deleted once all runs are there: without it nothing says how
they were trained, so no other run can join them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from baselines.adapters import bouts
from baselines.contract import Baseline, Boosting, Recipe
from baselines.runs import card, joining, records
from baselines.runs.crew import Crew, Outcome
from baselines.runs.pretraining import check_tuning
from baselines.runs.run import Inputs, Run, load_parts
from baselines.runs.unit import Unit, check_device
from baselines.switches import OFF, Switches, check_switches
from bench.about import install_hint
from bench.errors import BenchError, UsageError, first, nearest
from bench.submissions import form_of, write_detections, write_run
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

    @property
    def recipe(self) -> Recipe | Boosting | None:
        """The baseline's, with the epochs that are asked for."""
        if self.epochs is None:
            return self.baseline.recipe
        if not isinstance(self.baseline.recipe, Recipe):
            raise UsageError(f"baseline {self.baseline.name!r} is not trained in epochs")
        return self.baseline.recipe.with_epochs(self.epochs)


@dataclass(frozen=True)
class Trained:
    """One run, as far as it was asked for."""

    order: Order
    run: Run
    path: Path
    """Where the submission holds its predictions, once it has all parts."""
    units: tuple[Unit, ...]
    """Parts to train: those asked for and those there from before; none where `path` was there already."""
    lacks: tuple[str, ...]
    """Parts that nobody has asked for; with any, nothing is at `path`, and `units` hold the scores."""


def train(
    baseline: Baseline,
    task: Task,
    *,
    seed: int,
    device: str,
    out: Path,
    epochs: int | None = None,
    work: Path | None = None,
    switches: Switches = OFF,
    tensorboard: bool = False,
) -> Path:
    """Train one model per part with one seed, as `train_seeds` does; return the path of the predictions."""
    order = Order(
        baseline, task, [seed], device, out, epochs, work=work, switches=switches, tensorboard=tensorboard
    )
    return train_all([order])[0][0].path


def train_seeds(
    baseline: Baseline,
    task: Task,
    *,
    seeds: Sequence[int],
    device: str,
    out: Path,
    epochs: int | None = None,
    work: Path | None = None,
    crew: Crew | None = None,
    switches: Switches = OFF,
    tensorboard: bool = False,
) -> list[Path]:
    """Train one model per part and seed; write `<out>/<task>/seed<seed>.npz` of each seed, and the card.

    Where the task asks for segments, `.json`: what is learned is its question about frames (`bouts`).

    What trains, what is held out and which epoch predicts is the recipe's to say. `epochs` replaces its
    number, and the card says so. A finished run is not repeated, a killed one goes on after its last epoch.
    A crew trains many units side by side; without one they train here, one after the other, to the same
    bytes. Returns the paths of the predictions, in the order of `seeds`.

    Raises `UsageError` where the model cannot answer the task or the device is not there, `DataError`
    where recordings are missing or where `out` holds runs that were trained otherwise. Where a unit fails the
    others are finished first; then one `BenchError` lists all that failed.
    """
    order = Order(
        baseline, task, seeds, device, out, epochs, work=work, switches=switches, tensorboard=tensorboard
    )
    return [trained.path for trained in train_all([order], crew)[0]]


def train_all(orders: Sequence[Order], crew: Crew | None = None) -> list[list[Trained]]:
    """Train what several orders ask for, as `train_seeds` does; a crew works at all of them at once.

    Returns the runs of each order. Nothing is trained before all orders are found to be fine.
    """
    if crew:
        crew.check()
    for order in orders:
        _check(order, crew)
    planned = [_plan(order) for order in orders]
    _work_off([trained for of in planned for trained in of], crew)
    return planned


def _plan(order: Order) -> list[Trained]:
    """Read what an order depends on, refuse what would mix, and declare what will be there."""
    task, recipe, folder = order.task, order.recipe, (order.work or order.out / ".work") / order.task.name
    asked = bouts.frame_task(task)
    runs = [
        Run(order.baseline, asked, recipe, seed, order.device, folder, order.switches, order.tensorboard)
        for seed in dict.fromkeys(order.seeds)
    ]
    if order.switches != OFF and isinstance(recipe, Recipe):
        from baselines.engine import windows  # here, because it imports torch

        windows.check_switches(runs[0], recipe)
    inputs = runs[0].inputs(load_parts(task, recipe))  # the same for all seeds
    joining.check_inputs(runs[0], inputs, order.out)
    joining.check_model(order.baseline, asked.name, order.out)
    planned = [_as_far_as_asked(order, run, inputs) for run in runs]
    open_ = [trained for trained in planned if trained.units]
    for trained in planned:
        if not trained.units:
            print(f"{trained.path} is finished already", file=sys.stderr)
    if open_:
        joining.refuse_strangers(runs[0], inputs, form_of(task).endings, [trained.path for trained in open_])
        joining.remember(folder, inputs)
        if not all(trained.lacks for trained in open_):
            card.declare(runs[0], task, order.out)
    return planned


def _as_far_as_asked(order: Order, run: Run, inputs: Inputs) -> Trained:
    path = order.out / order.task.name / f"{run.name}{form_of(order.task).endings[0]}"
    if records.is_finished(run.folder, path, inputs):
        return Trained(order, run, path, (), ())
    units = [Unit(run, part.name, inputs) for part in order.task.parts]
    here = [unit for unit in units if not order.parts or unit.part in order.parts or unit.is_done()]
    there = {unit.part for unit in here}
    lacks = tuple(unit.part for unit in units if unit.part not in there)
    return Trained(order, run, path, tuple(here), lacks)


def _work_off(runs: Sequence[Trained], crew: Crew | None) -> None:
    """Train all units, write each run as soon as the last of its parts is done, then raise what failed."""
    of = {unit.path: trained for trained in runs for unit in trained.units}
    units = [unit for trained in runs for unit in trained.units]
    done = {unit.path: unit for unit in units if unit.is_done()}  # before a kill
    left = [unit for unit in units if unit.path not in done]
    missing = {trained.path: len(trained.units) for trained in runs}
    failed: list[tuple[Unit, BenchError]] = []
    with closing(crew.train(left) if crew else _one_by_one(left)) as ended:
        for unit, fault in chain(((unit, None) for unit in done.values()), ended):
            if fault is not None:
                failed.append((unit, fault))
                continue
            trained = of[unit.path]
            missing[trained.path] -= 1
            if not missing[trained.path] and not trained.lacks:
                _assemble(trained)
    if failed:
        raise _all_of(failed, len(left))


def _one_by_one(units: Sequence[Unit]) -> Generator[Outcome, None, None]:
    for unit in units:
        try:
            unit.train()
        except BenchError as fault:
            if len(units) > 1:  # else it is said at once
                print(f"{unit.title} failed: {fault.title}", file=sys.stderr)
            yield unit, fault
        else:
            yield unit, None


def _all_of(failed: Sequence[tuple[Unit, BenchError]], asked: int) -> BenchError:
    """Return all faults as one; the fault itself where nothing else was asked for."""
    if asked == 1:
        return failed[0][1]
    said = [
        f"{unit.title}: {'; '.join([fault.title, *fault.problems])}"
        + (f" ({fault.hint})" if fault.hint else "")
        for unit, fault in failed
    ]
    return BenchError(
        f"{len(failed)} of {asked} could not be trained; what else was asked for is finished",
        first(said),
        hint="mend what is listed, then run the same command again: it goes on with what is missing",
    )


def _assemble(trained: Trained) -> None:
    """Write the predictions of one run, all parts in one file."""
    task, out, run = trained.order.task, trained.order.out, trained.run
    scores = {unit.part: unit.read() for unit in trained.units}
    if task.kind == "segments":
        found = bouts.all_detections(scores, task.dataset.fps)
        predictions = write_detections(out, task, run.name, found)
    else:
        predictions = write_run(out, task.name, run.name, scores)
    records.finish(run.folder, predictions, trained.units[0].inputs)
    for unit in trained.units:
        unit.forget()


def _check(order: Order, crew: Crew | None) -> None:
    """Raise `UsageError` for an order that cannot be met, before any recording is read."""
    network, switches = isinstance(order.recipe, Recipe), order.switches
    check(order.baseline, order.task, order.device, here=crew is None or crew.cluster is None)
    check_switches(switches, order.device, network=network, tensorboard=order.tensorboard)
    if crew and switches.devices > 1:
        raise UsageError("a worker has one device", hint="leave out --devices, or --workers and --cluster")
    known = [part.name for part in order.task.parts]
    for part in order.parts:
        if part not in known:
            raise UsageError(
                f"task {order.task.name!r} has no part {part!r}{nearest(part, known)}",
                hint=f"choose of {', '.join(known)}",
            )


def check(baseline: Baseline, task: Task, device: str, *, here: bool = True) -> None:
    """Raise `UsageError` for what cannot be trained, before any recording is read.

    `here` says that this machine trains: then the device must be there.
    """
    if task.kind == "clusters":
        raise UsageError(f"baseline {baseline.name!r} learns labels; task {task.name!r} asks for {task.kind}")
    if device not in ("cpu", "cuda"):
        raise UsageError(f"no device {device!r}", hint="choose cpu or cuda")
    network = isinstance(baseline.recipe, Recipe)
    if device == "cuda" and not network:
        raise UsageError(f"baseline {baseline.name!r} runs on the CPU alone", hint="train with --device cpu")
    if baseline.recipe is None:
        return
    if not task.dataset.keypoints:
        raise UsageError(
            f"baseline {baseline.name!r} looks at poses, and {task.dataset.name!r} has none",
            hint=f"bench train prior --task {task.name}",
        )
    check_tuning(baseline, task)
    for module, name in (("torch", "torch"),) if network else (("sklearn", "scikit-learn"),):
        if find_spec(module) is None:
            raise UsageError(f"baseline {baseline.name!r} needs {name}", hint=install_hint("train"))
    # Waiting threads sleep instead of spinning: on cores that others use too, an epoch is four times as
    # quick. OpenMP reads this when torch or scikit-learn is first imported; what the user has set stays.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if here:
        check_device(device)
