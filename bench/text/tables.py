"""Aligned tables: one function for all. On a terminal they fit its width, in a pipe they are whole."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from textwrap import wrap

from tabulate import tabulate

PAGE = 100
"""Characters of a line of prose."""
GAP = 2
"""Spaces between two columns."""
PADDING = 2
"""Characters that tabulate adds to a header."""
LEAST = 12
"""Words are not wrapped to fewer characters."""
NARROWEST = 40
"""A terminal is taken to have at least so many characters in a line."""


@dataclass(frozen=True)
class Column:
    """A header and the cells below it; where it is wrapped, they have line breaks."""

    head: str
    cells: tuple[str, ...]
    left: bool
    """Words stand to the left and may be wrapped, numbers to the right."""
    limit: int | None = None
    """Characters at which cells are wrapped when nothing else limits the table."""

    @property
    def width(self) -> int:
        """How many characters its longest line has, as tabulate draws it."""
        return max(_width(self.head) + PADDING, *map(_width, self.cells), 0)

    @property
    def least(self) -> int:
        """How many characters it needs at least: those of its longest word, or of its numbers."""
        words = chain(*(cell.split() for cell in (self.head, *self.cells)))
        return min(self.width, max(LEAST, *map(len, words))) if self.left else self.width

    def wrapped(self, width: int) -> Column:
        """Return it with lines of at most this width, where its words and numbers allow that."""
        width = max(width, self.least)
        cells = tuple(_wrapped(cell, width) for cell in self.cells)
        return replace(self, head=_wrapped(self.head, width - PADDING), cells=cells)

    def with_short_head(self) -> Column:
        """Return it with the header wrapped to the width of the cells, or of its longest word.

        A header that places words by several spaces, such as the ends of an axis, stays as it is.
        """
        if "  " in self.head:
            return self
        least = [LEAST] if self.left else [0]
        widths = [*(_width(cell) - PADDING for cell in self.cells), *map(len, self.head.split())]
        return replace(self, head=_wrapped(self.head, max(least + widths)))


def terminal_width() -> int | None:
    """Return how many characters fit a line of the terminal; None where output goes to a pipe or a file."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return max(shutil.get_terminal_size().columns, NARROWEST)


def page_width() -> int:
    """Return how many characters a paragraph is wrapped to: 100, or fewer where the terminal is narrower."""
    return min(PAGE, terminal_width() or PAGE)


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    align: str = "",
    *,
    limits: Mapping[int, int] | None = None,
    titles: Mapping[int, str] | None = None,
    width: int | None = None,
) -> str:
    """Return rows aligned under headers.

    `align` has an "l" or "r" for each column; without it names stand to the left and numbers to the right.
    `titles` puts a title above a row, by its index, and indents the rest.

    A table that is wider than `width`, which is that of the terminal unless it is given, wraps its headers
    and the words of its left columns. Where that is not enough, its columns stand in several tables below
    each other, each with the first column. Without a width, columns are wrapped at their `limits` alone.

    >>> print(table(["metric", "value"], [["F1", "0.532"], ["bout F1", "0.25"]]))
    metric      value
    --------  -------
    F1          0.532
    bout F1      0.25
    """
    align = align or "l" + "r" * (len(headers) - 1)
    columns = [
        Column(head, tuple(row[k] for row in rows), align[k] == "l", (limits or {}).get(k))
        for k, head in enumerate(headers)
    ]
    width = width or terminal_width()
    tables = _fitted(columns, width - (GAP if titles else 0)) if width else [columns]
    return "\n\n".join(_drawn(each, titles or {}) for each in tables)


def fold(heading: str) -> str:
    """Break a long heading between its words."""
    return _wrapped(heading, LEAST)


def _drawn(columns: Sequence[Column], titles: Mapping[int, str]) -> str:
    rows = list(zip(*(column.cells for column in columns), strict=True))
    limits = [column.limit for column in columns]
    drawn = tabulate(
        rows,
        headers=[column.head for column in columns],
        tablefmt="simple",
        colalign=["left" if column.left else "right" for column in columns] if rows else None,
        maxcolwidths=limits if any(limits) else None,
        disable_numparse=True,
    )
    wrapped = any("\n" in text for column in columns for text in (column.head, *column.cells))
    # tabulate leaves out an empty row where any cell is wrapped
    heights = [0 if wrapped and not any(row) else max(cell.count("\n") + 1 for cell in row) for row in rows]
    if not titles and 0 not in heights:
        return drawn
    lines, indent = drawn.split("\n"), " " * (GAP if titles else 0)
    start = len(lines) - sum(heights)
    result = [f"{indent}{line}" for line in lines[:start]]
    for k, height in enumerate(heights):
        result += ["", titles[k]] if k in titles else []
        result += [f"{indent}{line}" for line in lines[start : start + height]] or [""]
        start += height
    return "\n".join(result)


def _fitted(columns: Sequence[Column], width: int) -> list[Sequence[Column]]:
    """Return the table, with wrapped words if it is wider, or several tables if that is not enough."""
    columns = [replace(column, limit=None) for column in columns]
    if _total(columns) > width:
        columns = [column.with_short_head() for column in columns]
        fitting = (cap for cap in range(width, LEAST - 1, -1) if _total(_capped(columns, cap)) <= width)
        columns = _capped(columns, next(fitting, width // 3))
    tables: list[list[Column]] = [[columns[0]]]
    for column in columns[1:]:
        if len(tables[-1]) > 1 and _total([*tables[-1], column]) > width:
            tables.append([columns[0]])
        tables[-1].append(column)
    return list(tables)


def _capped(columns: Sequence[Column], cap: int) -> list[Column]:
    return [column.wrapped(cap) if column.left else column for column in columns]


def _total(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _width(cell: str) -> int:
    return max(map(len, cell.split("\n")))


def _wrapped(cell: str, limit: int) -> str:
    if _width(cell) <= limit:
        return cell
    lines = (wrap(line, limit, break_long_words=False) or [""] for line in cell.split("\n"))
    return "\n".join(chain.from_iterable(lines))
