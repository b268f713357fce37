"""`train`: recordings in, runs of a submission out, for every part of a task.

Beside the predictions, `<out>/.work/<task>/` holds what is needed to go on after a kill: the last
checkpoint of each part and run, what they were trained on, and which runs are finished; and the state of
each model, from which it can predict again. It is no part of the submission, and git ignores it. It may be
deleted once all runs are there: without it nothing says how they were trained, so no other run can join them.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from baselines.contract import Baseline
from baselines.dependencies import Inputs
from baselines.runs import card, joining, records
from baselines.runs.check import check_order
from baselines.runs.crew import Crew, Outcome, Work
from baselines.runs.job import Job
from baselines.runs.plan import Order, reseeded, units_of
from baselines.runs.unit import Unit
from baselines.switches import OFF, Switches
from bench.errors import BenchError, first
from bench.submissions import form_of
from bench.tasks import Task


@dataclass(frozen=True)
class Trained:
    """One run, as far as it was asked for."""

    order: Order
    seed: int
    path: Path
    """Where the submission holds its predictions, once it has all parts."""
    units: tuple[Unit, ...]
    """Parts to train: those asked for and those there from before; none where `path` was there already."""
    lacks: tuple[str, ...]
    """Parts that nobody has asked for; with any, nothing is at `path`, and `units` hold the answers."""
    inputs: Inputs
    """All that its predictions depend on."""

    @property
    def name(self) -> str:
        """What the submission calls it."""
        return f"seed{self.seed}"


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

    Where the task asks for segments, `.json`.

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
        check_order(order, many=crew is not None, elsewhere=crew is not None and crew.cluster is not None)
    planned = [_plan(order) for order in orders]
    _work_off([trained for runs in planned for trained in runs], crew)
    return planned


def _plan(order: Order) -> list[Trained]:
    """Read what an order depends on, refuse what would mix, and declare what will be there."""
    task, folder = order.task, order.folder
    units = units_of(order)
    inputs = joining.merged([unit.inputs for unit in units])  # the same for all seeds
    joining.check_inputs(folder, inputs, order.out / task.name)
    joining.check_model(order.baseline, task.name, order.out)
    planned = [_as_far_as_asked(order, units, inputs, seed) for seed in dict.fromkeys(order.seeds)]
    open_ = [trained for trained in planned if trained.units]
    for trained in planned:
        if not trained.units:
            print(f"{trained.path} is finished already", file=sys.stderr)
    if open_:
        joining.refuse_strangers(folder, inputs, form_of(task).endings, [trained.path for trained in open_])
        joining.remember(folder, inputs)
        if not all(trained.lacks for trained in open_):
            card.declare(order, units)
    return planned


def _as_far_as_asked(order: Order, planned: Sequence[Unit], inputs: Inputs, seed: int) -> Trained:
    path = order.out / order.task.name / f"seed{seed}{form_of(order.task).endings[0]}"
    if records.is_finished(order.folder, path, inputs):
        return Trained(order, seed, path, (), (), inputs)
    units = [reseeded(unit, seed) for unit in planned]
    here = [unit for unit in units if not order.parts or unit.question.part in order.parts or unit.is_done()]
    there = {unit.question.part for unit in here}
    lacks = tuple(unit.question.part for unit in units if unit.question.part not in there)
    return Trained(order, seed, path, tuple(here), lacks, inputs)


def _work_off(runs: Sequence[Trained], crew: Crew | None) -> None:
    """Train all units, write each run as soon as the last of its parts is done, then raise what failed.

    What several units need comes first; a unit is not tried where what it needs has failed.
    """
    by_path = {unit.path: trained for trained in runs for unit in trained.units}
    units = [unit for trained in runs for unit in trained.units]
    done = {unit.path for unit in units if unit.is_done()}  # before a kill
    left = [unit for unit in units if unit.path not in done]
    missing = {trained.path: len(trained.units) for trained in runs}
    failed: list[tuple[Work, BenchError]] = []
    with closing(_in_turn(left, crew)) as ended:
        for work, fault in chain(((unit, None) for unit in units if unit.path in done), ended):
            if fault is not None:
                failed.append((work, fault))
            elif isinstance(work, Unit):
                trained = by_path[work.path]
                missing[trained.path] -= 1
                if not missing[trained.path] and not trained.lacks:
                    _assemble(trained)
    if failed:
        raise _all_of(failed, len(left))


def _in_turn(units: Sequence[Unit], crew: Crew | None) -> Generator[Outcome, None, None]:
    """Do what others need, turn by turn, then them; yield each unit that ended, and each job that failed."""
    if not units:
        return
    here = partial(_one_by_one, alone=len(units) == 1)
    failed: dict[Path, BenchError] = {}
    with crew.at_work() if crew else nullcontext(here) as do:
        for turn in in_turns(units):
            hopeless = [work for work in turn if any(need.path in failed for need in needs_of(work))]
            for work in hopeless:
                failed[work.path] = BenchError("what it needs could not be trained")
                yield work, failed[work.path]
            with closing(do([work for work in turn if work.path not in failed])) as ended:
                for work, fault in ended:
                    if fault is not None:
                        failed[work.path] = fault
                    if fault is not None or isinstance(work, Unit):
                        yield work, fault


def needs_of(work: Work) -> list[Job]:
    """Return the jobs that come before a piece of work: those it needs and, of a unit, one that it shares."""
    if isinstance(work, Job):
        return list(work.needs)
    return [*work.job.needs, *([work.job] if work.job.path != work.state_path else [])]


def in_turns(units: Sequence[Unit]) -> list[list[Work]]:
    """Return jobs that units need, each once, in turns: what one needs is in an earlier turn; then units."""
    depths: dict[Path, int] = {}
    jobs: dict[Path, Job] = {}

    def depth(work: Work) -> int:
        levels = [depth(need) for need in needs_of(work)]
        for need, level in zip(needs_of(work), levels, strict=True):
            jobs[need.path], depths[need.path] = need, level
        return 1 + max(levels, default=-1)

    of_units = {unit.path: depth(unit) for unit in units}
    count = 1 + max([*of_units.values(), -1])
    turns: list[list[Work]] = [[] for _ in range(count)]
    for path, job in jobs.items():
        if not job.is_done():
            turns[depths[path]].append(job)
    for unit in units:
        turns[of_units[unit.path]].append(unit)
    return turns


def _one_by_one(works: Sequence[Work], *, alone: bool) -> Generator[Outcome, None, None]:
    with tqdm(total=len(works), unit=" trained", leave=False, disable=True if alone else None) as bar:
        for work in works:
            try:
                work.train()
            except BenchError as fault:
                if not alone:  # else it is said at once
                    tqdm.write(f"{work.title} failed: {fault.title}", file=sys.stderr)
                yield work, fault
            else:
                yield work, None
            bar.update()


def _all_of(failed: Sequence[tuple[Work, BenchError]], asked: int) -> BenchError:
    """Return all faults as one; the fault itself where nothing else was asked for."""
    if asked == 1:
        return failed[0][1]
    lines = [
        f"{work.title}: {'; '.join([fault.title, *fault.problems])}"
        + (f" ({fault.hint})" if fault.hint else "")
        for work, fault in failed
    ]
    count = sum(isinstance(work, Unit) for work, _ in failed)
    return BenchError(
        f"{count} of {asked} could not be trained; what else was asked for is finished",
        first(lines),
        hint="mend what is listed, then run the same command again: it goes on with what is missing",
    )


def _assemble(trained: Trained) -> None:
    """Write the predictions of one run, all parts in one file."""
    order = trained.order
    parts: dict[str, Any] = {unit.question.part: unit.read() for unit in trained.units}
    predictions = form_of(order.task).write(order.out, order.task, trained.name, parts)
    records.finish(order.folder, predictions, trained.inputs)
    for unit in trained.units:
        unit.forget()
