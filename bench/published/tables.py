"""What the papers printed of models: `leaderboard/reference/`, four tables that refer to each other.

papers.csv      source, citation, url
tables.csv      source, table; name (what `bench reproduce` calls it); title; runs and seeds behind a number;
                spread_over (what a printed ± is the deviation over: "seeds" or "parts"); note
rows.csv        source, table, row (as printed); rival (the model, under one name in all tables of a paper);
                model (the baseline expected to reproduce it); variants (others that the paper may mean, as
                where its text and its code differ); past (their frames of past where they are not the
                recipe's); experiment (its name in the published results of every seed); reason (why no
                baseline is it)
published.csv   source, table, row, column (as printed); task, part, class (of ours; empty = the mean over
                them); metric (ours, that the number is); unit; says (the metric that the label names, where
                that is another); printed, spread (as printed)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.about import NAME
from bench.errors import DataError, UsageError, first, nearest
from bench.files.csv_rows import read_columns
from bench.resources import resource

FACTORS = {"share": 1.0, "percent": 0.01, "points": 0.01, "frames": 1.0, "parameters": 1.0, "seconds": 1.0}
"""Unit -> what a printed number is multiplied by; the shares of our metrics lie in [0, 1]."""
COLUMNS = {
    "papers": "source citation url",
    "tables": "source table name title runs seeds spread_over note",
    "rows": "source table row rival model variants past experiment reason",
    "published": "source table row column task part class metric unit says printed spread",
}
Line = Mapping[str, str]


@dataclass(frozen=True)
class Paper:
    """Who printed numbers."""

    source: str
    citation: str
    url: str


@dataclass(frozen=True)
class Table:
    """One table of a paper, or another place of its numbers."""

    paper: Paper
    table: str
    """Where in the paper."""
    name: str
    """What `bench reproduce` calls it."""
    title: str
    runs: int
    """Trained models behind each number."""
    seeds: tuple[int, ...]
    """Their seeds; empty where nothing says."""
    spread_over: str
    """What a printed ± is the population standard deviation over: "seeds", "parts"; empty without any."""
    note: str

    @property
    def place(self) -> str:
        """Paper and table."""
        return f"{self.paper.source}, {self.table}"


@dataclass(frozen=True)
class Row:
    """One row of a table: which model it is."""

    row: str
    """As printed."""
    rival: str
    """The model, under one name in all tables of a paper."""
    model: str
    """The baseline that is expected to reproduce it; empty where none is."""
    variants: tuple[str, ...]
    """Other baselines that the paper may mean: its text where the code ran otherwise, or the other network
    of the published size."""
    past: int | None
    """Their samples of past, where they are not those of the baseline's recipe."""
    experiment: str
    """Its name in the published results of every seed; empty without any."""
    reason: str
    """Why no baseline is it."""


@dataclass(frozen=True)
class Number:
    """One printed number."""

    table: Table
    row: Row
    column: str
    """As printed."""
    task: str
    """Ours; empty where none asks the question."""
    part: str
    """Empty: the mean over the parts."""
    class_: str
    """Empty: the mean over the classes, or a number of all."""
    metric: str
    """Ours, that the number is; or "parameters", "frames", "seconds_per_epoch"; or what is said of other
    numbers: "gain", "lead", "highest"; or "undefined" where the paper does not define metric or frames."""
    unit: str
    says: str
    """The metric of ours that its label names, where that is another."""
    printed: str
    spread: str

    @property
    def place(self) -> str:
        """Paper and table."""
        return self.table.place

    @property
    def value(self) -> float:
        """The printed number, percentages as shares."""
        return float(self.printed) * FACTORS[self.unit]

    @property
    def digit(self) -> float:
        """One unit of its last digit."""
        return self._digit(self.printed)

    @property
    def deviation(self) -> float | None:
        """The printed ±, None without one."""
        return float(self.spread) * FACTORS[self.unit] if self.spread else None

    @property
    def deviation_digit(self) -> float:
        """One unit of the last digit of its ±."""
        return self._digit(self.spread)

    @property
    def text(self) -> str:
        """As printed, with its ± and unit."""
        spread = f" ± {self.spread}" if self.spread else ""
        return f"{self.printed}{spread}" + (" %" if self.unit == "percent" else "")

    @property
    def model(self) -> tuple[str, str, str]:
        """What tells it from other models: the paper, its name there, the task."""
        return (self.table.paper.source, self.row.rival, self.task)

    def _digit(self, printed: str) -> float:
        return FACTORS[self.unit] * 10.0 ** -len(printed.partition(".")[2])


def read_published(folder: Path | None = None) -> tuple[Number, ...]:
    """Read all printed numbers; raise `DataError` naming every line that is not as described above."""
    return _read(folder or resource("reference", "leaderboard/reference"))


def tables_of(numbers: Sequence[Number]) -> tuple[Table, ...]:
    """Return the tables of these numbers, each once, in their order."""
    return tuple(dict.fromkeys(number.table for number in numbers))


def get_table(numbers: Sequence[Number], name: str) -> list[Number]:
    """Return the numbers of one table by its name; raise `UsageError` where there is none."""
    of_table = [number for number in numbers if number.table.name == name]
    if not of_table:
        names = [table.name for table in tables_of(numbers)]
        raise UsageError(f"no table {name!r}{nearest(name, names)}", hint="bench reproduce --list")
    return of_table


@cache
def _read(folder: Path) -> tuple[Number, ...]:
    read = {name: _lines(folder / f"{name}.csv", columns.split()) for name, columns in COLUMNS.items()}
    faults = _faults(read)
    if faults:
        raise DataError(
            f"the tables of {folder} do not fit together", first(faults), hint=f"reinstall {NAME}"
        )
    papers = {line["source"]: Paper(**line) for line in read["papers"]}
    at = {(line["source"], line["table"]): _table(papers, line) for line in read["tables"]}
    rows = {(line["source"], line["table"], line["row"]): _row(line) for line in read["rows"]}
    return tuple(
        Number(
            table=at[line["source"], line["table"]],
            row=rows[line["source"], line["table"], line["row"]],
            class_=line["class"],
            **{name: line[name] for name in ("column", "task", "part", "metric", "unit", "says")},
            printed=line["printed"],
            spread=line["spread"],
        )
        for line in read["published"]
    )


def _lines(path: Path, columns: Sequence[str]) -> list[Line]:
    rows = read_columns(path, columns, f"reinstall {NAME}")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _faults(read: Mapping[str, Sequence[Line]]) -> list[str]:
    papers = [line["source"] for line in read["papers"]]
    places = [(line["source"], line["table"]) for line in read["tables"]]
    rows = [(line["source"], line["table"], line["row"]) for line in read["rows"]]
    cells = [
        (line["source"], line["table"], line["row"], line["column"], line["part"], line["class"])
        for line in read["published"]
    ]
    names = [line["name"] for line in read["tables"]]
    faults = [
        f"{what} {key!r} comes more than once"
        for what, keys in (("row", rows), ("table", places), ("name", names), ("number", cells))
        for key in dict.fromkeys(keys)
        if list(keys).count(key) > 1
    ]
    faults += [f"table {place!r}: no such paper" for place in places if place[0] not in papers]
    faults += [f"row {row!r}: no such table" for row in rows if row[:2] not in places]
    faults += [
        f"row {line['row']!r} of {line['source']}, {line['table']}: a model or a reason, not both"
        for line in read["rows"]
        if bool(line["model"]) == bool(line["reason"])
    ]
    faults += [
        f"row {line['row']!r} of {line['source']}, {line['table']}: variants of no model, or one model twice"
        for line in read["rows"]
        if _repeats(line["model"], line["variants"].split())
    ]
    faults += [f"row {row!r}: no numbers" for row in rows if row not in {cell[:3] for cell in cells}]
    for number, line in enumerate(read["published"], 2):
        if (line["source"], line["table"], line["row"]) not in rows:
            faults.append(f"published.csv, line {number}: no such row")
        if line["unit"] not in FACTORS:
            faults.append(f"published.csv, line {number}: unit {line['unit']!r}")
        faults += [
            f"published.csv, line {number}: {line[name]!r} is no number"
            for name in ("printed", "spread")
            if not _is_number(line[name]) and (name == "printed" or line[name])
        ]
    return faults


def _repeats(model: str, variants: Sequence[str]) -> bool:
    """Whether variants are of no model, or any baseline is named twice."""
    return bool(variants) and (not model or len({model, *variants}) <= len(variants))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _table(papers: Mapping[str, Paper], line: Line) -> Table:
    low, _, high = line["seeds"].partition("..")
    seeds = tuple(range(int(low), int(high or low) + 1)) if low else ()
    rest = {name: line[name] for name in ("table", "name", "title", "spread_over", "note")}
    return Table(papers[line["source"]], runs=int(line["runs"]), seeds=seeds, **rest)


def _row(line: Line) -> Row:
    rest = {name: line[name] for name in ("row", "rival", "model", "experiment", "reason")}
    past = int(line["past"]) if line["past"] else None
    return Row(variants=tuple(line["variants"].split()), past=past, **rest)
