"""The page of every published table as it is printed, with its source, and BibTeX of what the site shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.datasets import TASKS
from bench.pages.bibtex import bibtex
from bench.published import read_published
from bench.published.claims import LOOKAGAIN, Claim, read_claims
from bench.published.tables import Number, Paper, Table
from bench.results import Result
from bench.tasks import Dataset


@dataclass(frozen=True)
class PrintedRow:
    """One row of a table."""

    name: str
    cells: tuple[str, ...]
    """As printed, with the deviation; empty where nothing is."""


@dataclass(frozen=True)
class PrintedTable:
    """One table of a paper, or another place of its numbers."""

    id: str
    paper: Paper
    place: str
    title: str
    note: str
    runs: int
    columns: tuple[str, ...]
    rows: tuple[PrintedRow, ...]


@dataclass(frozen=True)
class PrintedPage:
    """All tables, paper by paper."""

    tables: tuple[PrintedTable, ...]
    numbers: int
    bibtex: str
    claims: tuple[Claim, ...]
    """What figures show without a number."""
    claimant: Paper
    """The paper of these claims."""


def printed_page(results: Sequence[Result]) -> PrintedPage:
    """Return every table that the repository holds, in the order of its file."""
    numbers = read_published()
    tables: dict[str, list[Number]] = {}
    for number in numbers:
        tables.setdefault(number.place, []).append(number)
    papers = list({number.table.paper.source: number.table.paper for number in numbers}.values())
    shown = [_table(k, held[0].table, held) for k, held in enumerate(tables.values(), 1)]
    datasets: dict[str, Dataset] = {task.dataset.name: task.dataset for task in TASKS}
    references = bibtex([*papers, LOOKAGAIN], datasets.values(), results)
    return PrintedPage(tuple(shown), len(numbers), references, read_claims(), LOOKAGAIN)


def _table(place: int, table: Table, numbers: Sequence[Number]) -> PrintedTable:
    columns = list(dict.fromkeys(map(_column, numbers)))
    rows = list(dict.fromkeys(number.row.row for number in numbers))
    cells: dict[tuple[str, str], list[str]] = {}
    for number in numbers:
        words = f"{number.printed} ± {number.spread}" if number.spread else number.printed
        cells.setdefault((number.row.row, _column(number)), []).append(words)
    shown = [
        PrintedRow(row, tuple(", ".join(dict.fromkeys(cells.get((row, one), []))) for one in columns))
        for row in rows
    ]
    return PrintedTable(
        id=f"table-{place}",
        paper=table.paper,
        place=table.table,
        title=table.title,
        note=table.note,
        runs=table.runs,
        columns=tuple(columns),
        rows=tuple(shown),
    )


def _column(number: Number) -> str:
    return f"{number.column} (%)" if number.unit in ("percent", "points") else number.column
