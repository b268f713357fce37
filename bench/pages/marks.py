"""Where a row of a table has its number from. A mark is words, the same wherever it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.about import DEVELOPERS

SCORED = "scored here"
RESCORED = "re-scored from its published table"
PUBLISHED = "as published"
RERUN = "re-run by us"
MARKS = {
    SCORED: "scored here from the predictions of the entry",
    RERUN: "a published model that the developers trained again; scored here from its predictions",
    RESCORED: "not printed: computed here from the table of classes that the paper prints",
    PUBLISHED: "as the paper prints it; its authors computed it, and nothing here was checked",
}
"""Mark -> what it means."""


def mark_of_entry(card: Mapping[str, Any], published: Sequence[str]) -> str:
    """Return the mark of an entry that was scored here.

    `published` are the ids of baselines that papers print numbers of, on the same task.
    """
    return RERUN if card["id"] in published and DEVELOPERS in card["authors"] else SCORED
