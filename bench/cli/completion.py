"""What the shell completes: names of tasks, data sets, models and metrics, and the folders of entries."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from bench.errors import BenchError

HOME = Path("submissions")
"""Where entries usually lie."""


def task_names(_context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Return the tasks whose names begin so: of the list, of plugins, and the user's own."""
    from bench.datasets import all_tasks

    try:
        return [task.name for task in all_tasks() if task.name.startswith(begun)]
    except BenchError:  # the command says what is wrong with the store
        return []


def data_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Return the data sets and tasks whose names begin so."""
    from bench.datasets import all_datasets

    names = [dataset.name for dataset in all_datasets() if dataset.name.startswith(begun)]
    return list(dict.fromkeys([*names, *task_names(context, parameter, begun)]))


def model_names(_context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Return the models whose names begin so; none is imported."""
    from baselines.models import models

    return [name for name in models() if name.startswith(begun)]


def metric_names(_context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """Return the metrics, families and procedures whose names begin so."""
    from bench.metrics import FAMILIES, METRICS
    from bench.text import PROCEDURES

    names = [*FAMILIES, *PROCEDURES, *(metric.name for metric in METRICS)]
    return [name for name in names if name.startswith(begun)]


def entry_folders(_context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the entries in `submissions` whose folders begin so; where there is none, any folder."""
    folders = sorted(card.parent.as_posix() for card in HOME.glob("*/submission.toml"))
    found = [CompletionItem(folder) for folder in folders if folder.startswith(begun)]
    return found or [CompletionItem(begun, type="dir")]
