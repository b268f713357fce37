"""What `bench reproduce --list` and `--dry-run` print: the papers' tables, and what would be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.published import seed_range
from bench.text.tables import table

Row = Mapping[str, Any]


def listing_text(rows: Sequence[Row]) -> str:
    """Return a table of the papers' tables, and one of the models that have variants."""
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


def _variants(rows: Sequence[Row]) -> str:
    """Say which of several baselines is expected to reproduce a model, and which others there are."""
    named = {model: others for row in rows for model, others in row["variants"].items()}
    cells = [
        (model, ", ".join(others), ", ".join(row["name"] for row in rows if model in row["variants"]))
        for model, others in named.items()
    ]
    headers = ("expected to reproduce", "with --variants also", "in")
    return table(headers, cells, "lll") if cells else ""


def plan_text(rows: Sequence[Row]) -> str:
    """Return what would be trained and what cannot be reproduced, as two tables."""
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
