"""What fewer labels cost a model, and how it does on groups that it never saw.

`label_curve` trains a model on the labels of growing shares of the training groups and scores every training
on the test recordings of the task. `left_out_groups` tests every training group by a model that learned from
the others. `bench.budgets` holds the rules. Trainings lie in a work folder; the same call goes on there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines.contract import Baseline
from baselines.runs.crew import Crew
from baselines.runs.plan import Order
from baselines.runs.train import train_all
from bench.budgets import RULE, RULE_LEAVE_ONE_OUT, Budget, leave_one_out, refuse_clusters
from bench.errors import BenchError, DataError
from bench.evaluation import evaluate, task_card
from bench.files.writing import write_bytes, write_text
from bench.metrics import METRICS_VERSION
from bench.results import Result, Score, canonical, digest_of, plain
from bench.store import manifest
from bench.submissions import Predictions, entry_card, read_tasks
from bench.submitting import lengths, recordings_to_answer
from bench.tasks import Task

FORMAT = 1
SHOWN = ("name", "title", "unit", "higher_is_better")
"""What a file says of each metric."""


@dataclass(frozen=True)
class Experiment:
    """Which model on which task, with which seeds, trained how, and where the work lies."""

    baseline: Baseline
    task: Task
    seeds: Sequence[int]
    device: str
    work: Path
    epochs: int | None = None
    crew: Crew | None = None

    def order(self, name: str, task: Task, seeds: Sequence[int], budget: Budget | None = None) -> Order:
        """Return what is trained into the folder of this name."""
        out = self.work / name
        return Order(self.baseline, task, seeds, self.device, out, self.epochs, budget=budget)


def label_curve(
    experiment: Experiment, fractions: Sequence[float]
) -> tuple[dict[str, Any], BenchError | None]:
    """Train on each fraction of the training groups with each seed; return what a result file holds.

    A fraction is the mean over the seeds, each of which draws other groups and other weights; its interval is
    over test groups. Where some trainings failed, the fault says which, and their seeds are missing.

    Raises `UsageError` and `DataError` as `train_seeds` does, and the fault itself where nothing was trained.
    """
    task = experiment.task
    refuse_clusters(task)
    budgets = {
        fraction: [Budget(fraction, seed) for seed in experiment.seeds] for fraction in sorted(set(fractions))
    }
    orders = {
        budget: experiment.order(f"labels-{_name(fraction)}-seed{budget.seed}", task, [budget.seed], budget)
        for fraction, of_fraction in budgets.items()
        for budget in of_fraction
    }
    fault = _train(experiment, list(orders.values()))
    points = []
    for fraction, of_fraction in budgets.items():
        done = {budget: order for budget in of_fraction if (order := orders[budget]) and _is_there(order)}
        if done:
            result = _scored(task, list(done.values()))
            labelled = {f"seed{budget.seed}": _labelled(budget.cut(task)) for budget in done}
            points.append({"fraction": fraction, "labelled": labelled, "scores": _values(result)})
    if not points:
        raise fault or DataError("nothing was trained")
    return _content(experiment, "labels", RULE, {"points": points}), fault


def left_out_groups(experiment: Experiment) -> dict[str, Any]:
    """Test every training group by a model that learned from the others; return what a result file holds.

    Raises `UsageError` and `DataError` as `train_seeds` does, and one `BenchError` where a training failed:
    a mean over some of the groups would say something else.
    """
    folds = leave_one_out(experiment.task)
    order = experiment.order("left-out", folds, experiment.seeds)
    if fault := _train(experiment, [order]):
        raise fault
    result = _scored(folds, [order])
    titles = {part.name: part.title for part in folds.parts}
    groups = [
        {"group": title, "tested": _amount(folds, name, "test"), "values": _of_part(result, name)}
        for name, title in titles.items()
    ]
    rows = {"groups": groups, "scores": _values(result)}
    return _content(experiment, "groups", RULE_LEAVE_ONE_OUT, rows)


def write_curve(content: Mapping[str, Any], folder: Path) -> Path:
    """Write `<folder>/<task>--<model>--<labels or groups>.json` and return its path."""
    path = folder / f"{content['task']['name']}--{content['model']['name']}--{content['varied']}.json"
    write_bytes(path, canonical(content))
    return path


def _train(experiment: Experiment, orders: Sequence[Order]) -> BenchError | None:
    """Train all orders; return the fault of those that failed while others are there."""
    write_text(experiment.work / ".gitignore", "*\n")
    try:
        train_all(orders, experiment.crew)
    except BenchError as fault:
        if not any(map(_is_there, orders)):
            raise
        return fault
    return None


def _is_there(order: Order) -> bool:
    return any((order.out / order.task.name).glob("seed*"))


def _scored(task: Task, orders: Sequence[Order]) -> Result:
    """Score the runs of several orders as those of one entry."""
    recordings = recordings_to_answer(task)
    expected = lengths(task, recordings)
    runs: dict[str, Any] = {}
    for order in orders:
        entry, read = read_tasks(order.out, lambda _: task, lambda _: expected, only=task.name)
        runs |= read[task.name]
    predictions: Predictions = runs
    return evaluate(task, entry_card(entry, task.name), predictions, recordings)


def _values(result: Result) -> dict[str, Any]:
    return {name: _score(score) for name, score in result.scores.items()}


def _score(score: Score) -> dict[str, Any]:
    return {
        "value": score.value,
        "low": score.low,
        "high": score.high,
        "std_runs": score.std_runs,
        "per_run": dict(score.per_run),
        "per_class": dict(score.per_class),
    }


def _of_part(result: Result, part: str) -> dict[str, float]:
    return {name: score.per_part[part].value for name, score in result.scores.items()}


def _labelled(task: Task) -> dict[str, Any]:
    """Return how much of each part of a task trains."""
    return {part.name: _amount(task, part.name, "train") for part in task.parts}


def _amount(task: Task, part: str, subset: str) -> dict[str, int]:
    split, stored = task.load_split(), manifest(task.dataset).recordings
    groups = split.parts[part].get(subset, {})
    ids = [id_ for of_group in groups.values() for id_ in of_group]
    return {"groups": len(groups), "recordings": len(ids), "frames": sum(stored[id_].frames for id_ in ids)}


def _content(experiment: Experiment, varied: str, rule: str, rows: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a result file; undefined values are null, as in every result."""
    task, baseline = experiment.task, experiment.baseline
    cut = f"{experiment.epochs} epochs asked for" if experiment.epochs is not None else None
    content = {
        "format": FORMAT,
        "varied": varied,
        "rule": rule,
        "model": {"name": baseline.name, "title": baseline.title, "remark": cut},
        "task": {"name": task.name, "title": task.title, "simulated": task.dataset.simulated},
        "split_digest": task.load_split().digest,
        "metrics_version": METRICS_VERSION,
        "metrics": [{key: card[key] for key in SHOWN} for card in task_card(task)["metrics"]],
        "seeds": list(experiment.seeds),
        **rows,
    }
    held: dict[str, Any] = plain(content)
    return {**held, "digest": digest_of(held)}


def _name(fraction: float) -> str:
    """Return a fraction as percent, for the name of a folder.

    >>> _name(0.125), _name(1)
    ('12_5', '100')
    """
    return f"{100 * fraction:g}".replace(".", "_")
