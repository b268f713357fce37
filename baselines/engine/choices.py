"""What a stack chooses by answers from out of the fold: shares, smoothing, decision, the shortest bout."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64

from baselines.contract import Question
from baselines.engine.decisions import Decision, choose, learn_decision, mean_f1, smoothed, without_short
from baselines.engine.forests import Rows
from baselines.inputs.trailing import trailing
from baselines.recipes.stacking import Stacking


def averaged(
    shares: Float64[np.ndarray, "R C"], seconds: float, recipe: Stacking
) -> Float64[np.ndarray, "R C"]:
    """Average probabilities over a window: around each row, or of a causal stack before it."""
    if recipe.causal:
        return trailing(shares, round(seconds / recipe.row / 2))[0]
    return smoothed(shares, seconds, recipe.row)


def mixed(
    trees: Sequence[Float64[np.ndarray, "_ C"]], network: Sequence[Float64[np.ndarray, "_ C"]], share: float
) -> list[Float64[np.ndarray, "_ C"]]:
    """Return the answers of trees and network, the network's with this share."""
    return [(1 - share) * one + share * other for one, other in zip(trees, network, strict=True)]


@dataclass(frozen=True, eq=False)
class Choice:
    """What is chosen across folds."""

    share: float
    """Of the network."""
    width: float
    """Of smoothing, in seconds."""
    decision: Decision
    least: float = 0.0
    """Seconds that a bout lasts at least."""


def chosen(
    rows: Sequence[Rows],
    mixes: Mapping[float, Sequence[Float64[np.ndarray, "_ C"]]],
    folds: Int64[np.ndarray, " N"],
    question: Question,
    recipe: Stacking,
) -> Choice:
    """Choose the network's share, the width of smoothing, the decision, and the shortest bout.

    `mixes` holds answers from out of the fold, by the share of the network.
    """
    behaviours = np.array([name not in recipe.background for name in question.classes])
    counted = behaviours if behaviours.any() else ~behaviours
    truth = np.concatenate([r.truth[r.usable] for r in rows])
    fold_of = np.repeat(folds, [int(r.usable.sum()) for r in rows])
    best, choice = -1.0, None
    for share, answers in mixes.items():
        smooth = [
            np.concatenate([averaged(a, width, recipe)[r.usable] for r, a in zip(rows, answers, strict=True)])
            for width in recipe.smoothings
        ]
        number, value, decision = choose(smooth, truth, fold_of, question.exclusive, counted, recipe.trust)
        width = recipe.smoothings[number]
        print(f"network {share:.2f}, smoothing over {width} s: F1 {value:.3f} across folds", file=sys.stderr)
        if value > best:
            best, choice = value, Choice(share, width, decision)
    if choice is None:
        raise AssertionError("there is always a mix without the network")
    if not recipe.shortest or not question.exclusive:
        return choice
    decided = decided_by_others(rows, mixes[choice.share], folds, question, recipe, choice.width, counted)
    return replace(choice, least=shortest_bout(rows, decided, truth, counted, recipe))


def decided_by_others(
    rows: Sequence[Rows],
    answers: Sequence[Float64[np.ndarray, "_ C"]],
    folds: Int64[np.ndarray, " N"],
    question: Question,
    recipe: Stacking,
    width: float,
    counted: Bool[np.ndarray, " C"],
) -> list[Float64[np.ndarray, "_ C"]]:
    """Return smoothed answers, decided for each fold by what was learned on the others."""
    smooth = [averaged(answer, width, recipe) for answer in answers]
    decided = list(smooth)
    for fold in range(int(folds.max()) + 1):
        others = np.flatnonzero(folds != fold).tolist()
        shares = np.concatenate([smooth[n][rows[n].usable] for n in others])
        truth = np.concatenate([rows[n].truth[rows[n].usable] for n in others])
        decision = learn_decision(shares, truth, question.exclusive, counted, recipe.trust)
        for place in np.flatnonzero(folds == fold).tolist():
            decided[place] = decision.apply(smooth[place])
    return decided


def shortest_bout(
    rows: Sequence[Rows],
    decided: Sequence[Float64[np.ndarray, "_ C"]],
    truth: Bool[np.ndarray, "N C"],
    counted: Bool[np.ndarray, " C"],
    recipe: Stacking,
) -> float:
    """Return the seconds that give the best mean F1, 0 where none is better than none."""
    values = {}
    for seconds in (0.0, *recipe.shortest):
        least = round(seconds / recipe.row)
        answers = [without_short(d, least)[r.usable] for r, d in zip(rows, decided, strict=True)]
        values[seconds] = mean_f1(np.concatenate(answers), truth, True, counted)
    best = max(values, key=values.__getitem__)
    print(f"bouts of at least {best} s: F1 {values[best]:.3f} across folds", file=sys.stderr)
    return best
