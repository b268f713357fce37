"""How a value is written for people, and a table as HTML for notebooks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

UNDEFINED = "–"


def number(value: float, unit: str = "") -> str:
    """Write a value: three decimals for fractions, one for frames, a dash where undefined.

    >>> number(0.53249), number(12.0, "frames"), number(float("nan")), number(float("inf"), "frames")
    ('0.532', '12.0', '–', '∞')
    """
    if math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.1f}" if unit in ("frames", "per minute") else f"{value:.3f}"


def p_value(value: float) -> str:
    """Write a p; one that three decimals would make 0 is said to be below .001, a dash where undefined.

    >>> p_value(0.0312), p_value(3e-7), p_value(float("nan"))
    ('0.031', '<0.001', '–')
    """
    return "<0.001" if value < 0.0005 else number(value)


def between(low: float, high: float, unit: str = "") -> str:
    """Write an interval, a dash where there is none."""
    return UNDEFINED if math.isnan(low) or math.isnan(high) else f"{number(low, unit)} – {number(high, unit)}"


def score_cells(title: str, unit: str, score: Any) -> list[str]:
    """Return the cells of one metric: title, value, interval, and the values of the classes.

    `score` is a `bench.results.Score`, which this room does not know.
    """
    classes = [number(value, unit) for value in score.per_class.values()]
    return [title, number(score.value, unit), between(score.low, score.high, unit), *classes]


def html_table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as HTML, every text escaped; short rows end with empty cells.

    >>> html_table("<b>", ["a"], [["1 & 2"]])
    '<table><caption>&lt;b&gt;</caption><tr><th>a</th></tr><tr><td>1 &amp; 2</td></tr></table>'
    """
    head = "".join(f"<th>{escape(text)}</th>" for text in headers)
    full = [[*row, *[""] * (len(headers) - len(row))] for row in rows]
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in full)
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>"
