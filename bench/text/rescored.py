"""How ranks change when results are scored again, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from bench.display import number
from bench.rescoring import Moved
from bench.text.tables import table


def rescored_text(moves: Sequence[Moved]) -> str:
    """Return a table of every entry with its value and rank before and after, and how many changed."""
    rows = [
        [
            row.task,
            row.entry,
            number(row.old),
            number(row.new) if row.again else "not at hand",
            str(row.old_rank),
            str(row.new_rank) + ("" if row.old_rank == row.new_rank else " *"),
        ]
        for row in moves
    ]
    again = [row for row in moves if row.again]
    differing = sum(row.old != row.new and not (row.old != row.old and row.new != row.new) for row in again)
    ranks = sum(row.old_rank != row.new_rank for row in moves)
    heads = ["task", "entry", "value before", "after", "rank before", "after"]
    words = f"{len(again)} of {len(moves)} scored again: {differing} values and {ranks} ranks differ"
    return f"{table(heads, rows, 'llrrrr')}\n\n{words}"
