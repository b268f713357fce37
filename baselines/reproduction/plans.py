"""What `bench reproduce` would do: the tables and what each needs, and what is left to train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from baselines.reproduction.jobs import entry_name, is_there, missing_data, parts_of, task_of
from bench.published import Number, jobs, tables_of, why_not

Row = dict[str, Any]


def listing(numbers: Sequence[Number]) -> list[Row]:
    """Return one row per table: what it prints and what training it again needs."""
    rows = []
    for printed in tables_of(numbers):
        cells = [number for number in numbers if number.table == printed]
        possible = _possible(cells)
        needed = jobs(possible)
        rows.append(
            {
                "name": printed.name,
                "place": printed.place,
                "title": printed.title,
                "numbers": len(cells),
                "reproducible": len(possible),
                "tasks": list(dict.fromkeys(number.task for number in cells if number.task)),
                "models": [entry_name(job) for job in needed],
                "variants": {n.row.model: list(n.row.variants) for n in possible if n.row.variants},
                "trainings": sum(len(parts_of(job)) * len(job.seeds) for job in needed),
                "seeds": list(printed.seeds),
                "missing": list(dict.fromkeys(hint for job in needed for hint in missing_data(job))),
            }
        )
    return rows


def plan(
    numbers: Sequence[Number], count: int | None, epochs: int | None, out: Path, *, variants: bool = False
) -> list[Row]:
    """Return what `bench reproduce` would train, and then what it cannot give."""
    rows: list[Row] = []
    for job in jobs(_possible(numbers), count, variants=variants):
        entry, task = out / entry_name(job), task_of(job.task)
        rows.append(
            {
                "model": job.model,
                "past": job.past,
                "task": job.task,
                "parts": parts_of(job),
                "parts_of_task": len(task.parts) if task else 0,
                "seeds": list(job.seeds),
                "epochs": epochs,
                "entry": str(entry),
                "there": [seed for seed in job.seeds if is_there(entry, job, seed)],
                "missing": missing_data(job),
            }
        )
    reasons = {(number.row.row, why_not(number, task_of(number.task))): None for number in numbers}
    return rows + [{"row": row, "not reproduced": reason} for row, reason in reasons if reason]


def _possible(numbers: Sequence[Number]) -> list[Number]:
    """Return the numbers that a run of ours can give."""
    return [number for number in numbers if not why_not(number, task_of(number.task))]
