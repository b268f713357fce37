"""Pages that belong to no task: the audit of the papers' tables, and the specification of the metrics."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.metrics import FAMILIES, METRICS_VERSION, arrays
from bench.pages.facts import MetricFacts
from bench.published.findings import AGREES, CUT, DIFFERS, UNPRINTED, Finding
from bench.text import PROCEDURES, unit_to_read

VERDICT_TITLES = {
    DIFFERS: "Does not agree",
    CUT: "Cut off, not rounded",
    UNPRINTED: "Not printed",
    AGREES: "Agrees",
}
"""Verdicts in the order in which a reader needs them."""
VERDICT_LINES = {
    DIFFERS: "The printed number is not what follows from the other numbers that the same papers print.",
    CUT: "The last digit is what remains when the number is cut off; rounded, it would be one higher.",
    UNPRINTED: "Nobody printed this number; it follows from others that are printed.",
    AGREES: "The printed number is what follows, rounded.",
}


@dataclass(frozen=True)
class Verdict:
    """All findings of one verdict."""

    title: str
    line: str
    findings: tuple[Finding, ...]
    open: bool
    """Whether they are shown at once; else they are folded."""


@dataclass(frozen=True)
class AuditPage:
    """What follows from the papers' tables, beside what they print."""

    numbers: int
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Family:
    """One family of metrics."""

    name: str
    line: str
    """What it is about."""
    text: str
    """How its metrics are counted, in lines; empty where there is no more to say."""
    metrics: tuple[MetricFacts, ...]


@dataclass(frozen=True)
class Procedure:
    """A frozen step that is no metric."""

    name: str
    text: str


@dataclass(frozen=True)
class MetricsPage:
    """The specification of all metrics."""

    version: int
    families: tuple[Family, ...]
    procedures: tuple[Procedure, ...]
    examples: Mapping[str, str]
    """Metric -> a small example with its value, which the tests of the function execute."""


def audit_page(findings: Sequence[Finding]) -> AuditPage:
    """Return the page of the audit: what differs first, what agrees folded."""
    verdicts = []
    for verdict, title in VERDICT_TITLES.items():
        held = tuple(finding for finding in findings if finding.verdict == verdict)
        if held:
            verdicts.append(Verdict(title, VERDICT_LINES[verdict], held, verdict != AGREES))
    return AuditPage(len(findings), tuple(verdicts))


def metrics_page() -> MetricsPage:
    """Return the page of the metrics of the version that is here."""
    families = []
    for name, module in FAMILIES.items():
        metrics = tuple(
            MetricFacts(
                name=metric.name,
                title=metric.title,
                definition=metric.definition,
                unit=unit_to_read(metric.unit, 1.0)[0],
                reference=metric.reference,
                higher_is_better=metric.higher_is_better,
            )
            for metric in module.METRICS
        )
        line, _, text = (inspect.getdoc(module) or "").partition("\n")
        families.append(Family(name, line, text.strip("\n"), metrics))
    procedures = [Procedure(name, inspect.getdoc(module) or "") for name, module in PROCEDURES.items()]
    return MetricsPage(METRICS_VERSION, tuple(families), tuple(procedures), _examples())


def _examples() -> dict[str, str]:
    """Return the example in the documentation of every metric that is a function of arrays."""
    texts = [function.__doc__ or "" for function in vars(arrays).values() if inspect.isfunction(function)]
    lead = {" ".join(text.split()): text for text in texts}
    found = {}
    for module in FAMILIES.values():
        for metric in module.METRICS:
            start = " ".join(f"{metric.title}. {metric.definition}".split())
            for words, text in lead.items():
                if words.startswith(start) and ">>>" in text:
                    found[metric.name] = text[text.index(">>>") :].strip()
    return found
