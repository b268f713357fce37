"""What a recipe asks for: losses, learning rates, early stops, scaling, augmentation, what is held out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from baselines.models import get_baseline
from baselines.recipes.windows import SGD, Augmentation, Plateau, Recipe
from baselines.runs.listing import every
from baselines.switches import OFF
from bench.errors import UsageError

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from baselines.engine.losses import class_weights, cross_entropy, divisor, probabilities  # noqa: E402
from baselines.engine.schedules import (  # noqa: E402
    after_milestones,
    after_plateaus,
    best_epoch,
    waited_too_long,
    warm,
    warm_cosine,
)
from baselines.engine.validation import held_out_groups, hold_out_windows  # noqa: E402
from baselines.engine.window_training import optimiser  # noqa: E402
from baselines.inputs.augmentation import augment, stretch  # noqa: E402
from baselines.inputs.scaling import Scaled, moments  # noqa: E402
from baselines.inputs.windows import Examples, inside, windows  # noqa: E402

PLAIN = Recipe(past=2, future=1, gap=1, epochs=30)
CPU = torch.device("cpu")


def test_the_published_recipes() -> None:
    """The numbers of CalMS21's official code and of MSGL's, as the facts give them."""
    keras = {"batch": 128, "eps": 1e-7, "ends": "zeros", "class_weights": "task", "validation": "none"}
    published = {
        "fc": (100, 100, 2, 3e-4, 15),
        "single_frame": (0, 0, 1, 5e-3, 15),
        "lstm": (50, 50, 1, 1e-3, 20),
        "self_attention": (50, 50, 1, 1e-3, 20),
        "conv1d": (100, 100, 2, 1e-3, 15),
        "conv1d_causal": (100, 0, 2, 1e-3, 15),
        "conv1d_augmented": (50, 50, 1, 1e-3, 50),
    }
    for name, (past, future, gap, lr, epochs) in published.items():
        recipe = get_baseline(name).recipe
        assert (recipe.past, recipe.future, recipe.gap, recipe.lr, recipe.epochs) == (
            past,
            future,
            gap,
            lr,
            epochs,
        )
        assert {option: getattr(recipe, option) for option in keras} == keras
        assert (recipe.augmentation is not None) == (name == "conv1d_augmented")
    assert get_baseline("conv1d_augmented").recipe.augmentation == Augmentation(math.pi, 0.25)

    msgl = get_baseline("msgl").recipe
    assert (msgl.window, msgl.future, msgl.gap, msgl.lr, msgl.batch, msgl.epochs) == (35, 0, 1, 1e-3, 32, 50)
    assert (msgl.plateau, msgl.patience, msgl.smoothing) == (Plateau(0.5, 5), 25, 0.1)
    assert (msgl.ends, msgl.scaling, msgl.class_weights) == ("whole", "standard", "balanced")
    assert (msgl.validation, msgl.eps) == ("windows", 1e-8)
    others = [b for b in every() if b.name.startswith("msgl_") and b.name != "msgl_as_described"]
    assert len(others) == 7
    assert all(baseline.recipe == msgl for baseline in others)


def test_a_plateau_needs_something_to_watch() -> None:
    with pytest.raises(ValueError, match="need a validation loss"):
        replace(PLAIN, patience=3)


def logits_and_targets() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(23, 4), torch.tensor([0] * 11 + [1] * 2 + [3] * 10)


def test_a_causal_model_predicts_every_frame() -> None:
    with pytest.raises(ValueError, match="look ahead"):
        Recipe(past=3, future=0, gap=1, epochs=1, hop=2)


def test_balanced_weights_are_scikit_learns() -> None:
    balanced = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    _, targets = logits_and_targets()
    found = class_weights(targets, "abcd", {}, balanced=True)
    # scikit-learn counts the classes that are there, we those that the task knows
    expected = 3 / 4 * balanced("balanced", classes=np.array([0, 1, 3]), y=targets.numpy())
    np.testing.assert_allclose(found[[0, 1, 3]], expected, rtol=1e-6)
    assert found[2] == 0


def test_declared_weights_are_taken_by_name() -> None:
    _, targets = logits_and_targets()
    classes = ("a", "b", "c", "d")
    assert class_weights(targets, classes, {"c": 5.0, "a": 2.5}, balanced=False).tolist() == [2.5, 1, 5, 1]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_balanced_loss_is_torchs_own(smoothing: float) -> None:
    logits, targets = logits_and_targets()
    weights = torch.tensor([0.5, 3.0, 1.0, 0.7])
    mean = cross_entropy(logits, targets, weights, smoothing) / divisor(targets, weights, balanced=True)
    own = torch.nn.CrossEntropyLoss(weights, label_smoothing=smoothing)
    torch.testing.assert_close(mean, own(logits, targets))


def test_keras_divides_by_the_frames_and_not_by_their_weights() -> None:
    logits, targets = logits_and_targets()
    weights = torch.tensor([0.5, 3.0, 1.0, 0.7])
    mean = cross_entropy(logits, targets, weights) / divisor(targets, weights, balanced=False)
    each = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    torch.testing.assert_close(mean, (each * weights[targets]).mean())


def overlapping() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(8)
    logits = torch.randn(41, 3, generator=generator)
    return logits, torch.rand(41, 3, generator=generator) < torch.tensor([0.1, 0.5, 0.8])


def test_where_classes_overlap_each_is_a_question_of_its_own() -> None:
    """Keras means over the classes of a frame, then over frames; a weight is that of frames it holds in."""
    logits, targets = overlapping()
    weights = class_weights(targets, "abc", {"b": 4.0}, balanced=False)
    assert weights.tolist() == [[1, 1, 1], [1, 4, 1]]
    mean = cross_entropy(logits, targets, weights) / divisor(targets, weights, balanced=False)
    own = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 4.0, 1.0]))
    torch.testing.assert_close(mean, own(logits, targets.float()))


def test_balanced_answers_weigh_alike_and_labels_are_smoothed_towards_half() -> None:
    logits, targets = overlapping()
    targets[:, 2] = True
    weights = class_weights(targets, "abc", {}, balanced=True)
    held = targets.sum(dim=0)
    assert weights[0, 2] == 0, "it always holds: the other answer was never seen"
    torch.testing.assert_close(weights[1] * held, torch.full((3,), 41 / 2))
    torch.testing.assert_close((weights[0] * (41 - held))[:2], torch.full((2,), 41 / 2))
    mean = cross_entropy(logits, targets, weights, 0.2) / divisor(targets, weights, balanced=True)
    each = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, torch.where(targets, 0.9, 0.1), reduction="none"
    )
    chosen = torch.where(targets, weights[1], weights[0])
    torch.testing.assert_close(mean, (each * chosen).sum() / chosen.sum())


def test_probabilities_of_overlapping_classes_need_not_sum_to_one() -> None:
    logits, _ = overlapping()
    torch.testing.assert_close(probabilities(logits, exclusive=False), 1 / (1 + (-logits).exp()))
    torch.testing.assert_close(probabilities(logits, exclusive=True).sum(dim=1), torch.ones(41))


@pytest.mark.parametrize("seed", range(5))
def test_the_learning_rate_is_torchs_own_on_a_plateau(seed: int) -> None:
    losses = np.random.default_rng(seed).choice([1.0, 0.99995, 0.9, 0.8, 0.79], 40).tolist()
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], PLAIN.lr)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=2)
    optimiser.step()
    for epoch, loss in enumerate(losses):
        assert after_plateaus(PLAIN.lr, 0.5, 2, losses[:epoch]) == pytest.approx(
            optimiser.param_groups[0]["lr"]
        )
        schedule.step(loss)
    assert after_plateaus(PLAIN.lr, 0.5, 2, losses) < PLAIN.lr


def test_training_stops_when_the_best_epoch_is_long_ago() -> None:
    losses = [3.0, 2.0, 2.5, 2.0, 2.1, 2.2]
    assert best_epoch(losses) == 2
    assert [waited_too_long(4, losses[:n]) for n in range(7)] == [False] * 6 + [True]
    assert not waited_too_long(None, losses)


def test_the_learning_rate_falls_to_a_tenth_after_each_milestone_as_torch_has_it() -> None:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.1)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [3, 5])
    for epoch in range(1, 9):
        assert after_milestones(0.1, (3, 5), epoch) == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()


def test_a_warm_up_ends_at_the_rate_of_the_recipe() -> None:
    assert [warm(0.5, 4, epoch) for epoch in (1, 2, 4, 5)] == [0.125, 0.25, 0.5, 0.5]
    assert warm(0.5, 0, 1) == 0.5


def test_a_warm_up_rises_evenly_and_a_cosine_ends_at_nothing() -> None:
    rates = [warm_cosine(0.2, 2, 10, done) for done in (0.0, 0.5, 2.0, 6.0, 10.0)]
    assert rates == pytest.approx([0, 0.05, 0.2, 0.1, 0])
    assert warm_cosine(0.2, 0, 10, 0.0) == 0.2


def test_scaling_is_fitted_on_the_given_frames_alone() -> None:
    rng = np.random.default_rng(2)
    fitted_on = [rng.normal((5, 5, 5, 105), 3, (n, 4)).astype(np.float32) for n in (31, 17)]
    for frames in fitted_on:
        frames[:, 2] = 7
    scaled = Scaled(torch.nn.Flatten(), *moments(fitted_on))
    both = np.concatenate(fitted_on)
    seen = scaled(torch.from_numpy(both)[:, None]).numpy()
    np.testing.assert_allclose(seen[:, [0, 1, 3]].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(seen[:, [0, 1, 3]].std(axis=0), 1, atol=1e-5)
    assert not seen[:, 2].any(), "what never changes is only centred"
    assert {"mean", "deviation"} <= scaled.state_dict().keys()
    assert not list(scaled.parameters())


def test_what_was_not_detected_is_filled_and_scaled_as_scikit_learn_does_it() -> None:
    rng = np.random.default_rng(2)
    fitted_on = [rng.normal((5, 50, 5, 5), 3, (n, 4)).astype(np.float32) for n in (31, 17)]
    for frames in fitted_on:
        frames[rng.random(frames.shape) < 0.3] = np.nan
        frames[:, 3] = np.nan
    scaled = Scaled(torch.nn.Flatten(), *moments(fitted_on))
    theirs = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    theirs.fit(np.concatenate(fitted_on).astype(np.float64))
    tested = rng.normal((5, 50, 5, 0), 3, (23, 4)).astype(np.float32)
    tested[rng.random(tested.shape) < 0.3] = np.nan
    seen = scaled(torch.from_numpy(tested)[:, None]).numpy()
    np.testing.assert_allclose(seen, theirs.transform(tested.astype(np.float64)), rtol=1e-4, atol=1e-5)


def test_the_mean_of_the_training_set_needs_the_standard_scaling() -> None:
    with pytest.raises(ValueError, match="means come with the standard scaling"):
        replace(PLAIN, missing="mean")
    assert {b.recipe.missing for b in every() if b.name.startswith("msgl")} == {"mean"}


def test_a_window_is_mirrored_at_even_odds_and_turned_and_shifted_as_without() -> None:
    x = torch.rand(400, 3, 4) + 0.1
    plain, mirrored = Augmentation(math.pi, 0.25), Augmentation(math.pi, 0.25, reflect=True)
    torch.manual_seed(4)
    without = augment(x, plain)
    torch.manual_seed(4)
    found = augment(x, mirrored)
    torch.manual_seed(4)
    turned_round = augment(x * torch.tensor([-1.0, 1.0]).repeat(2), plain)
    same, other = ((found == one).flatten(1).all(dim=1) for one in (without, turned_round))
    assert (same ^ other).all()
    assert 150 < other.sum() < 250


def test_a_window_is_moved_as_a_whole() -> None:
    torch.manual_seed(4)
    x = torch.rand(9, 7, 12)
    x[:, :2] = 0  # beyond the end of the recording
    moved = augment(x, Augmentation(math.pi, 0.25)).unflatten(2, (6, 2))
    origin = moved[:, :1, :1]  # where zero went: the shift
    assert (moved[:, :2] == origin).all()
    assert origin.abs().max() <= 0.25
    assert not torch.allclose(origin[0], origin[1])
    points = torch.view_as_complex(x.unflatten(2, (6, 2))[:, 2:].contiguous())
    turned = torch.view_as_complex((moved - origin)[:, 2:].contiguous())
    turn = turned / points
    torch.testing.assert_close(turn, turn[:, :1, :1].expand_as(turn), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(turn.abs(), torch.ones_like(turn.abs()), rtol=1e-4, atol=1e-4)
    assert augment(x, None) is x


def test_a_stretch_keeps_the_labelled_sample_and_reads_nearer_ones() -> None:
    ramp = torch.arange(7.0).expand(3, 7)[..., None].repeat(1, 1, 4)
    found = stretch(ramp, torch.tensor([1.0, 0.5, 0.0]), middle=4)
    expected = [[0, 1, 2, 3, 4, 5, 6], [2, 2.5, 3, 3.5, 4, 4.5, 5], [4] * 7]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32)[..., None].expand(3, 7, 4))


def test_shares_of_a_stretch_fill_their_range() -> None:
    torch.manual_seed(6)
    ramp = torch.arange(11.0)[None, :, None].repeat(4000, 1, 2)
    zoomed = augment(ramp, Augmentation(rotation=0.0, shift=0.0, zoom=0.4), middle=5)
    share = (zoomed[:, 10, 0] - 5) / 5
    quarters = torch.histc(share, 4, 0.4, 1.0) / 4000
    torch.testing.assert_close(quarters, torch.full((4,), 0.25), rtol=0, atol=0.03)


def test_angles_and_shifts_fill_their_range() -> None:
    torch.manual_seed(5)
    x = torch.tensor([1.0, 0, 0, 0]).expand(4000, 1, 4)
    moved = augment(x, Augmentation(math.pi, 0.25))[:, 0]
    shift, turn = moved[:, 2:], moved[:, :2] - moved[:, 2:]
    angles = torch.atan2(turn[:, 1], turn[:, 0])
    for values, limit in ((angles, math.pi), (shift[:, 0], 0.25), (shift[:, 1], 0.25)):
        assert values.abs().max() <= limit * (1 + 1e-5)
        quarters = torch.histc(values, 4, -limit, limit) / 4000
        torch.testing.assert_close(quarters, torch.full((4,), 0.25), rtol=0, atol=0.03)


def test_whole_windows_lie_within_and_predictions_repeat_the_ends() -> None:
    recipe = Recipe(past=2, future=1, gap=3, epochs=1, ends="whole")
    assert np.flatnonzero(inside(14, recipe)).tolist() == [6, 7, 8, 9, 10]
    assert not inside(9, recipe).any()
    recordings = [np.arange(1, n + 1, dtype=np.float32)[:, None] + 100 * i for i, n in enumerate((14, 5))]
    every = windows(recordings, recipe, CPU)
    seen = every.gather(torch.arange(len(every)))[:, :, 0]
    assert seen[0].tolist() == [1, 1, 1, 4]
    assert seen[13].tolist() == [8, 11, 14, 14]
    assert seen[14].tolist() == [101, 101, 101, 104]
    within = windows(recordings, recipe, CPU, [inside(len(r), recipe) for r in recordings])
    torch.testing.assert_close(within.gather(torch.arange(5))[:, :, 0], seen[6:11])


def examples(count: int) -> Examples:
    rows = np.arange(count, dtype=np.float32)[:, None]
    return Examples(windows([rows], replace(PLAIN, past=0, future=0), CPU), torch.arange(count) % 3)


def test_windows_held_out_are_a_random_fifth() -> None:
    every = examples(50)
    train, held_out = hold_out_windows(every, seed=1)
    assert (len(train), len(held_out)) == (40, 10)
    values = [part.windows.gather(torch.arange(len(part))).flatten().long() for part in (train, held_out)]
    assert sorted(torch.cat(values).tolist()) == list(range(50))
    for part, found in zip((train, held_out), values, strict=True):
        assert torch.equal(part.targets, found % 3)
    again, other = hold_out_windows(every, seed=1)[1], hold_out_windows(every, seed=2)[1]
    assert torch.equal(again.windows.frames, held_out.windows.frames)
    assert not torch.equal(other.windows.frames, held_out.windows.frames)


def test_groups_held_out_share_nothing_with_those_that_train() -> None:
    groups = [f"g{i // 2}" for i in range(13)]
    held_out = held_out_groups(groups, seed=3)
    assert held_out == held_out_groups(groups[::-1], seed=3) < set(groups)
    assert len(held_out) == 1
    assert any(held_out_groups(groups, seed) != held_out for seed in range(9))
    with pytest.raises(UsageError, match="all training recordings are of one group"):
        held_out_groups(groups[:2], seed=3)


def test_a_recipe_may_ask_for_plain_descent_in_place_of_adam() -> None:
    model = torch.nn.Linear(3, 2)
    adam = optimiser(replace(PLAIN, lr=0.02), OFF, model)
    assert isinstance(adam, torch.optim.Adam)
    assert (adam.defaults["lr"], adam.defaults["betas"], adam.defaults["eps"]) == (0.02, PLAIN.betas, 1e-7)
    sgd = optimiser(replace(PLAIN, lr=0.1, sgd=SGD(0.8, nesterov=True, decay=1e-4)), OFF, model)
    assert isinstance(sgd, torch.optim.SGD)
    names = ("lr", "momentum", "nesterov", "weight_decay")
    assert [sgd.defaults[name] for name in names] == [0.1, 0.8, True, 1e-4]
