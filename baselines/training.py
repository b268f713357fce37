"""`train`: recordings in, one run of a submission out, for every part of a task.

Beside the predictions, `<out>/.work/<task>/` holds what is needed to go on after a kill: the last
checkpoint of each part and run, what they were trained on, and which runs are finished. It is no part of
the submission, and git ignores it. It may be deleted once all runs are there: without it nothing says how
they were trained, so no other run can join them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from baselines import bouts, records
from baselines.baseline import Baseline, Boosting, Recipe
from baselines.listing import parameters
from baselines.pretraining import check_tuning, extra_data
from baselines.runs import Data, Inputs, Run, differences, load_parts
from baselines.switches import OFF, Switches, check_switches
from baselines.units import Unit, check_device
from baselines.workers import Crew
from bench.errors import DataError, UsageError, first
from bench.submissions import Entry, TaskCard, forms, read_entry, write_card, write_detections, write_run
from bench.tasks import Task


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
    return train_seeds(
        baseline,
        task,
        seeds=[seed],
        device=device,
        out=out,
        epochs=epochs,
        work=work,
        switches=switches,
        tensorboard=tensorboard,
    )[0]


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
    where recordings are missing or where `out` holds runs that were trained otherwise.
    """
    recipe = _recipe(baseline, epochs)
    check(baseline, task, device, here=crew is None or crew.cluster is None)
    check_switches(switches, device, network=isinstance(recipe, Recipe), tensorboard=tensorboard)
    if crew and switches.devices > 1:
        raise UsageError("a worker has one device", hint="leave out --devices, or --workers and --cluster")
    asked = bouts.frame_task(task)
    runs = [
        Run(baseline, asked, recipe, seed, device, (work or out / ".work") / task.name, switches, tensorboard)
        for seed in dict.fromkeys(seeds)
    ]
    if switches.devices > 1 and isinstance(recipe, Recipe):
        from baselines import networks  # here, because it imports torch

        networks.check_devices(runs[0], recipe)
    parts = load_parts(task, recipe)
    inputs = runs[0].inputs(parts)  # the same for all seeds
    _same_inputs(runs[0], inputs, out)
    paths = {run.name: out / task.name / f"{run.name}{forms(task)[0]}" for run in runs}
    open_ = [run for run in runs if not records.is_finished(run.folder, paths[run.name], inputs)]
    for run in runs:
        if run not in open_:
            print(f"{paths[run.name]} is finished already", file=sys.stderr)
    if open_:
        _refuse_strangers(runs[0], inputs, forms(task), [paths[run.name] for run in open_])
        _remember(runs[0].folder, inputs)
        _declare(runs[0], task, out)
        _work_off([Unit(run, part, inputs) for run in open_ for part in parts], parts, task, out, crew)
    return list(paths.values())


def _work_off(
    units: Sequence[Unit], parts: Mapping[str, Data], task: Task, out: Path, crew: Crew | None
) -> None:
    """Train all units; write each run as soon as the last of its parts is done."""
    done = [unit for unit in units if unit.is_done()]  # before a kill
    left = [unit for unit in units if unit not in done]
    missing = {unit.run.name: {other.part for other in units if other.run == unit.run} for unit in units}
    with closing(crew.train(left) if crew else _one_by_one(left, parts)) as trained:
        for unit in chain(done, trained):
            missing[unit.run.name].remove(unit.part)
            if not missing[unit.run.name]:
                _assemble([other for other in units if other.run == unit.run], task, out)


def _one_by_one(units: Sequence[Unit], parts: Mapping[str, Data]) -> Generator[Unit, None, None]:
    for unit in units:
        unit.train(parts[unit.part])
        yield unit


def _assemble(units: Sequence[Unit], task: Task, out: Path) -> None:
    """Write the predictions of one run, all parts in one file."""
    run, inputs = units[0].run, units[0].inputs
    scores = {unit.part: unit.read() for unit in units}
    if task.kind == "segments":
        found = bouts.all_detections(scores, task.dataset.fps)
        predictions = write_detections(out, task, run.name, found)
    else:
        predictions = write_run(out, task.name, run.name, scores)
    records.finish(run.folder, predictions, inputs)
    for unit in units:
        unit.forget()


def _recipe(baseline: Baseline, epochs: int | None) -> Recipe | Boosting | None:
    if epochs is None:
        return baseline.recipe
    if not isinstance(baseline.recipe, Recipe):
        raise UsageError(f"baseline {baseline.name!r} is not trained in epochs")
    return baseline.recipe.with_epochs(epochs)


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
            raise UsageError(
                f"baseline {baseline.name!r} needs {name}", hint="pip install 'rodent-bench[train]'"
            )
    # Waiting threads sleep instead of spinning: on cores that others use too, an epoch is four times as
    # quick. OpenMP reads this when torch or scikit-learn is first imported; what the user has set stays.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if here:
        check_device(device)


def _declare(run: Run, task: Task, out: Path) -> None:
    """Write the card, or this task's table of a card that is there."""
    frames = task.kind == "frames"
    card = TaskCard(
        classes=task.classes,
        output="probabilities" if frames else None,
        description=_description(run) + ("" if frames else f"; {bouts.SAID}"),
        extra_data=extra_data(run.recipe),
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
        authors=("The rodent-bench developers",),
        licence="Apache-2.0",
        tasks={run.task.name: card},
        paper=run.baseline.paper,
    )
    write_card(out, entry)


def _flops(run: Run) -> int | None:
    if not isinstance(run.recipe, Recipe):
        return None
    from baselines import measuring  # here, because it imports torch

    return measuring.flops(run, run.recipe)


def _description(run: Run) -> str:
    """Say what a reader of the card could not guess from the recipe's name."""
    said, recipe, declared = [run.baseline.description], run.recipe, run.baseline.recipe
    if isinstance(recipe, Recipe) and isinstance(declared, Recipe):
        if recipe.ends == "whole":
            said.append("trained on whole windows; where one reaches beyond a recording, its end is repeated")
        split = run.task.load_split()
        if recipe.validation == "windows" and not all(split.ids(part, "val") for part in split.parts):
            said.append("its epoch chosen on random windows of the training recordings")
        if recipe.epochs != declared.epochs:
            said.append(f"{recipe.epochs} of {declared.epochs} epochs")
    said += run.switches.said()
    return "; ".join(said)


def _same_inputs(run: Run, inputs: Inputs, out: Path) -> None:
    """Refuse a run that is trained otherwise than those whose work is in its folder.

    Raises `DataError`: the mean over runs of one entry means nothing where they are not alike.
    """
    path = run.folder / "inputs.json"
    if not path.is_file():
        return
    found = json.loads(path.read_bytes())
    if differing := differences(found, inputs):
        raise DataError(
            f"{run.folder} holds runs that were trained otherwise",
            differing,
            hint=_anew(run, run.folder, out / run.task.name),
        )


def _refuse_strangers(run: Run, inputs: Inputs, endings: Sequence[str], new: Sequence[Path]) -> None:
    """Refuse predictions beside the new ones that no record describes: trained how, nobody knows.

    Raises `DataError`, for the same reason. Those that will be written anew may be there.
    """
    folder = new[0].parent
    strangers = [
        path
        for path in sorted(folder.glob("*"))
        if path.suffix in endings and not path.name.startswith(".") and path not in new
        if not records.is_finished(run.folder, path, inputs)
    ]
    if strangers:
        raise DataError(
            f"{folder} holds runs of which {run.folder} does not say how they were trained",
            first([f"{path.name}: no record, or not the file that was recorded" for path in strangers]),
            hint=_anew(run, folder),
        )


def _remember(folder: Path, inputs: Inputs) -> None:
    """Write down what the runs of this folder are trained on."""
    records.write(folder / "inputs.json", inputs)
    (folder / ".gitignore").write_text("*\n")


def _anew(run: Run, *folders: Path) -> str:
    """Say what to type where runs would mix."""
    command = f"bench train {run.baseline.name} --task {run.task.name} --out FOLDER"
    return f"{command} trains elsewhere; to train anew here, rm -r {' '.join(map(str, folders))} first"
