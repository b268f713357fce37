"""Trees stacked on trees: the second ones read what the first ones say over minutes around a frame.

The first stage is gradient boosting on geometry that does not depend on which animal is called the first.
The second reads the first's log probabilities, averaged over windows of up to three minutes and over the
recording. The answer is the mean of both. Class weights and the width of smoothing are chosen last, where F1
is the measure.

Training groups are parted into folds of neighbouring groups. What the second stage learns from, of a group,
comes from first trees that were grown without the group's fold. Weights and width are chosen by what second
trees say that were grown without it; the first answers that those learn from know its labels, as is usual
in stacking. No validation and no test recording is looked at in training.

`stacked_tcn` has a temporal convolutional network beside the second trees, which reads what the first say of
the whole recording, out of fold like them. How much it counts, from nothing to all, and how long a bout lasts
at least are chosen across the same folds. `stacked_causal` looks at no later frame.

References: Wolpert 1992, Stacked generalization, Neural Networks 5(2); Ke et al. 2017, LightGBM;
scikit-learn's `HistGradientBoostingClassifier`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int64

from baselines.contract import Baseline, Data, Predictor, Question, Run, State, Workspace
from baselines.engine.choices import averaged, chosen, mixed
from baselines.engine.decisions import Decision, without_short
from baselines.engine.forests import Forest, Rows, folds_of, forest_of, grow, out_of_fold
from baselines.inputs.geometry import mean_and_deviation
from baselines.inputs.symmetric import described
from baselines.inputs.trailing import described_so_far, trailing
from baselines.recipes.stacking import Net, Stacking
from bench.errors import DataError
from bench.recordings import Recording

FIRST, SECOND, NETWORK = 1, 2, 3
"""Streams of random numbers of the stages, apart from each other."""
SHARES = (0.0, 1 / 3, 1 / 2, 1.0)
"""Of the network in the answer, beside trees: those that are tried. The first of equal ones is chosen."""
FLOOR = 1e-3
"""Added to a probability before its logarithm is taken."""


def learn(run: Run, data: Data, workspace: Workspace) -> State:
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
    arrays = {**first.arrays("first"), **second.arrays("second")}
    mixes = {0.0: both}
    if recipe.net is not None:
        weights, told = network_stage(rows, heard, folds, run, workspace)
        arrays |= {f"network/{name}": array for name, array in weights.items()}
        mixes = {share: mixed(both, told, share) for share in SHARES}
    choice = chosen(rows, mixes, folds, question, recipe)
    facts = {
        "first": first.classes,
        "second": second.classes,
        "width": choice.width,
        "share": choice.share,
        "least": choice.least,
    }
    return State({**arrays, "decision": choice.decision.values}, facts)


def restore(run: Run, state: State, workspace: Workspace) -> Predictor:  # noqa: ARG001  all is in the state
    """Return what gives every frame its probabilities: those of rows, and between rows what lies between.

    Of a causal stack a frame has those of the last row.
    """
    recipe: Stacking = run.recipe
    first = forest_of(state.arrays, "first", state.facts["first"])
    second = forest_of(state.arrays, "second", state.facts["second"])
    decision = Decision(run.questions[0].exclusive, state.arrays["decision"])
    network = restored_network(run, state) if state.facts["share"] else None

    def decided(recording: Recording, classes: int) -> Float64[np.ndarray, "R C"]:
        rows = unlabelled(recording, classes, recipe)
        heard = first.probabilities(rows.x)
        answer = (heard + second.probabilities(context(rows, heard, recipe).x)) / 2
        if network is not None:
            (answer,) = mixed([answer], [network(heard)], state.facts["share"])
        decided = decision.apply(averaged(answer, state.facts["width"], recipe))
        return without_short(decided, round(state.facts["least"] / recipe.row))

    def scores(recording: Recording, question: Question) -> Float32[np.ndarray, "T C"]:
        answer = decided(recording, len(question.classes))
        every, frame = spacing(recording, recipe), np.arange(recording.frames)
        if recipe.causal:
            return answer[frame // every].astype(np.float32)
        columns = [np.interp(frame, frame[::every], column) for column in answer.T]
        return np.stack(columns, axis=1).astype(np.float32)

    def predict(recordings: Iterable[Recording], question: Question) -> Iterator[Float32[np.ndarray, "T C"]]:
        return (scores(recording, question) for recording in recordings)

    return predict


def spacing(recording: Recording, recipe: Stacking) -> int:
    """Return how many frames lie from one row to the next."""
    return max(1, round(recipe.row * recording.fps))


def geometry(recording: Recording, recipe: Stacking) -> Float32[np.ndarray, "R F"]:
    """Return the features of the rows of a recording."""
    describe = described_so_far if recipe.causal else described
    return describe(recording, recipe.windows, recipe.step, spacing(recording, recipe))


def unlabelled(recording: Recording, classes: int, recipe: Stacking) -> Rows:
    """Return the rows of a recording, none of which can train."""
    x = geometry(recording, recipe)
    nothing = np.zeros((len(x), classes), dtype=bool)
    return Rows(recording.group, x, nothing, np.zeros(len(x), dtype=bool))


def rows_of(recording: Recording, question: Question, recipe: Stacking) -> Rows:
    """Return the rows of a training recording, with their classes."""
    every, x = spacing(recording, recipe), geometry(recording, recipe)
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
    if recipe.causal:
        for seconds in recipe.contexts:
            whole, half = (trailing(logs, round(seconds / recipe.row / part))[0] for part in (1, 2))
            columns += [whole, half - whole]
        columns += [trailing(values, len(values))[0] for values in (logs, said)]
        return Rows(rows.group, np.concatenate(columns, axis=1).astype(np.float32), rows.truth, rows.usable)
    for seconds in recipe.contexts:
        reach = round(seconds / recipe.row / 2)
        columns.append(mean_and_deviation(logs, reach, reach)[0])
        columns.append(mean_and_deviation(logs, 0, reach)[0] - mean_and_deviation(logs, reach, 0)[0])
    columns += [np.broadcast_to(whole.mean(axis=0), whole.shape) for whole in (logs, said)]
    x = np.concatenate(columns, axis=1).astype(np.float32)
    return Rows(rows.group, x, rows.truth, rows.usable)


def network_stage(
    rows: Sequence[Rows],
    heard: Sequence[Float64[np.ndarray, "_ C"]],
    folds: Int64[np.ndarray, " N"],
    run: Run,
    workspace: Workspace,
) -> tuple[Mapping[str, np.ndarray], list[Float64[np.ndarray, "_ C"]]]:
    """Return the weights of a network that learned on all rows, and what networks of other folds say."""
    from baselines.engine import row_networks  # here: a stack of trees needs no torch
    from baselines.engine.states import arrays_of

    exclusive, net = run.questions[0].exclusive, run.recipe.net
    later = [
        Rows(r.group, network_input(said), r.truth, r.usable) for r, said in zip(rows, heard, strict=True)
    ]
    told = [np.zeros(said.shape) for said in heard]

    def trained(fold: int, chosen: Sequence[Rows]) -> Any:
        print(f"network without fold {fold + 1} of {folds.max() + 1}", file=sys.stderr)
        path = workspace.checkpoint.with_name(f"{workspace.checkpoint.stem}-fold{fold}.pt")
        build = partial(network_of, net, later[0].x.shape[1], heard[0].shape[1])
        seed = int(np.random.SeedSequence([run.seed, NETWORK, fold]).generate_state(1)[0])
        inputs = {**workspace.inputs, "fold": fold}
        return row_networks.train(build, chosen, net, exclusive, seed=seed, checkpoint=path, inputs=inputs)

    for fold in range(int(folds.max()) + 1):
        model = trained(fold, [r for r, own in zip(later, folds, strict=True) if own != fold])
        for place in map(int, np.flatnonzero(folds == fold)):
            told[place] = row_networks.answers(model, later[place].x, exclusive=exclusive)
    return arrays_of(trained(int(folds.max()) + 1, later).state_dict()), told


def network_input(said: Float64[np.ndarray, "R C"]) -> Float32[np.ndarray, "R C2"]:
    """Return what the network reads of each row: log probabilities and probabilities, about 1 in size."""
    return np.concatenate([np.log(said + FLOOR) / 3 + 1, 2 * said - 1], axis=1).astype(np.float32)


def network_of(net: Net, features: int, classes: int) -> Any:
    """Build the network over rows."""
    from baselines.models.dilated_tcn import DilatedTCN  # here: it imports torch

    return DilatedTCN(features, (classes,), net.width, net.kernel, net.dilations, net.dropout)


def restored_network(
    run: Run, state: State
) -> Callable[[Float64[np.ndarray, "R C"]], Float64[np.ndarray, "R C"]]:
    """Return what the network of a state says of rows, by what the first trees say of them."""
    from baselines.engine import row_networks
    from baselines.engine.states import loaded

    classes = run.sizes.classes[0]
    arrays = {
        name.removeprefix("network/"): array
        for name, array in state.arrays.items()
        if name.startswith("network/")
    }
    model = loaded(network_of(run.recipe.net, 2 * classes, classes), State(arrays, {})).eval()
    exclusive = run.questions[0].exclusive
    return lambda heard: row_networks.answers(model, network_input(heard), exclusive=exclusive)


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
STACKED_TCN = replace(
    STACKED,
    model=f"{__name__}:stacked_tcn",
    name="stacked_tcn",
    title="Stacked trees and network",
    description="boosted trees on geometry; trees, and a dilated convolution, on what these say; their "
    "shares, smoothing, class weights and the shortest bout chosen across folds of training groups",
    recipe=Stacking(net=Net(), shortest=(0.6, 1.0, 2.0, 3.0)),
    libraries=("numpy", "scikit-learn", "scipy", "torch"),
)
STACKED_CAUSAL = replace(
    STACKED,
    model=f"{__name__}:stacked_causal",
    name="stacked_causal",
    title="Stacked trees, causal",
    description="boosted trees on geometry up to the frame, and trees on what these said over up to three "
    "minutes; smoothing and class weights chosen across folds of training groups",
    recipe=Stacking(causal=True),
    causal=True,
)
