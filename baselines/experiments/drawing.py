"""Drawings of experiments, as SVG by matplotlib: the same numbers give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.runs.curves import can_plot
from bench.about import NAME
from bench.files.writing import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DRAWN = 2
"""Metrics of a task that are drawn: the one that ranks, and the one after it."""
COLOURS = ("#3b6ea5", "#c0392b")


def draw(content: Mapping[str, Any], path: Path) -> Path | None:
    """Draw the content of a result file; None, saying so once, where matplotlib is not installed."""
    if not can_plot():
        return None
    import matplotlib as mpl
    from matplotlib.figure import Figure

    groups = content.get("groups", ())
    with mpl.rc_context({"svg.hashsalt": NAME, "svg.fonttype": "none"}):
        figure = Figure(figsize=(6, max(3.5, 1 + 0.2 * len(groups))), layout="constrained")
        axes = figure.subplots()
        if content["varied"] == "labels":
            _lines(axes, content["points"], content["metrics"][:DRAWN])
        else:
            _dots(axes, groups, content["metrics"][:DRAWN], content["scores"])
        simulated = " (simulated)" if content["task"]["simulated"] else ""
        axes.set_title(f"{content['model']['title']} on {content['task']['name']}{simulated}")
        axes.legend()
        with replacing(path) as file:
            figure.savefig(file, format="svg", metadata={"Date": None})
    return path


def draw_lines(content: Mapping[str, Any], path: Path) -> Path | None:
    """Draw a figure of several models by the metric that ranks; None where matplotlib is not installed.

    Over shares of the labels as lines; of all labels alone, one row for each model.
    """
    if not can_plot():
        return None
    import matplotlib as mpl
    from matplotlib.figure import Figure

    metric, lines = content["metrics"][0], content["lines"]
    with mpl.rc_context({"svg.hashsalt": NAME, "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, max(3.5, 1 + 0.35 * len(lines))), layout="constrained")
        axes = figure.subplots()
        if max(len(line["points"]) for line in lines) > 1:
            for line in lines:
                scores = [
                    (point["fraction"], point["scores"][metric["name"]]["value"]) for point in line["points"]
                ]
                axes.plot(*map(list, zip(*scores, strict=True)), marker="o", label=line["title"])
            axes.set(xlabel="share of the training groups with labels", ylabel=metric["title"])
            axes.legend(fontsize=7)
        else:
            _rows(axes, lines, metric)
        simulated = " (simulated)" if content["task"]["simulated"] else ""
        axes.set_title(f"{content['title']}: {content['task']['name']}{simulated}")
        with replacing(path) as file:
            figure.savefig(file, format="svg", metadata={"Date": None})
    return path


def _rows(axes: Axes, lines: Sequence[Mapping[str, Any]], metric: Mapping[str, Any]) -> None:
    """Draw a row for each model: the mean over seeds, its interval, and every seed as a small dot."""
    for row, line in enumerate(lines):
        score = line["points"][0]["scores"][metric["name"]]
        if score["value"] is None:
            continue
        if score["low"] is not None:
            axes.plot([score["low"], score["high"]], [row, row], color=COLOURS[0], linewidth=1)
        axes.plot([score["value"]], [row], "o", color=COLOURS[0])
        seeds = [value for value in score["per_run"].values() if value is not None]
        axes.plot(seeds, [row] * len(seeds), ".", color=COLOURS[1], alpha=0.6)
    axes.set_yticks(range(len(lines)), [line["title"] for line in lines], fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel=f"{metric['title']}; line: 95 % interval over test groups, small dots: seeds")


def _lines(axes: Axes, points: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]) -> None:
    """Draw each metric over the fraction of groups: the mean, its interval, and every seed as a dot."""
    for metric, colour in zip(metrics, COLOURS, strict=False):
        rows = [(point["fraction"], point["scores"][metric["name"]]) for point in points]
        rows = [(fraction, score) for fraction, score in rows if score["value"] is not None]
        xs = [fraction for fraction, _ in rows]
        axes.plot(xs, [score["value"] for _, score in rows], color=colour, marker="o", label=metric["title"])
        ends = [(x, score["low"], score["high"]) for x, score in rows if score["low"] is not None]
        if ends:
            at, low, high = (list(column) for column in zip(*ends, strict=True))
            axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
        dots = [(x, one) for x, score in rows for one in score["per_run"].values() if one is not None]
        axes.plot(*map(list, zip(*dots, strict=True)), ".", color=colour, alpha=0.6)
    fractions = [point["fraction"] for point in points]
    axes.set_xscale("log")
    axes.set_xticks(fractions, [f"{100 * fraction:g} %" for fraction in fractions])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="training groups with labels; band: 95 % interval over test groups, dots: seeds")


def _dots(
    axes: Axes,
    groups: Sequence[Mapping[str, Any]],
    metrics: Sequence[Mapping[str, Any]],
    scores: Mapping[str, Any],
) -> None:
    """Draw each metric of every group that was left out, and the mean over them as a line."""
    for metric, colour in zip(metrics, COLOURS, strict=False):
        values = [(group["values"][metric["name"]], row) for row, group in enumerate(groups)]
        known = [(value, row) for value, row in values if value is not None]
        if known:
            axes.plot(*map(list, zip(*known, strict=True)), "o", color=colour, label=metric["title"])
        mean = scores[metric["name"]]["value"]
        if mean is not None:
            axes.axvline(mean, color=colour, linewidth=1)
    axes.set_yticks(range(len(groups)), [group["group"] for group in groups], fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="value on the group that was left out; line: mean over groups")
