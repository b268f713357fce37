"""What `bench reproduce` would do: the tables and what each needs, and what is left to train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from baselines.reproduction.jobs import entry_name, is_there, missing_data, parts_of, task_of
from bench.published import Number, jobs, seed_range, tables_of, why_not
from bench.text import table

Row = dict[str, Any]


def listing(numbers: Sequence[Number]) -> list[Row]:
    """Return one row per table: what it prints and what training it again needs."""
    rows = []
    for printed in tables_of(numbers):
        of = [number for number in numbers if number.table == printed]
        asked = [number for number in of if not why_not(number, task_of(number.task))]
        needed = jobs(asked)
        rows.append(
            {
                "name": printed.name,
                "place": printed.place,
                "title": printed.title,
                "numbers": len(of),
                "reproducible": len(asked),
                "tasks": list(dict.fromkeys(number.task for number in of if number.task)),
                "models": [entry_name(job) for job in needed],
                "variants": {n.row.model: list(n.row.variants) for n in asked if n.row.variants},
                "trainings": sum(len(parts_of(job)) * len(job.seeds) for job in needed),
                "seeds": list(printed.seeds),
                "missing": list(dict.fromkeys(hint for job in needed for hint in missing_data(job))),
            }
        )
    return rows


def listing_text(rows: list[Row]) -> str:
    """Return the same as a table, and one of the models that have variants."""
    cells = [
        (
            row["name"],
            row["place"],
            row["title"],
            f"{row['reproducible']} of {row['numbers']}",
            str(len(row["models"])),
            str(row["trainings"]),
            seed_range(row["seeds"]) if row["models"] else "",
            ("here" if not row["missing"] else ", ".join(row["missing"])) if row["models"] else "",
        )
        for row in rows
    ]
    headers = ("table", "where", "what", "reproducible", "models", "trainings", "seeds", "recordings")
    drawn = table(headers, cells, "lllrrrll")
    variants = _variants(rows)
    return f"{drawn}\n\n{variants}" if variants else drawn


def _variants(rows: list[Row]) -> str:
    """Say which of several baselines is expected to reproduce a model, and which others there are."""
    named = {model: others for row in rows for model, others in row["variants"].items()}
    cells = [
        (model, ", ".join(others), ", ".join(row["name"] for row in rows if model in row["variants"]))
        for model, others in named.items()
    ]
    headers = ("expected to reproduce", "with --variants also", "in")
    return table(headers, cells, "lll") if cells else ""


def plan(
    numbers: Sequence[Number], count: int | None, epochs: int | None, out: Path, *, variants: bool = False
) -> list[Row]:
    """Return what `bench reproduce` would train, and then what it cannot give."""
    asked = [number for number in numbers if not why_not(number, task_of(number.task))]
    rows: list[Row] = []
    for job in jobs(asked, count, variants=variants):
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


def plan_text(rows: list[Row]) -> str:
    """Return the same as two tables."""
    steps = [
        (
            row["entry"],
            row["task"],
            f"{len(row['parts'])} of {row['parts_of_task']}",
            seed_range(row["seeds"]),
            f"{len(row['there'])} of {len(row['seeds'])}",
            ", ".join(row["missing"]) or "here",
        )
        for row in rows
        if "entry" in row
    ]
    rest = [(row["row"], row["not reproduced"]) for row in rows if "row" in row]
    headers = ("would train", "task", "parts", "seeds", "there already", "recordings")
    blocks = [table(headers, steps, "llllll") if steps else "nothing to train"]
    if rest:
        blocks.append(table(("not reproduced", "because"), rest, "ll"))
    return "\n\n".join(blocks)
