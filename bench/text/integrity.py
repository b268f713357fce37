"""The faults of result files as text, and as plain values for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.errors import first, printable
from bench.files.faults import place_text
from bench.verification.results import Checked


def integrity_text(checked: Sequence[Checked]) -> str:
    """Return a line for every file, below it each fault with its place, and what to do next."""
    lines = []
    for one in checked:
        lines.append(f"{one.path}: {f'{len(one.faults)} faults' if one.faults else 'ok'}")
        if one.faults:
            lines += [f"  {fault}" for fault in first(map(str, one.faults))]
            lines.append(f"  next: {one.hint}")
    wrong = sum(bool(one.faults) for one in checked)
    lines += ["", f"{len(checked)} results: {len(checked) - wrong} ok, {wrong} with faults"]
    return printable("\n".join(lines)) + "\n"


def integrity_json(checked: Sequence[Checked]) -> list[dict[str, Any]]:
    """Return every file with its faults: where, what is there, what was expected, and what to do next."""
    return [
        {
            "file": str(one.path),
            "faults": [
                {"place": place_text(fault.place), "found": fault.found, "expected": fault.expected}
                for fault in one.faults
            ],
            "next": one.hint if one.faults else None,
        }
        for one in checked
    ]
