"""The baselines: models that the benchmark trains itself, so that rivals meet under the same rule.

A new model is one file with its `nn.Module`, and one declaration in `BASELINES` below.
"""

from __future__ import annotations

from baselines.baseline import Baseline, Recipe
from baselines.training import train
from bench.errors import UsageError, nearest

__all__ = ["BASELINES", "Baseline", "Recipe", "get_baseline", "train"]

BASELINES: tuple[Baseline, ...] = (
    Baseline(
        name="prior",
        title="Class prior",
        description="how often each class holds in the training frames, said of every frame",
        reference="no model: the score that any model must beat",
        model="baselines.prior:frequencies",
    ),
    Baseline(
        name="conv1d",
        title="1-D convolution",
        description="three convolutions over a window of 201 poses, every second frame",
        reference="Sun et al. 2021, the CalMS21 data set, Task 1 baseline, arXiv:2104.02710",
        model="baselines.conv1d:Conv1D",
        recipe=Recipe(past=100, future=100, gap=2, epochs=15),
        paper="https://arxiv.org/abs/2104.02710",
    ),
)


def get_baseline(name: str) -> Baseline:
    """Return a baseline by name; raise `UsageError` with the nearest name where there is none."""
    for baseline in BASELINES:
        if baseline.name == name:
            return baseline
    known = [baseline.name for baseline in BASELINES]
    raise UsageError(f"no baseline {name!r}{nearest(name, known)}", hint=f"choose one of {', '.join(known)}")
