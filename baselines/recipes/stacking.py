"""The recipe of trees that learn from what other trees say."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.recipes.fixed import Fixed


@dataclass(frozen=True)
class Trees:
    """The trees of one stage."""

    trees: int
    """For each class."""
    leaves: int
    lr: float
    frames: int = 30_000
    """Of the training rows, at most so many are drawn to learn from."""
    balance: float = 0.5
    """A class is drawn as often as its count to the power 1 less this: 0 leaves frames alike, 1 classes."""
    l2: float = 1.0
    share: float = 0.3
    """Of the features, how many a split may choose from, drawn anew each time."""
    least: int = 20
    """Rows in a leaf."""


@dataclass(frozen=True)
class Net:
    """The network over rows that stands beside the trees of the second stage."""

    width: int = 32
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    """Rows from one sample of a convolution to the next: with rows of 0.2 s it sees 25 s to each side."""
    dropout: float = 0.2
    epochs: int = 12
    crop: int = 512
    batch: int = 8
    lr: float = 2e-3
    decay: float = 0.01


@dataclass(frozen=True)
class Stacking(Fixed):
    """All that the two stages can be told. Seconds are the unit of time."""

    row: float = 0.2
    """From one frame that is looked at to the next; between them probabilities are interpolated."""
    windows: tuple[float, ...] = (1.0, 4.0, 12.0, 40.0)
    """Widths over which geometry is summed up, centred on the frame."""
    step: float = 0.1
    """From one pose to the next for a speed."""
    folds: int = 4
    """Into how many runs of neighbouring groups the training groups are parted."""
    first: Trees = Trees(trees=80, leaves=15, lr=0.08)
    contexts: tuple[float, ...] = (2.0, 6.0, 20.0, 60.0, 180.0)
    """Widths over which the first stage's log probabilities are summed up for the second."""
    second: Trees = Trees(trees=60, leaves=3, lr=0.06, least=200)
    smoothings: tuple[float, ...] = (0.6, 1.0, 2.0, 4.0, 8.0)
    """Widths over which the probabilities of both stages may be averaged; one is chosen."""
    trust: float = 0.5
    """The power that weights of exclusive classes are taken to: 0 leaves probabilities as they are."""
    net: Net | None = None
    """Beside the second trees; whether and how much it counts is chosen like the smoothing."""
    shortest: tuple[float, ...] = ()
    """Seconds that a bout of exclusive classes may be asked to last at least; one is chosen."""
    causal: bool = False
    """Whether nothing looks ahead: windows end at the frame, and a frame keeps the answer of the last row."""
    background: tuple[str, ...] = ("base", "other", "none", "background")
    """Classes of these names do not count where weights of exclusive classes are chosen by F1."""
