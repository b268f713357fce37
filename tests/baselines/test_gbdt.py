"""Boosted trees: they learn, repeat themselves by seed, and bear lost keypoints and missing classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy

from baselines.contract import Data, Run
from baselines.models import get_baseline
from baselines.models.gbdt import drawn_frames, features, learn, restore
from baselines.recipes.boosting import Boosting
from baselines.runs.questions import question_of, sizes_of
from baselines.runs.train import train
from baselines.runs.workspace import Folder
from baselines.switches import OFF
from bench.errors import DataError, UsageError
from bench.recordings import Recording, one_hot
from bench.store import pull
from bench.submissions import read_tasks

pytest.importorskip("sklearn", reason="scikit-learn is in the extra `train`")


@pytest.fixture(autouse=True)
def one_openmp_thread() -> Iterator[None]:
    """Let scikit-learn compute in one thread, as torch does in these tests."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


SMALL = Boosting(windows=(0.2, 0.6), frames=400, trees=12, leaves=7, smoothing=0.2)
GBDT = replace(get_baseline("gbdt"), recipe=SMALL)


ASKED = question_of(toy.task(), "all", None)


def run(seed: int = 0, recipe: Boosting = SMALL) -> Run:
    sizes = sizes_of(GBDT, toy.DATASET.skeleton, [ASKED])
    return Run(GBDT.model, recipe, (ASKED,), sizes, seed, "cpu", OFF)


def scores(asked: Run, train: Sequence[Recording] | None = None) -> dict[str, np.ndarray]:
    """Learn, and answer for the test recordings; no workspace is needed for it."""
    data = Data({ASKED.key: train or [shaped(id_) for id_ in "abc"]}, {})
    nowhere = Folder(Path("unused.pt"), {}, "")
    predictor = restore(asked, learn(asked, data, nowhere), nowhere)
    answers = predictor((shaped(id_).without_labels() for id_ in "de"), ASKED)
    return dict(zip("de", answers, strict=True))


def shaped(id_: str) -> Recording:
    """Let classes differ by distance: the toy's differ by place, to which geometry is blind."""
    recording = toy.recording(id_)
    keypoints = recording.keypoints.copy()
    keypoints[:, 1] += 50 * recording.labels.argmax(axis=1)[:, None, None]
    return replace(recording, keypoints=keypoints)


def accuracy(found: dict[str, np.ndarray], recordings) -> float:
    hits = [r.labels[np.arange(r.frames), found[r.id].argmax(axis=1)][r.annotated].mean() for r in recordings]
    return float(np.mean(hits))


def test_it_learns_and_says_probabilities() -> None:
    found = scores(run())
    assert {id_: s.shape for id_, s in found.items()} == {"d": (97, 3), "e": (64, 3)}
    for s in found.values():
        assert s.dtype == np.float32
        np.testing.assert_allclose(s.sum(axis=1), 1, atol=1e-6)
        assert (s >= 0).all()
    assert accuracy(found, [shaped(id_) for id_ in "de"]) > 0.8


def test_same_seed_same_scores_other_seed_other_scores() -> None:
    first, again, other = (scores(run(seed))["d"] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_smoothing_averages_neighbours() -> None:
    rough = scores(run(recipe=replace(SMALL, smoothing=0.0)))["d"]
    smooth = scores(run())["d"]  # 0.2 s at 30 fps: three frames to each side
    for t in (0, 2, 50, 96):
        expected = rough[max(t - 3, 0) : t + 4].mean(axis=0)
        np.testing.assert_allclose(smooth[t], expected, atol=1e-6)


def test_a_class_that_never_trains_gets_nothing_and_one_class_is_refused() -> None:
    whole = [shaped(id_) for id_ in "abc"]
    found = scores(run(), [without(r, {2}) for r in whole])
    assert not found["d"][:, 2].any()
    with pytest.raises(DataError, match="nothing to tell apart") as caught:
        scores(run(), [without(r, {1, 2}) for r in whole])
    assert "0 training frames of groom" in caught.value.problems


def without(recording: Recording, classes: set[int]) -> Recording:
    gone = recording.labels[:, sorted(classes)].any(axis=1)
    return replace(recording, labels=recording.labels & ~gone[:, None], annotated=recording.annotated & ~gone)


def test_features_are_float32_and_bear_what_is_lost() -> None:
    recording = toy.recording("e")
    seen = features(recording, SMALL)
    assert seen.dtype == np.float32
    assert np.isfinite(seen).all()
    blind = replace(recording, keypoints=np.full_like(recording.keypoints, np.nan))
    assert features(blind, SMALL).shape == seen.shape


@pytest.mark.parametrize(
    "lost", [(slice(None), slice(1, 2)), (slice(1, 2), slice(None))], ids=["keypoint", "animal"]
)
def test_what_is_never_seen_in_training_is_of_no_use_and_no_harm(lost: tuple[slice, slice]) -> None:
    def blind(id_: str) -> Recording:
        recording = shaped(id_)
        assert recording.keypoints is not None
        keypoints = recording.keypoints.copy()
        keypoints[:, *lost] = np.nan
        return replace(recording, keypoints=keypoints)

    trained = [blind(id_) for id_ in "abc"]
    x, _ = drawn_frames(run(), SMALL, ASKED, trained)
    assert np.isnan(x).all(axis=0).any(), "there are features that no training frame has"
    for found in scores(run(), trained).values():  # the test recordings show what the others do not
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_features_of_a_frame_come_from_near_it_alone() -> None:
    recording = toy.recording("a")
    changed = recording.keypoints.copy()
    changed[150:] += 400
    before, after = features(recording, SMALL), features(replace(recording, keypoints=changed), SMALL)
    reach = round(max(SMALL.windows) * 30 / 2) + round(SMALL.step * 30) + 12  # 12: gaps are interpolated
    np.testing.assert_allclose(before[: 150 - reach], after[: 150 - reach], rtol=1e-4, atol=1e-2)
    assert not np.allclose(before[149], after[149])


@pytest.mark.parametrize(("balance", "expected"), [(0.0, [0.1, 0.9]), (0.5, [0.25, 0.75]), (1.0, [0.5, 0.5])])
def test_rare_classes_are_drawn_more_often(balance: float, expected: list[float]) -> None:
    label = np.where(np.arange(2000) % 10 == 0, 0, 1)
    keypoints = np.random.default_rng(1).normal(0, 1, (2000, 2, 3, 2)).astype(np.float32)
    keypoints[:, 1] += 1000 * label[:, None, None]
    recording = Recording(
        "r", "r", 30.0, toy.CLASSES, one_hot(label, 3), np.ones(2000, dtype=bool), keypoints
    )
    x, y = drawn_frames(run(), replace(SMALL, frames=1600, balance=balance), ASKED, [recording] * 2)
    assert x.shape[0] == len(y) == 1600
    shares = y.mean(axis=0)
    np.testing.assert_allclose(shares, [*expected, 0], atol=0.04)
    far = np.abs(x[:, :24]).max(axis=1) > 500  # the postures tell the class
    np.testing.assert_array_equal(far, y[:, 1])


def test_trained_like_any_other_baseline(bench_home: Path, tmp_path: Path) -> None:
    pull(toy.DATASET, Path())
    asked = toy.task(first="ab", second="c")
    path = train(GBDT, asked, seed=0, device="cpu", out=tmp_path / "gbdt")
    made = path.read_bytes()
    path.unlink()
    assert train(GBDT, asked, seed=0, device="cpu", out=tmp_path / "gbdt").read_bytes() == made
    frames = {id_: toy.FRAMES[id_] for id_ in "de"}
    expected = {"first": frames, "second": frames}
    entry, read = read_tasks(tmp_path / "gbdt", lambda name: asked, lambda task: expected)
    assert sorted(read["toy"]) == ["seed0"]
    card = entry.tasks["toy"]
    assert (card.causal, card.parameters) == (False, None)


def test_epochs_are_not_for_trees(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not trained in epochs"):
        train(GBDT, toy.task(), seed=0, device="cpu", out=tmp_path / "gbdt", epochs=3)
