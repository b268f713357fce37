"""`train`: recordings in, one run of a submission out, for every part of a task.

Beside the predictions, `<out>/.work/<task>/` holds what is needed to go on after a kill: the last
checkpoint of each part and run, what they were trained on, and which runs are finished. It is no part of
the submission, and git ignores it. It may be deleted once all runs are there: without it nothing says how
they were trained, so no other run can join them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from baselines.baseline import Baseline, Boosting, Recipe
from baselines.listing import parameters
from baselines.runs import Data, Inputs, Run, Scores, differences, load_parts
from bench.errors import DataError, UsageError, first
from bench.submissions import Entry, TaskCard, read_entry, write_card, write_run
from bench.submissions.reading import FORMS
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
) -> Path:
    """Train one model per part with one seed; write `<out>/<task>/seed<seed>.npz`, and the card.

    What trains, what is held out and which epoch predicts is the recipe's to say. `epochs` replaces its
    number, and the card says so. A finished run is not repeated, a killed one goes on after its last epoch.
    Returns the path of the predictions.

    Raises `UsageError` where the model cannot answer the task or the device is not there, `DataError`
    where recordings are missing or where `out` holds runs that were trained otherwise.
    """
    recipe = _recipe(baseline, epochs)
    _check(baseline, task, device)
    run = Run(baseline, task, recipe, seed, device, (work or out / ".work") / task.name)
    parts = load_parts(task, recipe)
    inputs = run.inputs(parts)
    _same_inputs(run, inputs, out)
    predictions = out / task.name / f"{run.name}.npz"
    record = _record(run.folder, predictions)
    if _is_finished(record, inputs, predictions):
        print(f"{predictions} is finished already", file=sys.stderr)
        return predictions

    _refuse_strangers(run, inputs, predictions)
    _remember(run.folder, inputs)
    _declare(run, out)
    scores = {part: _scores(run, part, data, inputs) for part, data in parts.items()}
    predictions = write_run(out, task.name, run.name, scores)
    _write(record, {"inputs": inputs, "predictions": _digest(predictions)})
    return predictions


def _recipe(baseline: Baseline, epochs: int | None) -> Recipe | Boosting | None:
    if epochs is None:
        return baseline.recipe
    if not isinstance(baseline.recipe, Recipe):
        raise UsageError(f"baseline {baseline.name!r} is not trained in epochs")
    return replace(baseline.recipe, epochs=epochs)


def _check(baseline: Baseline, task: Task, device: str) -> None:
    """Refuse before any recording is read."""
    if task.kind != "frames":
        raise UsageError(f"baseline {baseline.name!r} labels frames; task {task.name!r} asks for {task.kind}")
    if device not in ("cpu", "cuda"):
        raise UsageError(f"no device {device!r}", hint="choose cpu or cuda")
    network = isinstance(baseline.recipe, Recipe)
    if device == "cuda" and not network:
        raise UsageError(f"baseline {baseline.name!r} runs on the CPU alone", hint="train with --device cpu")
    if baseline.recipe is None:
        return
    if not task.exclusive:
        raise UsageError(
            f"baseline {baseline.name!r} gives each frame one class; {task.name!r} asks for many"
        )
    for module, name in (("torch", "torch"),) if network else (("sklearn", "scikit-learn"),):
        if find_spec(module) is None:
            raise UsageError(
                f"baseline {baseline.name!r} needs {name}", hint="pip install 'rodent-bench[train]'"
            )
    # Waiting threads sleep instead of spinning: on cores that others use too, an epoch is four times as
    # quick. OpenMP reads this when torch or scikit-learn is first imported; what the user has set stays.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if not network:
        return
    import torch  # here, because the prior trains without it

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("torch finds no CUDA device", hint="train with --device cpu")


def _is_finished(record: Path, inputs: Inputs, predictions: Path) -> bool:
    """Whether the very predictions that are there were made from these inputs."""
    if not (record.is_file() and predictions.is_file()):
        return False
    made: object = json.loads(record.read_bytes())
    return made == {"inputs": inputs, "predictions": _digest(predictions)}


def _scores(run: Run, part: str, data: Data, inputs: Inputs) -> Scores:
    print(f"{run.baseline.title} on {run.task.name}, part {part}, seed {run.seed}", file=sys.stderr)
    if not isinstance(run.recipe, Recipe):
        fitted: Scores = run.baseline.load()(run, data)
        return fitted
    from baselines import networks  # here, because it imports torch

    return networks.scores(run, run.recipe, part, data, inputs)


def _declare(run: Run, out: Path) -> None:
    """Write the card, or this task's table of a card that is there."""
    card = TaskCard(
        classes=run.task.classes,
        output="probabilities",
        description=_description(run),
        extra_data="none",
        causal=run.baseline.causal,
        parameters=parameters(run.baseline, run.task),
    )
    if (out / "submission.toml").exists():
        entry = read_entry(out)
        if entry.tasks.get(run.task.name) != card:
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


def _description(run: Run) -> str:
    """Say what a reader of the card could not guess from the recipe's name."""
    said, recipe, declared = [run.baseline.description], run.recipe, run.baseline.recipe
    if isinstance(recipe, Recipe) and isinstance(declared, Recipe):
        if recipe.ends == "whole":
            said.append("trained on whole windows; where one reaches beyond a recording, its end is repeated")
        if recipe.validation == "windows":
            said.append("its epoch chosen on random windows of the training recordings")
        if recipe.epochs != declared.epochs:
            said.append(f"{recipe.epochs} of {declared.epochs} epochs")
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


def _refuse_strangers(run: Run, inputs: Inputs, predictions: Path) -> None:
    """Refuse other runs beside `predictions` that no record describes: trained how, nobody knows.

    Raises `DataError`, for the same reason. `predictions` themselves are written anew.
    """
    strangers = [
        path
        for path in sorted(predictions.parent.glob("*"))
        if path.suffix in FORMS and not path.name.startswith(".") and path != predictions
        if not _is_finished(_record(run.folder, path), inputs, path)
    ]
    if strangers:
        raise DataError(
            f"{predictions.parent} holds runs of which {run.folder} does not say how they were trained",
            first([f"{path.name}: no record, or not the file that was recorded" for path in strangers]),
            hint=_anew(run, predictions.parent),
        )


def _remember(folder: Path, inputs: Inputs) -> None:
    """Write down what the runs of this folder are trained on."""
    _write(folder / "inputs.json", inputs)
    (folder / ".gitignore").write_text("*\n")


def _anew(run: Run, *folders: Path) -> str:
    """Say what to type where runs would mix."""
    command = f"bench train {run.baseline.name} --task {run.task.name} --out FOLDER"
    return f"{command} trains elsewhere; to train anew here, rm -r {' '.join(map(str, folders))} first"


def _record(folder: Path, predictions: Path) -> Path:
    return folder / f"{predictions.stem}.json"


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    temporary.replace(path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
