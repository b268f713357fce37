"""The recipe of a probe: blocks of features, components, a linear rule."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.recipes.fixed import Fixed


@dataclass(frozen=True)
class Probe(Fixed):
    """All that a probe on blocks of features can be told, as MABe 2022 scored them."""

    by_hand: float = 1.8
    """Weight of the features by hand: their variance, where that of others is theirs."""
    of_pictures: float = 0.5
    """Weight of features of pictures."""
    components: int = 128
    """At most, that are kept."""
    share: float = 0.1
    """Of the training frames, drawn by how much moves, that components are found in."""
    penalty: float = 1.0
    """Of the squared weights."""
    votes: int = 3
    """Rules that vote, each of other drawn frames."""
