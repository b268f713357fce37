"""What `bench doctor` prints: what is installed and at hand, and what to type for what is not."""

from __future__ import annotations

from collections.abc import Sequence

from bench.doctor import Line, missing
from bench.text.tables import table


def doctor_text(lines: Sequence[Line]) -> str:
    """Return one table, and below it the commands that bring what is missing."""
    rows = [(line.topic, line.name, line.state) for line in lines]
    open_ = missing(lines)
    hints = [f"{line.name}: {line.hint}" for line in open_]
    below = ["", "to bring what is missing:", *hints] if hints else ["", "nothing is missing"]
    return "\n".join([table(("topic", "what", "state"), rows, "lll"), *below])
