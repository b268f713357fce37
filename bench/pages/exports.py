"""The table of a task for others to read: CSV, JSON, LaTeX and Markdown. A cell is text and no more."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from tabulate import tabulate

from bench.pages.facts import MetricFacts, Value
from bench.pages.published import PublishedRow
from bench.pages.rows import RankingRow
from bench.pages.task_page import RankingSection, TaskPage
from bench.pages.words import clean, number

Cell = str | int | float | bool | None
"""None: undefined, or not given."""
FORMULA = ("=", "+", "-", "@")
"""A spreadsheet takes a cell that begins so for a formula."""


@dataclass(frozen=True)
class Exported:
    """One table: columns by name, and rows with a cell in each."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def full_table(page: TaskPage) -> Exported:
    """Return all that the first ranking and the published values say, one row to each model.

    Columns: `rank_first` and `rank_last`, `entry`, `name`, `status`, `remark`; the metric that ranks, with
    `_low` and `_high`, `runs` and `std_runs`; `<metric>:<class>`; other metrics; what the card declares; the
    `source` of a published row. Numbers are whole, shares where a paper prints percent.
    """
    metrics = _metrics(page)
    ranked, *others = metrics
    classes = page.rankings[0].main_classes if page.rankings else ()
    columns = (
        *("rank_first", "rank_last", "entry", "name", "status", "remark"),
        *(ranked.name, f"{ranked.name}_low", f"{ranked.name}_high", "runs", "std_runs"),
        *(f"{ranked.name}:{name}" for name in classes),
        *(metric.name for metric in others),
        *("causal", "parameters", "flops_per_frame", "extra_data", "source"),
    )
    scored = page.rankings[0].rows if page.rankings else ()
    rows = [_scored(row, page.rankings[0], others) for row in scored]
    if page.published:
        printed = page.published
        rows += [_published(row, printed.metrics, metrics, len(classes)) for row in printed.rows]
    return Exported(tuple(map(clean, columns)), tuple(map(_printable, rows)))


def short_table(page: TaskPage) -> Exported:
    """Return what a paper would print of it: ranks, name, the value with its interval, and other metrics."""
    metrics = _metrics(page)
    columns = (
        "rank",
        "model",
        "status",
        metrics[0].title,
        "interval or ±",
        *(one.title for one in metrics[1:]),
    )
    known = page.published.metrics if page.published else ()
    rows: list[tuple[Cell, ...]] = []
    for row in page.rankings[0].rows if page.rankings else ():
        values = [row.value, *row.others]
        shown = [_digits(value, metric) for value, metric in zip(values, metrics, strict=False)]
        rows.append((_ranks(row), _named(row), row.mark, shown[0], _interval(row.value), *shown[1:]))
    for printed in page.published.rows if page.published else ():
        numbers = dict(zip([one.name for one in known], printed.numbers, strict=True))
        cells = [numbers.get(metric.name) for metric in metrics]
        shown = ["" if one is None else one.text + (" %" if one.percent else "") for one in cells]
        spread = f"± {cells[0].spread}" if cells[0] and cells[0].spread else ""
        rows.append(("", _model(printed), printed.mark, shown[0], spread, *shown[1:]))
    return Exported(columns, tuple(rows))


def as_csv(page: TaskPage) -> str:
    """Return the full table as CSV; a text that a spreadsheet would compute has an apostrophe before it."""
    table, stream = full_table(page), io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([_inert(name) for name in table.columns])
    writer.writerows([[_inert(cell) for cell in row] for row in table.rows])
    return stream.getvalue()


def as_json(page: TaskPage) -> str:
    """Return the full table as a JSON list of objects; undefined numbers are null."""
    table = full_table(page)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_latex(page: TaskPage) -> str:
    """Return the short table as LaTeX, for the package booktabs."""
    table = short_table(page)
    return (
        tabulate(
            [[_text(cell) for cell in row] for row in table.rows],
            headers=[_text(name) for name in table.columns],
            tablefmt="latex_booktabs",
            disable_numparse=True,
        )
        + "\n"
    )


def as_markdown(page: TaskPage) -> str:
    """Return the short table as Markdown."""
    table = short_table(page)
    return (
        tabulate(
            [[_escaped(cell) for cell in row] for row in table.rows],
            headers=[_escaped(name) for name in table.columns],
            tablefmt="github",
            disable_numparse=True,
        )
        + "\n"
    )


FORMATS: Mapping[str, tuple[str, str, Callable[[TaskPage], str]]] = {
    "csv": ("csv", "text/csv", as_csv),
    "json": ("json", "application/json", as_json),
    "latex": ("tex", "application/x-tex", as_latex),
    "markdown": ("md", "text/markdown", as_markdown),
}
"""Format -> ending, media type, and what writes it."""


@dataclass(frozen=True)
class Download:
    """A link that saves a table from the page itself, without a request."""

    title: str
    file: str
    address: Markup


def downloads(page: TaskPage) -> tuple[Download, ...]:
    """Return the links of a page to its own table."""
    links = []
    for name, (ending, media, written) in FORMATS.items():
        data = base64.b64encode(written(page).encode()).decode()
        address = Markup(f"data:{media};charset=utf-8;base64,{data}")  # noqa: S704  letters and digits
        links.append(Download(name, f"{page.task.name}.{ending}", address))
    return tuple(links)


def _metrics(page: TaskPage) -> list[MetricFacts]:
    """Return the metric that ranks, the main others, and those that papers print."""
    metrics = {page.task.metrics[0].name: page.task.metrics[0]}
    if page.rankings:
        ranking = page.rankings[0]
        metrics = {metric.name: metric for metric in (ranking.metric, *ranking.others)}
    for metric in page.published.metrics if page.published else ():
        metrics.setdefault(metric.name, metric)
    return list(metrics.values())


def _scored(row: RankingRow, ranking: RankingSection, others: Sequence[MetricFacts]) -> tuple[Cell, ...]:
    known = dict(zip([metric.name for metric in ranking.others], row.others, strict=True))
    ranks = (row.ranks.first, row.ranks.last) if row.ranks else (None, None)
    return (
        *ranks,
        *(row.entry.id, row.entry.name, row.mark, row.entry.remark),
        *map(_number, (row.value.value, row.value.low, row.value.high)),
        *(row.runs, _number(row.std_runs.value)),
        *(_number(value.value) for value in row.classes),
        *(_number(known[metric.name].value) if metric.name in known else None for metric in others),
        *(row.card.causal, row.card.parameters, row.card.flops_per_frame, str(row.card.extra_data or "")),
        "",
    )


def _published(
    row: PublishedRow, printed: Sequence[MetricFacts], metrics: Sequence[MetricFacts], classes: int
) -> tuple[Cell, ...]:
    numbers = {
        metric.name: one.value for metric, one in zip(printed, row.numbers, strict=True) if one is not None
    }
    value, *others = (numbers.get(metric.name) for metric in metrics)
    return (
        *(None, None, row.model, _model(row), row.mark, ""),
        *(value, None, None, None, None),
        *(None,) * classes,
        *others,
        *(None, None, None, ""),
        f"{row.source}, {row.tables}",
    )


def _ranks(row: RankingRow) -> str:
    ranks = row.ranks
    if ranks is None or not ranks.tested:
        return ""
    return str(ranks.first) if ranks.first == ranks.last else f"{ranks.first}-{ranks.last}"


def _named(row: RankingRow) -> str:
    return f"{row.entry.name} ({row.entry.remark})" if row.entry.remark else row.entry.name


def _model(row: PublishedRow) -> str:
    return f"{row.name} (part {row.part} alone)" if row.part else row.name


def _digits(value: Value, metric: MetricFacts) -> str:
    return "" if math.isnan(value.value) else number(value.value, metric.unit)


def _interval(value: Value) -> str:
    if math.isnan(value.low):
        return ""
    return f"[{number(value.low, value.unit)}, {number(value.high, value.unit)}]"


def _printable(row: tuple[Cell, ...]) -> tuple[Cell, ...]:
    return tuple(clean(cell) if isinstance(cell, str) else cell for cell in row)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(cell: Cell) -> str:
    return "" if cell is None else clean(str(cell), 200)


def _inert(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    text = _text(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def _escaped(cell: Cell) -> str:
    """Return a cell of a Markdown table, every sign that means something there after a backslash."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", _text(cell))
