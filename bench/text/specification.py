"""The metrics as `bench metrics` specifies them, and the families that order tables."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from bench.errors import UsageError, nearest
from bench.metrics import (
    FAMILIES,
    METRICS,
    METRICS_VERSION,
    Metric,
    metric,
    softnms,
)
from bench.metrics.kernels import matching
from bench.metrics.sampling import intervals, paired, ranks
from bench.text.tables import table

PROCEDURES = {
    "intervals": intervals,
    "paired": paired,
    "ranks": ranks,
    "matching": matching,
    "softnms": softnms,
}
"""Pages for frozen steps that are not metrics, such as Soft-NMS."""


def metric_index() -> str:
    """Return one line for each metric, by family, and the names of the other pages."""
    blocks = [f"metrics version {METRICS_VERSION}"]
    for name, module in FAMILIES.items():
        rows = [[each.name, each.title] for each in module.METRICS]
        blocks.append(f"{name}: {family_line(name)}\n{table(['metric', 'title'], rows, 'll')}")
    blocks.append(f"procedures: {', '.join(PROCEDURES)}")
    blocks.append(
        "bench metrics NAME prints one metric, family or procedure; bench metrics --all prints them all"
    )
    return "\n\n".join(blocks)


def metric_pages(name: str | None = None) -> str:
    """Return the specification of every family, of one family, or of one metric.

    Raises `UsageError` with the nearest name where there is none.
    """
    if name is None:
        shared = f"metrics version {METRICS_VERSION}\n\n{inspect.getdoc(metric)}"
        return "\n\n".join([shared, *(_family_page(family) for family in FAMILIES)])
    if name in FAMILIES:
        return _family_page(name)
    if name in PROCEDURES:
        return f"{name}\n{'=' * len(name)}\n{inspect.getdoc(PROCEDURES[name])}"
    for each in METRICS:
        if each.name == name:
            return _metric_page(each)
    known = [*FAMILIES, *PROCEDURES]
    raise UsageError(
        f"no metric or family {name!r}{nearest(name, [*known, *(each.name for each in METRICS)])}",
        hint=f"bench metrics, or one of {', '.join(known)}",
    )


def metrics_json(name: str | None = None) -> list[dict[str, Any]]:
    """Return the metrics, those of one family, or one, as JSON values; a bound that there is not is null.

    Raises `UsageError` with the nearest name where there is none.
    """
    family = {each.name: title for title, module in FAMILIES.items() for each in module.METRICS}
    chosen = [each for each in METRICS if name in (None, each.name, family[each.name])]
    if not chosen:
        near = nearest(name or "", [*FAMILIES, *family])
        raise UsageError(f"no metric or family {name!r}{near}", hint="bench metrics --json")
    return [
        {
            "name": each.name,
            "family": family[each.name],
            "title": each.title,
            "definition": each.definition,
            "reads": each.reads,
            "mean": each.mean,
            "unit": each.unit,
            "bounds": [bound if math.isfinite(bound) else None for bound in each.bounds],
            "higher_is_better": each.higher_is_better,
            "best_at_zero": each.best_at_zero,
            "reference": each.reference,
        }
        for each in chosen
    ]


def by_family(cards: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Put metrics under their families, in the order of `FAMILIES`; those without a family are "others"."""
    family = {each.name: name for name, module in FAMILIES.items() for each in module.METRICS}
    families: dict[str, list[Mapping[str, Any]]] = {name: [] for name in (*FAMILIES, "others")}
    for card in cards:
        families[family.get(card["name"], "others")].append(card)
    return {name: members for name, members in families.items() if members}


def family_line(name: str) -> str:
    """Return in one line what a family of metrics is about; empty for "others"."""
    return (inspect.getdoc(FAMILIES[name]) or "").split("\n")[0] if name in FAMILIES else ""


def _family_page(family: str) -> str:
    module = FAMILIES[family]
    head = f"{family}\n{'=' * len(family)}\n{inspect.getdoc(module)}"
    return "\n\n".join([head, *(_metric_page(each) for each in module.METRICS)])


def _metric_page(page_of: Metric) -> str:
    better = f"{'higher' if page_of.higher_is_better else 'lower'} is better"
    better = "0 is best" if page_of.best_at_zero else better
    mean = f"mean over {page_of.mean}" if page_of.mean != "none" else "one number"
    facts = [f"reads {page_of.reads}", mean, better]
    if page_of.unit:
        facts.append(f"unit: {page_of.unit}")
    lines = [f"{page_of.name}: {page_of.title} ({', '.join(facts)})", *wrap(page_of.definition, 100)]
    if page_of.reference:
        lines.append(page_of.reference)
    return "\n  ".join(lines)
