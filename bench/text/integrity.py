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
    for file in checked:
        code = ", scored by other code of the metrics than this" if file.by_other_code else ""
        lines.append(f"{file.path}: {f'{len(file.faults)} faults' if file.faults else 'ok'}{code}")
        if file.faults:
            lines += [f"  {fault}" for fault in first(map(str, file.faults))]
            lines.append(f"  next: {file.hint}")
    faulty = sum(bool(file.faults) for file in checked)
    lines += ["", f"{len(checked)} results: {len(checked) - faulty} ok, {faulty} with faults"]
    return printable("\n".join(lines)) + "\n"


def integrity_json(checked: Sequence[Checked]) -> list[dict[str, Any]]:
    """Return every file with its faults: where, what is there, what was expected, and what to do next."""
    return [
        {
            "file": printable(str(file.path)),
            "faults": [
                {"place": place_text(fault.place), "found": fault.found, "expected": fault.expected}
                for fault in file.faults
            ],
            "by_other_code": file.by_other_code,
            "next": printable(file.hint) if file.faults else None,
        }
        for file in checked
    ]
