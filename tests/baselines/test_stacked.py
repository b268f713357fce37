"""Stacked trees: they learn, and what they must not see does not reach them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import toy
from safetensors.numpy import load_file

from baselines.contract import Data, Run, State
from baselines.costs.measuring import piece
from baselines.engine.decisions import choose, learn_decision, mean_f1, smoothed, without_short
from baselines.engine.forests import folds_of
from baselines.inputs.symmetric import described
from baselines.inputs.trailing import trailing
from baselines.models import get_baseline
from baselines.models.stacked import FIRST, checked_folds, learn, network_stage, restore, rows_of, stage
from baselines.recipes.stacking import Net, Stacking, Trees
from baselines.runs import states
from baselines.runs.questions import question_of, sizes_of
from baselines.runs.train import train
from baselines.runs.workspace import Folder
from baselines.switches import OFF
from bench.errors import DataError
from bench.recordings import Recording
from bench.store import load, pull

pytest.importorskip("sklearn", reason="scikit-learn is in the extra `train`")

FEW = Trees(trees=8, leaves=5, lr=0.2, frames=300, least=10)
SMALL = Stacking(
    row=0.1,
    windows=(0.2, 0.6, 4.0),
    folds=3,
    first=FEW,
    second=FEW,
    contexts=(0.3, 1.0),
    smoothings=(0.1, 0.3, 9.0),
)
STACKED = replace(get_baseline("stacked"), recipe=SMALL)
LATE = Net(width=8, kernel=3, dilations=(1, 2), epochs=4, crop=32, batch=4)
VARIANTS = {
    "stacked": SMALL,
    "stacked_tcn": replace(SMALL, net=LATE, shortest=(0.3, 0.9)),
    "stacked_causal": replace(SMALL, causal=True),
}
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is in the extra `train`")
variants = pytest.mark.parametrize(
    "name", ["stacked", pytest.param("stacked_tcn", marks=needs_torch), "stacked_causal"]
)
ASKED = question_of(toy.task(), "all", None)
NOWHERE = Folder(Path("unused.pt"), {}, "")


@pytest.fixture(autouse=True)
def one_openmp_thread() -> Iterator[None]:
    """Let scikit-learn compute in one thread, as torch does in these tests."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def run(seed: int = 0, name: str = "stacked") -> Run:
    baseline = get_baseline(name)
    sizes = sizes_of(baseline, toy.DATASET.skeleton, [ASKED])
    return Run(baseline.model, VARIANTS[name], (ASKED,), sizes, seed, "cpu", OFF)


def shaped(id_: str) -> Recording:
    """Let classes differ by distance: the toy's differ by place, to which geometry is blind."""
    recording = toy.recording(id_)
    keypoints = recording.keypoints.copy()
    keypoints[:, 1] += 50 * recording.labels.argmax(axis=1)[:, None, None]
    return replace(recording, keypoints=keypoints)


def state(
    seed: int = 0,
    recordings: Sequence[Recording] | None = None,
    name: str = "stacked",
    place: Folder = NOWHERE,
) -> State:
    train = recordings or [shaped(id_) for id_ in "abc"]
    return learn(run(seed, name), Data({ASKED.key: train}, {}), place)


def same(one: State, other: State) -> bool:
    return one.facts == other.facts and all(
        np.array_equal(one.arrays[name], other.arrays[name], equal_nan=True)
        for name in one.arrays.keys() | other.arrays.keys()
    )


@variants
def test_it_learns_and_says_probabilities_of_every_frame(name: str, tmp_path: Path) -> None:
    place = Folder(tmp_path / "here.pt", {}, "")
    predict = restore(run(0, name), state(name=name, place=place), place)
    tested = [shaped(id_) for id_ in "de"]
    answers = list(predict([recording.without_labels() for recording in tested], ASKED))
    for recording, answer in zip(tested, answers, strict=True):
        assert answer.shape == (recording.frames, 3)
        assert answer.dtype == np.float32
        assert (answer >= 0).all()
        np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)
        hits = recording.labels[np.arange(recording.frames), answer.argmax(axis=1)]
        assert hits[recording.annotated].mean() > 0.75


def test_same_seed_same_state_other_seed_another_one() -> None:
    first, again, other = (state(seed) for seed in (3, 3, 4))
    assert same(first, again)
    assert not np.array_equal(first.arrays["first/0/threshold"], other.arrays["first/0/threshold"])


@variants
def test_neither_labels_nor_poses_of_test_recordings_reach_the_state(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trees, network, smoothing, decision and shortest bout: whatever was fitted stays the same."""
    baseline = replace(get_baseline(name), recipe=VARIANTS[name])
    kept_states, digests, predictions = [], [], []
    for turn in (0, 1):
        monkeypatch.setenv("BENCH_HOME", str(tmp_path / f"home{turn}"))
        dataset = replace(toy.DATASET, read=lambda _, turn=turn: (changed(id_, turn) for id_ in toy.FRAMES))
        pull(dataset, Path())
        digests.append([recording.truth_digest() for recording in load(dataset, "de", poses=False)])
        out, asked = tmp_path / f"out{turn}", replace(toy.task(), dataset=dataset)
        predictions.append(train(baseline, asked, seed=0, device="cpu", out=out).read_bytes())
        (kept,) = out.rglob("*.safetensors")
        kept_states.append({**load_file(kept), "facts": facts_of(kept)})
    assert all(one != other for one, other in zip(*digests, strict=True))
    assert predictions[0] != predictions[1], "poses that change are seen in predicting"
    assert kept_states[0].keys() == kept_states[1].keys()
    for key, array in kept_states[0].items():
        np.testing.assert_array_equal(array, kept_states[1][key])


def facts_of(path: Path) -> np.ndarray:
    """Return what was chosen, as it was kept beside the arrays."""
    facts = states.load(path)[0].facts
    return np.array([facts["width"], facts["share"], facts["least"]])


def changed(id_: str, turn: int) -> Recording:
    """Return a recording; of test recordings poses and labels move with the turn."""
    recording = shaped(id_)
    if id_ not in "de":
        return recording
    labels = np.roll(recording.labels, turn, axis=1)
    return replace(recording, labels=labels, keypoints=recording.keypoints * (1 + turn))


def test_labels_of_a_group_never_enter_what_is_said_of_it_out_of_fold() -> None:
    recordings = [shaped(id_) for id_ in "abc"]
    turned = [replace(r, labels=np.roll(r.labels, 1, axis=1)) if r.id == "b" else r for r in recordings]
    said = []
    for each in (recordings, turned):
        rows = [rows_of(recording, ASKED, SMALL) for recording in each]
        said.append(stage(rows, checked_folds(rows, ASKED, SMALL), run(), FIRST)[1])
    assert np.array_equal(said[0][1], said[1][1])
    assert not np.array_equal(said[0][0], said[1][0])
    assert not np.array_equal(said[0][2], said[1][2])


@needs_torch
def test_labels_of_a_group_never_enter_what_the_network_says_of_it_out_of_fold(tmp_path: Path) -> None:
    recordings = [shaped(id_) for id_ in "abc"]
    asked = run(0, "stacked_tcn")
    rows = [rows_of(recording, ASKED, asked.recipe) for recording in recordings]
    heard = [np.full(r.truth.shape, 1 / 3) + 0.1 * np.sin(np.arange(len(r.x)))[:, None] for r in rows]
    turned = [replace(r, truth=np.roll(r.truth, 1, axis=1)) if r.group == "b" else r for r in rows]
    told = []
    for number, each in enumerate((rows, turned)):
        place = Folder(tmp_path / str(number) / "one.pt", {}, "")
        place.checkpoint.parent.mkdir()
        told.append(network_stage(each, heard, checked_folds(rows, ASKED, SMALL), asked, place)[1])
    assert np.array_equal(told[0][1], told[1][1])
    assert not np.array_equal(told[0][0], told[1][0])


def test_the_causal_stack_says_the_same_whatever_comes_later() -> None:
    kept, asked = state(name="stacked_causal"), run(0, "stacked_causal")
    predict = restore(asked, kept, NOWHERE)
    whole = shaped("c").without_labels()
    later = whole.keypoints.copy()
    later[200:] = later[200:] * 0.5 + 40
    (one,), (other,) = (predict([replace(whole, keypoints=xy)], ASKED) for xy in (whole.keypoints, later))
    np.testing.assert_allclose(one[:200], other[:200], atol=1e-6)
    assert not np.allclose(one[200:], other[200:])
    (short,) = predict([piece(whole, 0, 137)], ASKED)
    np.testing.assert_allclose(short, one[:137], atol=1e-6)


def test_statistics_of_what_came_before_leave_out_what_is_not_known() -> None:
    x = np.array([[np.nan], [2.0], [4.0], [np.nan], [9.0]])
    mean, deviation = trailing(x, 2)
    np.testing.assert_allclose(mean[:, 0], [np.nan, 2, 3, 3, 6.5])
    np.testing.assert_allclose(deviation[:, 0], [np.nan, 0, 1, 1, 2.5])


def test_short_bouts_go_to_the_likelier_neighbour() -> None:
    said = np.array([0, 0, 0, 1, 2, 2, 2, 0, 0, 1])
    shares = np.full((10, 3), 0.1)
    shares[np.arange(10), said] = 0.8
    shares[3] = [0.1, 0.7, 0.2]  # between a bout of 0 and one of 2
    changed = without_short(shares, 3)
    assert changed.argmax(axis=1).tolist() == [0, 0, 0, 2, 2, 2, 2, 0, 0, 0]
    np.testing.assert_allclose(changed.sum(axis=1), shares.sum(axis=1))
    assert np.array_equal(without_short(shares, 1), shares)
    alone = np.tile([[0.2, 0.8]], (4, 1))
    assert np.array_equal(without_short(alone, 9), alone)


def test_recordings_of_one_group_share_a_fold_and_neighbours_stay_together() -> None:
    folds = folds_of(["m2", "m1", "m4", "m3", "m2", "m5"], 2)
    np.testing.assert_array_equal(folds, [0, 0, 1, 0, 0, 1])
    assert folds_of(["x", "y", "z"], 8).max() == 2


def test_one_training_group_is_refused() -> None:
    with pytest.raises(DataError, match="stacking") as caught:
        state(recordings=[replace(shaped(id_), group="cage") for id_ in "abc"])
    assert "cage" in caught.value.problems[0]


def test_swapped_animals_look_the_same_but_for_their_postures() -> None:
    recording = shaped("a")
    one, other = (
        described(replace(recording, keypoints=recording.keypoints[:, order]), (0.2, 0.6), 0.1, 4)
        for order in ([0, 1], [1, 0])
    )
    postures = 2 * 2 * 3 * 2  # of each animal in the frame of each, keypoints, coordinates
    symmetric = np.isclose(one, other, rtol=1e-4, atol=1e-3).all(axis=0)
    assert symmetric[:-postures].sum() > 0.9 * (one.shape[1] - postures)  # a pair's angle changes its sign
    assert one.shape == (-(-recording.frames // 4), other.shape[1])


def test_one_animal_has_scalars_of_its_own_alone() -> None:
    recording = shaped("a")
    alone = replace(recording, keypoints=recording.keypoints[:, :1])
    windows = (0.2, 0.6)
    own, whole, postures = 8, 1, 3 * 2
    assert described(alone, windows, 0.1, 3).shape == (
        -(-recording.frames // 3),
        own * (1 + 2 * len(windows) + whole) + postures,
    )


def test_weights_raise_the_f1_of_the_classes_that_count() -> None:
    rng = np.random.default_rng(0)
    truth = np.eye(3, dtype=bool)[rng.choice(3, 600, p=[0.1, 0.3, 0.6])]
    shares = 0.3 * truth + rng.random((600, 3)) + [0, 0, 0.9]
    shares /= shares.sum(axis=1, keepdims=True)
    counted = np.array([True, True, False])
    decided = learn_decision(shares, truth, True, counted, 1.0).apply(shares)
    np.testing.assert_allclose(decided.sum(axis=1), 1)
    assert mean_f1(decided, truth, True, counted) > mean_f1(shares, truth, True, counted) + 0.05


def test_thresholds_of_overlapping_classes_become_a_half() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random((500, 2)) < [0.1, 0.8]
    shares = np.clip(0.2 * truth + 0.25 * rng.random((500, 2)), 0, 1)
    counted = np.ones(2, dtype=bool)
    decision = learn_decision(shares, truth, False, counted, 1.0)
    decided = decision.apply(shares)
    assert mean_f1(decided, truth, False, counted) > mean_f1(shares, truth, False, counted) + 0.2
    for share, value in zip(shares.T, decided.T, strict=True):
        np.testing.assert_array_equal(np.argsort(share, kind="stable"), np.argsort(value, kind="stable"))


def test_the_smoothing_that_helps_other_folds_is_chosen() -> None:
    rng = np.random.default_rng(2)
    truth = np.eye(2, dtype=bool)[np.arange(900) // 60 % 2]
    rough = np.clip(truth + rng.normal(0, 1, truth.shape), 0.01, None)
    rough /= rough.sum(axis=1, keepdims=True)
    answers = [smoothed(rough, seconds, 0.1) for seconds in (0.1, 2.0, 30.0)]
    number, value, _ = choose(answers, truth, np.arange(900) // 300, True, np.ones(2, dtype=bool), 1.0)
    assert number == 1
    assert value > 0.9
