"""Labels of frames as bouts: runs of equal states, in rows that an ethogram draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

NOBODY = -1
"""In place of a class: none holds, or the frame does not count."""
BOUTS = 200_000
"""The most bouts or segments of one file, some 2 MB. The recordings that come after are left out of it."""

LONGEST = 5_000_000
"""Frames of the longest recording in a file: readers make an array of each."""

Bouts = Mapping[str, list[int]]
"""The runs of one row: "states", and "lengths" in frames."""
States = Int[np.ndarray, " T"]


def states_of(labels: Bool[np.ndarray, "T C"], *, exclusive: bool) -> list[States]:
    """Return the rows of an ethogram: one where classes exclude each other, else one of each class.

    A state is the index of a class, `NOBODY` where none holds.
    """
    if exclusive:
        return [np.where(labels.any(axis=1), labels.argmax(axis=1), NOBODY)]
    return [np.where(labels[:, k], k, NOBODY) for k in range(labels.shape[1])]


def bouts_of(states: States) -> dict[str, list[int]]:
    """Return the runs of equal states: the state of each, and its frames.

    >>> bouts_of(np.array([2, 2, -1]))
    {'states': [2, -1], 'lengths': [2, 1]}
    """
    edges = [0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), len(states)]
    return {
        "states": [int(states[start]) for start, _ in pairwise(edges)],
        "lengths": [stop - start for start, stop in pairwise(edges)],
    }


def rows_of(labels: Bool[np.ndarray, "T C"], *, exclusive: bool) -> list[dict[str, list[int]]]:
    """Return the rows of an ethogram as bouts."""
    return [bouts_of(states) for states in states_of(labels, exclusive=exclusive)]


def labels_of_rows(rows: Sequence[Bouts], classes: int) -> Bool[np.ndarray, "T C"]:
    """Return the labels that rows of bouts stand for; all rows are of the same number of frames."""
    states = [np.repeat(row["states"], row["lengths"]) for row in rows]
    labels = np.zeros((len(states[0]), classes), dtype=bool)
    for row in states:
        held = np.flatnonzero(row != NOBODY)
        labels[held, row[held]] = True
    return labels
