"""Trees stacked on trees: the second ones read what the first ones say over minutes around a frame.

The first stage is gradient boosting on geometry that does not depend on which animal is called the first.
The second reads the first's log probabilities, averaged over windows of up to three minutes and over the
recording. The answer is the mean of both. Class weights and the width of smoothing are chosen last, where F1
is the measure.

Training groups are parted into folds of neighbouring groups. What the second stage learns from, of a group,
comes from first trees that were grown without the group's fold. Weights and width are chosen by what second
trees say that were grown without it; the first answers that those learn from know its labels, as is usual
in stacking. No validation and no test recording is looked at in training.

References: Wolpert 1992, Stacked generalization, Neural Networks 5(2); Ke et al. 2017, LightGBM;
scikit-learn's `HistGradientBoostingClassifier`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jaxtyping import Float32, Float64, Int64

from baselines.contract import Baseline, Data, Predictor, Question, Run, State, Workspace
from baselines.engine.decisions import Decision, choose, smoothed
from baselines.engine.forests import Forest, Rows, folds_of, forest_of, grow, out_of_fold
from baselines.inputs.geometry import mean_and_deviation
from baselines.inputs.symmetric import described
from baselines.recipes.stacking import Stacking
from bench.errors import DataError
from bench.recordings import Recording

FIRST, SECOND = 1, 2
"""Streams of random numbers of the stages, apart from each other."""
FLOOR = 1e-3
"""Added to a probability before its logarithm is taken."""


def learn(run: Run, data: Data, workspace: Workspace) -> State:  # noqa: ARG001  nothing is kept between stages
    """Grow both stages, then choose weights and width, all on the training recordings.

    Raises `DataError` where the training recordings are of one group, or show fewer than two classes.
    """
    recipe: Stacking = run.recipe
    (question,) = run.questions
    rows = [rows_of(recording, question, recipe) for recording in data.train[question.key]]
    folds = checked_folds(rows, question, recipe)
    first, heard = stage(rows, folds, run, FIRST)
    later = [context(r, said, recipe) for r, said in zip(rows, heard, strict=True)]
    second, answers = stage(later, folds, run, SECOND)
    both = [(one + other) / 2 for one, other in zip(heard, answers, strict=True)]
    width, decision = chosen(rows, both, folds, question, recipe)
    facts = {"first": first.classes, "second": second.classes, "width": width}
    return State({**first.arrays("first"), **second.arrays("second"), "decision": decision.values}, facts)


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:  # noqa: ARG001  all is in the state
    """Return what gives every frame its probabilities, interpolated between the rows."""
    recipe: Stacking = run.recipe
    first = forest_of(state.arrays, "first", state.facts["first"])
    second = forest_of(state.arrays, "second", state.facts["second"])
    decision = Decision(run.questions[0].exclusive, state.arrays["decision"])

    def scores(recording: Recording, question: Question) -> Float32[np.ndarray, "T C"]:
        rows = unlabelled(recording, len(question.classes), recipe)
        heard = first.probabilities(rows.x)
        both = (heard + second.probabilities(context(rows, heard, recipe).x)) / 2
        decided = decision.apply(smoothed(both, state.facts["width"], recipe.row))
        every = spacing(recording, recipe)
        frame = np.arange(recording.frames)
        columns = [np.interp(frame, frame[::every], column) for column in decided.T]
        return np.stack(columns, axis=1).astype(np.float32)

    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[Float32[np.ndarray, "T C"]]:
        return (scores(recording, question) for recording in recordings)

    return predict


def spacing(recording: Recording, recipe: Stacking) -> int:
    """Return how many frames lie from one row to the next."""
    return max(1, round(recipe.row * recording.fps))


def unlabelled(recording: Recording, classes: int, recipe: Stacking) -> Rows:
    """Return the rows of a recording, none of which can train."""
    x = described(recording, recipe.windows, recipe.step, spacing(recording, recipe))
    nothing = np.zeros((len(x), classes), dtype=bool)
    return Rows(recording.group, x, nothing, np.zeros(len(x), dtype=bool))


def rows_of(recording: Recording, question: Question, recipe: Stacking) -> Rows:
    """Return the rows of a training recording, with their classes."""
    every = spacing(recording, recipe)
    x = described(recording, recipe.windows, recipe.step, every)
    truth, usable = question.truth(recording)[::every], question.labelled(recording)[::every]
    return Rows(recording.group, x, truth, usable)


def checked_folds(rows: Sequence[Rows], question: Question, recipe: Stacking) -> Int64[np.ndarray, " N"]:
    """Return the fold of each recording; raise `DataError` where there is nothing to stack or to learn."""
    folds = folds_of([r.group for r in rows], recipe.folds)
    truth = np.concatenate([r.truth[r.usable] for r in rows])
    counts = truth.sum(axis=0)
    faults = []
    if folds.max() < 1:
        faults.append(f"one training group, {rows[0].group}; stacking needs two")
    if not ((counts > 0) & (counts < len(truth))).any():
        faults += [
            f"{count} training rows of {name}" for name, count in zip(question.classes, counts, strict=True)
        ]
    if faults:
        raise DataError("nothing to learn by stacking", faults, hint="choose another task, or gbdt")
    return folds


def stage(
    rows: Sequence[Rows], folds: Int64[np.ndarray, " N"], run: Run, number: int
) -> tuple[Forest, list[Float64[np.ndarray, "_ C"]]]:
    """Return the trees of one stage, grown on all rows, and what trees of other folds say of each."""
    recipe = run.recipe.first if number == FIRST else run.recipe.second
    exclusive = run.questions[0].exclusive

    def learned(others: Sequence[Rows], fold: int) -> Forest:
        print(f"stage {number}: trees without fold {fold + 1} of {folds.max() + 1}", file=sys.stderr)
        return grow(others, recipe, exclusive, [run.seed, number, fold])

    said = out_of_fold(rows, folds, learned)
    return grow(rows, recipe, exclusive, [run.seed, number, int(folds.max()) + 1]), said


def context(rows: Rows, said: Float64[np.ndarray, "R C"], recipe: Stacking) -> Rows:
    """Return the rows as the second stage reads them: log probabilities over windows and over it all."""
    logs = np.log(said + FLOOR)
    columns = [logs]
    for seconds in recipe.contexts:
        reach = round(seconds / recipe.row / 2)
        columns.append(mean_and_deviation(logs, reach, reach)[0])
        columns.append(mean_and_deviation(logs, 0, reach)[0] - mean_and_deviation(logs, reach, 0)[0])
    columns += [np.broadcast_to(whole.mean(axis=0), whole.shape) for whole in (logs, said)]
    x = np.concatenate(columns, axis=1).astype(np.float32)
    return Rows(rows.group, x, rows.truth, rows.usable)


def chosen(
    rows: Sequence[Rows],
    answers: Sequence[Float64[np.ndarray, "_ C"]],
    folds: Int64[np.ndarray, " N"],
    question: Question,
    recipe: Stacking,
) -> tuple[float, Decision]:
    """Choose the width of smoothing, in seconds, and the decision, by answers from out of the fold."""
    behaviours = np.array([name not in recipe.background for name in question.classes])
    counted = behaviours if behaviours.any() else ~behaviours
    smooth = [
        np.concatenate([smoothed(a, width, recipe.row)[r.usable] for r, a in zip(rows, answers, strict=True)])
        for width in recipe.smoothings
    ]
    truth = np.concatenate([r.truth[r.usable] for r in rows])
    fold_of = np.repeat(folds, [int(r.usable.sum()) for r in rows])
    number, value, decision = choose(smooth, truth, fold_of, question.exclusive, counted, recipe.trust)
    width = recipe.smoothings[number]
    print(f"smoothing over {width} s: F1 {value:.3f} across folds", file=sys.stderr)
    return width, decision


STACKED = Baseline(
    model=f"{__name__}:stacked",
    name="stacked",
    title="Stacked trees",
    description="boosted trees on geometry, and trees on what these say over up to three minutes; "
    "smoothing and class weights chosen across folds of training groups",
    reference="Wolpert 1992, Stacked generalization; scikit-learn's HistGradientBoostingClassifier",
    paper="https://doi.org/10.1016/S0893-6080(05)80023-1",
    recipe=Stacking(),
    reads=frozenset({"poses"}),
    answers=frozenset({"frames"}),
    learn=learn,
    restore=restore,
    libraries=("numpy", "scikit-learn", "scipy"),
)
