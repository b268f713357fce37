"""ActionFormer and RaSeformer: their published sizes, padding, and training that is killed and goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import places
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.contract import Baseline, Data, Derived, State  # noqa: E402
from baselines.engine import checkpoints, localisation  # noqa: E402
from baselines.models import get_baseline  # noqa: E402
from baselines.models.actionformer import LEVELS, ActionFormer, Architecture  # noqa: E402
from baselines.models.raseformer import of_query, salient  # noqa: E402
from bench.recordings import Recording  # noqa: E402

NAMES = (
    "actionformer",
    "raseformer",
    "raseformer_windows",
    "raseformer_static_keynorm",
    "raseformer_shared_topk",
)
SMALL = {"width": 12, "heads": 3, "levels": LEVELS[:4], "windows": (5, 5, 3, 1)}
EPOCHS = 12
TRAIN = (("a", 811, 1), ("b", 1057, 2), ("c", 903, 3))
TEST = (("d", 397, 4), ("e", 264, 5))


def learnable(network: torch.nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def test_they_have_the_published_sizes() -> None:
    with torch.device("meta"):
        assert learnable(ActionFormer(Architecture(1024, 14))) == 27_669_526
        assert learnable(ActionFormer(Architecture(1024, 14), salient(of_query))) == 27_669_526
        assert learnable(ActionFormer(Architecture(2048, 20, windows=(19,) * 6))) == 29_251_612


def test_more_padding_changes_no_point() -> None:
    torch.manual_seed(0)
    network = ActionFormer(Architecture(5, 3, **SMALL), salient(of_query)).eval()
    x, inside = torch.randn(1, 40, 5), torch.arange(40)[None] < 29
    x[:, 29:] = 0
    longer = torch.nn.functional.pad(x, (0, 0, 0, 24)), torch.nn.functional.pad(inside, (0, 24))
    with torch.no_grad():
        some, more = network(x, inside), network(*longer)
    for name in ("logits", "distances"):
        torch.testing.assert_close(
            getattr(some, name)[some.inside], getattr(more, name)[more.inside], rtol=0, atol=1e-5
        )


def test_a_branch_is_left_out_for_a_share_of_the_clips() -> None:
    torch.manual_seed(0)
    drop = ActionFormer(Architecture(5, 3, **SMALL, droppath=0.25)).backbone.stem[0].drop_path_attn
    told = drop(torch.ones(2000, 12, 1))
    assert 0.2 < (told[:, 0, 0] == 0).float().mean() < 0.3
    torch.testing.assert_close(told.mean(dim=0), drop.scale[0], rtol=0.1, atol=0)
    torch.testing.assert_close(drop.eval()(torch.ones(1, 12, 1)), drop.scale)


def small() -> Baseline:
    """Return a baseline whose network is a few thousand weights, with the loss that RaSeformer has."""
    declared = get_baseline("raseformer")

    def network(recipe, sizes):
        ((_, features),) = sizes.features
        shape = Architecture(features, sizes.classes[0], **SMALL, droppath=recipe.droppath, positives=10.0)
        return ActionFormer(shape, salient(of_query))

    loss, decode = declared.learn.args[1], declared.restore.args[1]
    return localisation.baseline(
        module="test_actionformer",
        name="small",
        title="small",
        description="",
        reference="",
        recipe=replace(
            declared.recipe,
            epochs=EPOCHS,
            warm_up=1,
            lr=1e-2,
            ema=0.9,
            multiple=8,
            longest=64,
            shortest=64,
            batch=4,
        ),
        network=network,
        loss=loss,
        decode=decode,
        features=declared.needs[0].model,
        final=True,
    )


def made(recording: Recording) -> Derived:
    """Return the mean x and y of each stretch: 5 frames are a row."""
    assert recording.keypoints is not None
    frames = np.nan_to_num(recording.keypoints, nan=100).mean(axis=(1, 2))
    rows = [frames[i : i + 5].mean(axis=0) for i in range(0, len(frames), 5)]
    return Derived(np.array(rows, dtype=np.float32), 0.125, 0.25, "made by hand")


def learned(baseline: Baseline, folder: Path, epochs: int) -> State:
    recipe = replace(baseline.recipe, epochs=epochs)
    run = places.run(baseline, places.question("segments"), recipe=recipe, width=2)
    train = [places.recording(*one) for one in TRAIN]
    place = places.Place(folder / "one.pt", makes=made)
    return baseline.learn(run, Data(train={"toy/all": train}, val={}), place)


@pytest.mark.slow
def test_it_learns_to_tell_segments_and_suppresses_before_it_cuts(tmp_path: Path) -> None:
    baseline = small()
    state = learned(baseline, tmp_path, EPOCHS)
    run = places.run(baseline, places.question("segments"), width=2)
    predictor = baseline.restore(run, state, places.Place(tmp_path / "none.pt", makes=made))
    blind = [places.recording(*one).without_labels() for one in TEST]
    reached = []
    for one, told in zip(TEST, predictor(blind, places.question("segments")), strict=True):
        recording = places.recording(*one)
        assert len(told.labels) <= 200
        assert told.bounds.max() <= recording.frames / recording.fps
        truth = recording.segments_of(places.CLASSES)
        sure = told.take(np.arange(len(told.scores)) < 2 * len(truth.labels))
        for bounds, label in zip(truth.bounds, truth.labels, strict=True):
            mine = sure.bounds[sure.labels == label]
            shared = np.minimum(mine[:, 1], bounds[1]) - np.maximum(mine[:, 0], bounds[0])
            union = (mine[:, 1] - mine[:, 0]) + (bounds[1] - bounds[0]) - np.maximum(shared, 0)
            reached.append(bool((shared / union >= 0.5).any()))
    assert np.mean(reached) > 0.7


@pytest.mark.slow
def test_killed_it_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline, save, count = small(), checkpoints.save, iter(range(1))

    def stopping(*args: object) -> None:
        if next(count, None) is None:
            raise KeyboardInterrupt
        save(*args)

    monkeypatch.setattr(checkpoints, "save", stopping)
    with pytest.raises(KeyboardInterrupt):
        learned(baseline, tmp_path / "killed", 3)
    monkeypatch.setattr(checkpoints, "save", save)
    went_on, whole = (learned(baseline, tmp_path / name, 3) for name in ("killed", "whole"))
    assert set(went_on.arrays) == set(whole.arrays)
    assert "network.positives" in whole.arrays
    for name, array in whole.arrays.items():
        assert array.tobytes() == went_on.arrays[name].tobytes(), name


@pytest.mark.parametrize("name", NAMES)
def test_they_are_declared_with_the_recipe_of_the_paper(name: str) -> None:
    baseline = get_baseline(name)
    recipe = baseline.recipe
    assert (recipe.epochs, recipe.warm_up, recipe.lr, recipe.decay) == (40, 20, 1e-4, 0.05)
    assert baseline.detections == "final"
