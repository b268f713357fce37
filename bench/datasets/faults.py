"""How many faults of one file are shown: a wrong file can have one on every line."""

from collections.abc import Sequence

SHOWN = 20


def first(faults: Sequence[str]) -> list[str]:
    """Return the first faults, and how many more there are."""
    rest = len(faults) - SHOWN
    return [*faults[:SHOWN], *([f"and {rest:,} more"] if rest > 0 else [])]
