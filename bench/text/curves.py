"""What `bench curve` prints: scores by fraction of labels, or by the group that was left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from bench.display import UNDEFINED, between, number
from bench.text.tables import page_width, table

MAIN = 3
"""How many metrics of a task are printed; the file holds all."""


def curve_text(content: Mapping[str, Any]) -> str:
    """Return a table of the content of a file that `bench curve` wrote, with the rule below it."""
    metrics = content["metrics"][:MAIN]
    model = content["model"]
    remark = f" ({model['remark']})" if model["remark"] else ""
    rows = _fractions(content, metrics) if content["varied"] == "labels" else _groups(content, metrics)
    simulated = " (simulated)" if content["task"]["simulated"] else ""
    heading = f"{model['title']}{remark} on {content['task']['name']}{simulated}"
    lines = [heading, "", rows, "", *wrap(f"Rule: {content['rule']}.", page_width())]
    return "\n".join(lines)


def _fractions(content: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> str:
    headers = ["labels", "groups", "seeds"]
    for metric in metrics:
        headers += [metric["title"], "95 % interval", "std of seeds"]
    rows = []
    for point in content["points"]:
        counts = sorted({_groups_of(labelled) for labelled in point["labelled"].values()})
        row = [f"{100 * point['fraction']:g} %", ", ".join(counts), str(len(point["labelled"]))]
        for metric in metrics:
            score, unit = point["scores"][metric["name"]], metric["unit"]
            ends = between(_known(score["low"]), _known(score["high"]), unit)
            row += [_cell(score["value"], unit), ends, _cell(score["std_runs"], unit)]
        rows.append(row)
    return table(headers, rows, "r" * len(headers))


def _groups_of(labelled: Mapping[str, Any]) -> str:
    """Return how many groups have labels, of several parts one after the other."""
    return "/".join(str(part["groups"]) for part in labelled.values())


def _groups(content: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> str:
    headers = ["left out", "frames", *(metric["title"] for metric in metrics)]
    rows = [
        [
            group["group"],
            f"{group['tested']['frames']:,}",
            *(_cell(group["values"][metric["name"]], metric["unit"]) for metric in metrics),
        ]
        for group in content["groups"]
    ]
    means = [_cell(content["scores"][metric["name"]]["value"], metric["unit"]) for metric in metrics]
    return table(headers, [*rows, ["mean over groups", "", *means]])


def _known(value: float | str | None) -> float:
    return math.nan if value is None else float(value)


def _cell(value: float | str | None, unit: str) -> str:
    return UNDEFINED if value is None else number(float(value), unit)


def figure_text(content: Mapping[str, Any]) -> str:
    """Return a table of a figure that was run again, with what its paper claims below it."""
    metric = content["metrics"][0]
    rows = []
    for line in content["lines"]:
        for point in line["points"]:
            score, unit = point["scores"][metric["name"]], metric["unit"]
            ends = between(_known(score["low"]), _known(score["high"]), unit)
            share = f"{100 * point['fraction']:g} %"
            rows.append(
                [line["title"], share, _cell(score["value"], unit), ends, _cell(score["std_runs"], unit)]
            )
    headers = ["model", "labels", metric["title"], "95 % interval", "std of seeds"]
    simulated = " (simulated)" if content["task"]["simulated"] else ""
    heading = f"{content['title']}, on {content['task']['name']}{simulated}"
    claim = wrap(f"The paper says, of its own data: {content['claim']}.", page_width())
    return "\n".join([heading, "", table(headers, rows), "", *claim])
