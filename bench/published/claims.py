"""What a paper shows in figures alone: the direction in words, `leaderboard/reference/claims.csv`.

The columns are figure, data and claim. The words are ours. A height read off a plot is no published number,
so a claim holds none and ranks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.about import NAME
from bench.files.csv_rows import read_columns
from bench.published.tables import Paper
from bench.resources import resource

LOOKAGAIN = Paper("LookAgain", "LookAgain, arXiv:2603.07279", "https://arxiv.org/abs/2603.07279")
"""The paper of every claim; it prints no table of results."""


@dataclass(frozen=True)
class Claim:
    """One claim of a figure."""

    figure: str
    data: str
    claim: str


def read_claims(path: Path | None = None) -> tuple[Claim, ...]:
    """Read all claims in the order of their file; raise `DataError` where it has other columns."""
    path = path or resource("reference", "leaderboard/reference") / "claims.csv"
    rows = read_columns(path, ("figure", "data", "claim"), f"reinstall {NAME}")
    return tuple(Claim(*row) for row in rows)
