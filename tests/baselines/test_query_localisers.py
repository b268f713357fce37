"""TadTR and TE-TAD as baselines: they learn segments, go on after a stop, and answer windows and chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import places
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import nn  # noqa: E402

from baselines.contract import Baseline, Data, Derived, Sizes, State  # noqa: E402
from baselines.engine import checkpoints, localisation  # noqa: E402
from baselines.engine.matching import within  # noqa: E402
from baselines.models import tadtr, te_tad  # noqa: E402
from baselines.recipes.localisation import Recipe  # noqa: E402
from bench.recordings import Detections, Recording  # noqa: E402

SMALL = {"width": 32, "heads": 2, "points": 2, "hidden": 48, "encoders": 1, "decoders": 2}
TRAIN = (("a", 811, 1), ("b", 1057, 2), ("c", 903, 3))
TEST = (("d", 397, 4), ("e", 264, 5))
COLUMNS = 2


def small_tadtr(_recipe: Recipe, sizes: Sizes) -> nn.Module:
    return tadtr.Windows(tadtr.TadTR(COLUMNS, sizes.classes[0], queries=24, dropout=0.0, **SMALL))


def small_te_tad(recipe: Recipe, sizes: Sizes) -> nn.Module:
    network = te_tad.TETAD(COLUMNS, sizes.classes[0], queries=40, levels=3, **SMALL)
    return te_tad.EverySecond(network, recipe.noise)


def smaller(declared: Baseline, network: Callable[..., nn.Module], **changed: Any) -> Baseline:
    """Return a baseline whose network is small, with the loss that it has and a recipe of a few seconds."""
    return localisation.baseline(
        module="test_query_localisers",
        name=declared.name,
        title="small",
        description="",
        reference="",
        recipe=replace(declared.recipe, **{"batch": 2, "lr": 3e-3, "milestones": (), **changed}),
        network=network,
        loss=declared.learn.args[1],
        decode=declared.restore.args[1],
        features=declared.needs[0].model,
        final=True,
        nms=False,
    )


MODELS = {
    "tadtr": smaller(tadtr.TADTR, small_tadtr, epochs=40, clip=1.0),
    "te_tad": smaller(te_tad.TE_TAD, small_te_tad, epochs=40, clip=1.0, ema=0.9, noise=0.05, multiple=4),
}
each_model = pytest.mark.parametrize("baseline", MODELS.values(), ids=list(MODELS))


def made(recording: Recording) -> Derived:
    """Return the mean x and y of each stretch: 5 frames are a row."""
    assert recording.keypoints is not None
    frames = np.nan_to_num(recording.keypoints, nan=100).mean(axis=(1, 2))
    rows = [frames[i : i + 5].mean(axis=0) for i in range(0, len(frames), 5)]
    return Derived(np.array(rows, dtype=np.float32), 0.125, 0.25, "made by hand")


def learned(baseline: Baseline, checkpoint: Path, epochs: int | None = None) -> State:
    recipe = baseline.recipe if epochs is None else replace(baseline.recipe, epochs=epochs)
    run = places.run(baseline, places.question("segments"), recipe=recipe, width=COLUMNS)
    train = [places.recording(*one) for one in TRAIN]
    return baseline.learn(run, Data(train={"toy/all": train}, val={}), places.Place(checkpoint, makes=made))


def answers(baseline: Baseline, state: State, recordings: Sequence[Recording]) -> list[Detections]:
    run = places.run(baseline, places.question("segments"), recipe=baseline.recipe, width=COLUMNS)
    place = places.Place(Path("none.pt"), makes=made)
    blind = [recording.without_labels() for recording in recordings]
    return list(baseline.restore(run, state, place)(blind, places.question("segments")))


def reached(detections: Detections, recording: Recording) -> list[bool]:
    """Return which true segments a sure detection overlaps by half."""
    truth = recording.segments_of(places.CLASSES)
    sure = detections.take(np.argsort(-detections.scores, kind="stable")[: 2 * len(truth.labels)])
    result = []
    for bounds, label in zip(truth.bounds, truth.labels, strict=True):
        mine = sure.bounds[sure.labels == label]
        overlap = np.minimum(mine[:, 1], bounds[1]) - np.maximum(mine[:, 0], bounds[0])
        union = (mine[:, 1] - mine[:, 0]) + (bounds[1] - bounds[0]) - np.maximum(overlap, 0)
        result.append(bool((overlap / union >= 0.5).any()))
    return result


@pytest.mark.slow
@each_model
def test_it_learns_to_answer_segments(baseline: Baseline, tmp_path: Path) -> None:
    recordings = [places.recording(*one) for one in TEST]
    given = answers(baseline, learned(baseline, tmp_path / "one.pt"), recordings)
    hits = [hit for one, recording in zip(given, recordings, strict=True) for hit in reached(one, recording)]
    assert np.mean(hits) > 0.5
    for one, recording in zip(given, recordings, strict=True):
        assert one.bounds.min() >= 0
        assert one.bounds.max() <= recording.frames / recording.fps


@each_model
def test_killed_it_goes_on_to_the_same_bytes(
    baseline: Baseline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, count = checkpoints.save, iter(range(2))

    def stopping(*args: object) -> None:
        if next(count, None) is None:
            raise KeyboardInterrupt
        save(*args)

    monkeypatch.setattr(checkpoints, "save", stopping)
    with pytest.raises(KeyboardInterrupt):
        learned(baseline, tmp_path / "killed.pt", 4)
    monkeypatch.setattr(checkpoints, "save", save)
    resumed, whole = (learned(baseline, tmp_path / name, 4) for name in ("killed.pt", "whole.pt"))
    assert places.same(resumed, whole)


def test_windows_cover_a_recording_and_the_last_ends_with_it() -> None:
    assert tadtr.window_starts(128) == [0]
    assert tadtr.window_starts(129) == [0, 1]
    assert tadtr.window_starts(224) == [0, 96]
    assert tadtr.window_starts(300) == [0, 96, 172]


def test_a_long_recording_is_answered_window_by_window() -> None:
    torch.manual_seed(4)
    network = tadtr.Windows(tadtr.TadTR(COLUMNS, 3, queries=5, **SMALL)).eval()
    x, inside = torch.randn(1, 300, COLUMNS), torch.ones(1, 300, dtype=torch.bool)
    with torch.no_grad():
        whole = network(x, inside)
        last = network(x[:, 172:], inside[:, 172:])
    assert whole.logits.shape == (2, 3, 5, 3)
    torch.testing.assert_close(whole.logits[:, 2:], last.logits, rtol=0, atol=1e-4)
    bounds, labels, scores = tadtr.decode(whole, inside)
    assert len(bounds) == len(labels) == len(scores) <= 3 * 5 * 3


def test_of_two_windows_the_surer_detection_stays() -> None:
    ends = torch.tensor([[[100.0, 110.0], [0.0, 9.0]], [[101.0, 111.0], [100.0, 110.0]]])
    labels = torch.tensor([[0, 1], [0, 2]])
    scores = torch.tensor([[0.5, 0.4], [0.6, 0.1]])
    kept = tadtr.surest(ends, labels, scores, [0, 96])
    assert kept.tolist() == [[False, True], [True, True]]
    assert tadtr.surest(ends, labels, scores, [0, 128]).all()


def test_padding_changes_no_answer_of_tadtr_but_where_it_is_as_released() -> None:
    torch.manual_seed(5)
    inside = torch.arange(60)[None] < 40
    for as_released in (False, True):
        network = tadtr.TadTR(COLUMNS, 3, queries=5, padded_regions=as_released, **SMALL).eval()
        memory = torch.randn(1, 60, SMALL["width"]) * inside[..., None]
        segments = torch.tensor([[[0.3, 0.2], [0.6, 0.1]]])
        with torch.no_grad():
            padded = network.fit(memory, inside, segments)
            cut = network.fit(memory[:, :40], inside[:, :40], segments)
        assert torch.allclose(padded, cut, atol=1e-5) is not as_released


def test_segments_are_cut_to_the_rows_inside() -> None:
    ends = torch.tensor([[-0.5, 3.5], [7.5, 99.0], [12.0, 14.0]])
    kept, labels = within(10, (ends, torch.tensor([2, 0, 1])))
    assert kept.tolist() == [[0.0, 4.0], [8.0, 10.0]]
    assert labels.tolist() == [2, 0]


def test_a_window_without_segments_has_a_loss() -> None:
    torch.manual_seed(6)
    x, inside = torch.randn(2, 16, COLUMNS), torch.ones(2, 16, dtype=torch.bool)
    nothing = (torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))
    sizes = Sizes(places.SKELETON, (3,), (("made", COLUMNS),))
    for module, network in ((tadtr, small_tadtr), (te_tad, small_te_tad)):
        outputs = network(MODELS["te_tad"].recipe, sizes)(x, inside)
        assert torch.isfinite(module.loss(outputs, inside, [nothing, nothing]))


def test_every_chunk_gives_equally_many_queries_and_half_of_them_in_training() -> None:
    torch.manual_seed(7)
    network = te_tad.TETAD(COLUMNS, 3, queries=6, levels=3, **SMALL)
    x, inside = torch.randn(1, 256, COLUMNS), torch.arange(256)[None] < 100
    answers = {mode: network.train(mode)(x, inside, torch.tensor([0.25]))[-2] for mode in (True, False)}
    assert answers[True].inside.sum() == 6  # the second chunk is all padding
    assert [answers[mode].logits.shape[1] for mode in (True, False)] == [12, 24]


def test_rows_of_every_level_share_the_recording_evenly() -> None:
    network = te_tad.TETAD(COLUMNS, 3, queries=6, levels=4, **SMALL)
    x, inside = torch.randn(1, 16, COLUMNS), torch.arange(16)[None] < 9
    _, grid = network.pyramid(x, inside, torch.tensor([0.5]))
    seconds = grid.seconds[grid.inside].split([9, 5, 3, 2])
    for level in seconds:
        expected = (torch.arange(len(level)) + 0.5) * 4.5 / len(level)
        torch.testing.assert_close(level, expected)
    assert grid.lengths == [16, 8, 4, 2]


@each_model
def test_weights_that_learn_slowly_are_those_of_the_public_code(baseline: Baseline) -> None:
    network = baseline.network(baseline.recipe, Sizes(places.SKELETON, (3,), (("made", COLUMNS),)))
    names = [name for name, _ in network.named_parameters()]
    slow = {name for name in names if any(word in name for word in baseline.recipe.slow)}
    expected = {name for name in names if ".offsets." in name or ".centres." in name}
    assert slow == expected
