"""The metrics as `bench metrics` specifies them, and the families that order tables."""

from __future__ import annotations

import inspect
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
from bench.metrics.sampling import intervals, paired

PROCEDURES = {"intervals": intervals, "paired": paired, "matching": matching, "softnms": softnms}
"""Pages for frozen steps that are not metrics, such as Soft-NMS."""


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
    for one in METRICS:
        if one.name == name:
            return _metric_page(one)
    known = [*FAMILIES, *PROCEDURES]
    raise UsageError(
        f"no metric or family {name!r}{nearest(name, [*known, *(one.name for one in METRICS)])}",
        hint=f"bench metrics, or one of {', '.join(known)}",
    )


def by_family(cards: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Put metrics under their families, in the order of `FAMILIES`; those of no family now are "others"."""
    family = {one.name: name for name, module in FAMILIES.items() for one in module.METRICS}
    grouped: dict[str, list[Mapping[str, Any]]] = {name: [] for name in (*FAMILIES, "others")}
    for card in cards:
        grouped[family.get(card["name"], "others")].append(card)
    return {name: of for name, of in grouped.items() if of}


def family_line(name: str) -> str:
    """Say in one line what a family of metrics is about; empty where it is none of ours."""
    return (inspect.getdoc(FAMILIES[name]) or "").split("\n")[0] if name in FAMILIES else ""


def _family_page(family: str) -> str:
    module = FAMILIES[family]
    head = f"{family}\n{'=' * len(family)}\n{inspect.getdoc(module)}"
    return "\n\n".join([head, *(_metric_page(one) for one in module.METRICS)])


def _metric_page(one: Metric) -> str:
    better = "higher is better" if one.higher_is_better else "lower is better"
    facts = [f"reads {one.reads}", f"mean over {one.mean}" if one.mean != "none" else "one number", better]
    if one.unit:
        facts.append(f"unit: {one.unit}")
    lines = [f"{one.name}: {one.title} ({', '.join(facts)})", *wrap(one.definition, 100)]
    if one.reference:
        lines.append(one.reference)
    return "\n  ".join(lines)
