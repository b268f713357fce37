"""Faults of a submission: collected by kind, so that ten thousand of one kind stay readable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

SHOWN = 10
"""How many faults of one kind are listed; the others are counted."""


class Fault(NamedTuple):
    """One thing that is wrong: `kind` groups it, `text` says place, found and expected."""

    kind: str
    text: str

    def at(self, place: str) -> Fault:
        """Return the fault with its place before it."""
        return Fault(self.kind, f"{place}: {self.text}")


def listing(faults: Iterable[Fault]) -> list[str]:
    """Group by kind in order of first appearance: the first ten of each, then how many more."""
    kinds: dict[str, list[str]] = {}
    for fault in faults:
        kinds.setdefault(fault.kind, []).append(fault.text)
    lines = []
    for kind, texts in kinds.items():
        lines += texts[:SHOWN]
        if len(texts) > SHOWN:
            lines.append(f"... and {len(texts) - SHOWN:,} more ({kind})")
    return lines
