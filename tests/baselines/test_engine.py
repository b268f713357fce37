"""The engine: same seed, same weights; a stopped run goes on to the same end; faults are said."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from baselines.recipes.windows import Augmentation, Plateau, Recipe
from baselines.runs import curves
from baselines.switches import OFF
from bench.errors import DataError

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import nn  # noqa: E402

from baselines.contract import Question  # noqa: E402
from baselines.engine import checkpoints, loop, window_training  # noqa: E402
from baselines.engine.window_prediction import predict  # noqa: E402
from baselines.inputs.windows import Examples, windows  # noqa: E402
from baselines.models.conv1d import HalfDropout  # noqa: E402

RECIPE = Recipe(past=2, future=1, gap=1, epochs=4, batch=16)
INPUTS = {"task": "toy", "recipe": {"epochs": 4}}
CPU = torch.device("cpu")
ASKED = Question("toy/all", ("a", "b", "c"), "frames", exclusive=True)


class Small(nn.Module):
    """Two layers with dropout between."""

    def __init__(self, features: int = 5) -> None:
        super().__init__()
        self.hidden, self.dropout, self.head = nn.Linear(4 * features, 8), HalfDropout(), nn.Linear(8, 3)

    def forward(self, x):
        """Return logits (B, 3)."""
        y = self.hidden(x.flatten(1)).relu()[:, :, None, None]
        return self.head(self.dropout(y)[:, :, 0, 0])


def data(seed: int = 1, features: int = 5) -> Examples:
    rng = np.random.default_rng(seed)
    labels = [rng.integers(0, 3, n) for n in (37, 60, 22)]
    kept = [(rng.normal(0, 1, (len(y), features)) + y[:, None]).astype(np.float32) for y in labels]
    return Examples(windows(kept, RECIPE, CPU), torch.from_numpy(np.concatenate(labels)))


def fit(checkpoint: Path, seed: int = 0, build=Small, weights=(1.0, 1.0, 1.0), inputs=INPUTS, **recipe):
    held_out = recipe.pop("held_out", None)
    return window_training.fit(
        build,
        data() if held_out is None else data(features=held_out.windows.rows.shape[1]),
        torch.tensor(weights),
        replace(RECIPE, **recipe),
        seed=seed,
        inputs=inputs,
        checkpoint=checkpoint,
        held_out=held_out,
        report=lambda epochs: curves.write(checkpoint.with_suffix(".csv"), epochs),
    )


def scores(model: nn.Module) -> np.ndarray:
    seen = data().windows
    return predict(model.eval(), seen.gather(torch.arange(len(seen))), ASKED, OFF)


def history(checkpoint: Path, column: str = "loss") -> list:
    return [epoch[column] for epoch in checkpoints.load(checkpoint, INPUTS)["history"]]


def equal(a: nn.Module, b: nn.Module) -> bool:
    theirs = b.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in a.state_dict().items())


def test_same_seed_same_weights_other_seed_other_weights(tmp_path: Path) -> None:
    first = fit(tmp_path / "1.pt")
    torch.rand(17)  # whatever the caller drew before
    assert equal(first, fit(tmp_path / "2.pt"))
    assert not equal(first, fit(tmp_path / "3.pt", seed=1))


class Normalised(nn.Module):
    """One layer behind a batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.head = nn.BatchNorm1d(20), nn.Linear(20, 3)

    def forward(self, x):
        """Return logits (B, 3)."""
        return self.head(self.norm(x.flatten(1)))


def test_a_last_batch_of_one_frame_trains_with_the_batch_before_it(tmp_path: Path) -> None:
    """119 frames are 7 x 16 + 7, 2 x 59 + 1 and 118 + 1."""
    for size, lengths in ((16, [16] * 7 + [7]), (59, [59, 60]), (118, [119]), (1, [1] * 119)):
        batches = window_training.batches(data(), size, 1, 3)
        assert [len(batch) for batch in batches] == lengths
        assert torch.cat(list(batches)).sort().values.tolist() == list(range(119))
    few = [torch.cat(list(window_training.batches(data(), 16, 1, seed, drawn=40))) for seed in (3, 3, 4)]
    assert [len(order.unique()) for order in few] == [40, 40, 40]
    assert torch.equal(few[0], few[1])
    assert not torch.equal(few[0].sort().values, few[2].sort().values), "each epoch draws others"
    fit(tmp_path / "1.pt", build=Normalised, batch=59)
    assert history(tmp_path / "1.pt")[-1] < history(tmp_path / "1.pt")[0]


class Looking(Small):
    """A network that notes whether cuDNN may round."""

    rounds: ClassVar[list[bool]] = []

    def forward(self, x):
        """Note it."""
        self.rounds.append(torch.backends.cudnn.allow_tf32)
        return super().forward(x)


def test_cudnn_rounds_nothing_in_training_and_prediction(tmp_path: Path) -> None:
    assert torch.backends.cudnn.allow_tf32, "torch's default"
    scores(fit(tmp_path / "1.pt", build=Looking))
    assert set(Looking.rounds) == {False}
    assert torch.backends.cudnn.allow_tf32


def test_settings_and_generators_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    fit(tmp_path / "1.pt")
    assert torch.equal(torch.rand(4), expected)
    assert not torch.are_deterministic_algorithms_enabled()


WATCHED = {
    "validation": "windows",
    "plateau": Plateau(0.5, 0),
    "patience": 3,
    "lr": 0.05,
    "class_weights": "balanced",
    "smoothing": 0.1,
    "augmentation": Augmentation(1.0, 0.1),
}
"""Everything that a recipe can ask for, at a rate that overshoots."""


@pytest.mark.parametrize(("saved", "loop"), [(1, {}), (3, {}), (1, WATCHED), (3, WATCHED)])
def test_a_stopped_run_ends_with_the_weights_of_an_undisturbed_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    saved: int,
    loop: dict,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save, count = checkpoints.save, iter(range(saved))
    loop = {**loop, "held_out": data(seed=2, features=6)} if loop else {}
    build = partial(Small, 6) if loop else Small

    def stopping(*args) -> None:
        if next(count, None) is None:
            raise KeyboardInterrupt
        save(*args)

    monkeypatch.setattr(checkpoints, "save", stopping)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "stopped.pt", build=build, **loop)
    monkeypatch.setattr(checkpoints, "save", save)
    resumed = fit(tmp_path / "stopped.pt", build=build, **loop)
    assert f"going on after epoch {saved} of 4" in capsys.readouterr().err
    assert equal(resumed, fit(tmp_path / "whole.pt", build=build, **loop))
    for column in ("epoch", "loss", "validation_loss", "lr"):
        ends = [history(tmp_path / name, column) for name in ("stopped.pt", "whole.pt")]
        assert ends[0] == ends[1]
        assert len(ends[0]) == 4
    logs = [(tmp_path / name).read_text().splitlines() for name in ("stopped.csv", "whole.csv")]
    stopped, whole = ([line.rsplit(",", 1)[0] for line in log] for log in logs)  # less the seconds
    assert stopped == whole
    assert len(whole) == 5


def test_the_best_epoch_on_what_is_held_out_is_kept_and_ends_the_training(tmp_path: Path) -> None:
    """The held-out targets are wrong on purpose: the better it learns, the worse they are met."""
    right = data(seed=2)
    wrong = replace(right, targets=(right.targets + 1) % 3)
    watched = {"validation": "windows", "patience": 3, "plateau": Plateau(0.5, 1), "held_out": wrong}
    model = fit(tmp_path / "1.pt", epochs=40, lr=0.01, **watched)
    losses, rates = (history(tmp_path / "1.pt", column) for column in ("validation_loss", "lr"))
    best = 1 + int(np.argmin(losses))
    assert len(losses) == best + 3 < 40
    assert rates[best] == 0.01
    assert rates[-1] == 0.005
    weights = torch.ones(3)
    assert window_training.evaluate(model, wrong, weights, RECIPE).item() == pytest.approx(
        min(losses), rel=1e-6
    )
    shorter = fit(tmp_path / "2.pt", epochs=best, lr=0.01)
    assert equal(model, shorter), "nothing that is held out trains"
    assert equal(model, fit(tmp_path / "1.pt", epochs=40, lr=0.01, **watched)), "finished: only read"


def test_the_held_out_loss_does_not_depend_on_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    model, weights = Small(), torch.tensor([0.2, 3.0, 1.0])
    recipe = replace(RECIPE, class_weights="balanced", smoothing=0.2)
    whole = window_training.evaluate(model, data(), weights, recipe)
    monkeypatch.setattr(window_training, "AT_ONCE", 7)
    torch.testing.assert_close(window_training.evaluate(model, data(), weights, recipe), whole)
    own = nn.CrossEntropyLoss(weights, label_smoothing=0.2)
    logits = model(data().windows.gather(torch.arange(119)))
    torch.testing.assert_close(whole, own(logits, data().targets))


def test_augmentation_moves_what_trains_and_not_what_is_held_out(tmp_path: Path) -> None:
    still, moved = (
        fit(tmp_path / name, epochs=1, build=partial(Small, 6), held_out=data(seed=2, features=6), **loop)
        for name, loop in (("1.pt", {}), ("2.pt", {"augmentation": Augmentation(3.0, 0.5)}))
    )
    assert not equal(still, moved)
    loss = window_training.evaluate(moved, data(seed=2, features=6), torch.ones(3), RECIPE)
    assert history(tmp_path / "2.pt", "validation_loss") == [pytest.approx(loss.item(), rel=1e-6)]


def test_a_finished_run_is_only_read(tmp_path: Path) -> None:
    first = fit(tmp_path / "1.pt")
    before = (tmp_path / "1.pt").stat().st_mtime_ns
    assert equal(first, fit(tmp_path / "1.pt"))
    assert (tmp_path / "1.pt").stat().st_mtime_ns == before


def test_the_loss_falls_and_probabilities_sum_to_one(tmp_path: Path) -> None:
    model = fit(tmp_path / "1.pt", epochs=12)
    losses = history(tmp_path / "1.pt")
    assert losses[-1] < losses[0]
    found = scores(model)
    assert found.shape == (119, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert (found >= 0).all()


def test_class_weights_multiply_each_frame_before_the_plain_mean(tmp_path: Path) -> None:
    """Twice all weights is twice the loss; were it divided by their sum, it would not change."""
    losses = []
    for name, weight in (("1.pt", 1.0), ("2.pt", 2.0)):
        fit(tmp_path / name, weights=(weight,) * 3, epochs=1, build=Still)
        losses += history(tmp_path / name)
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-6)


class Still(nn.Module):
    """Says the same whatever it learns, so that a loss can be written down."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        """Return logits (B, 3)."""
        return torch.tensor([1.0, 0.0, -1.0]).expand(len(x), 3) + 0 * self.unused


def test_the_loss_is_the_mean_over_all_frames(tmp_path: Path) -> None:
    fit(tmp_path / "1.pt", epochs=1, build=Still)
    logits, targets = np.array([1.0, 0.0, -1.0]), data().targets.numpy()
    expected = np.mean(np.log(np.exp(logits).sum()) - logits[targets])
    assert history(tmp_path / "1.pt") == [pytest.approx(expected, rel=1e-6)]


class Exploding(Small):
    """Gives NaN from its third epoch (eight batches each) on."""

    batches = 0

    def forward(self, x):
        """Return logits (B, 3)."""
        self.batches += 1
        return super().forward(x) * (float("nan") if self.batches > 16 else 1)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_epoch_before(tmp_path: Path) -> None:
    with pytest.raises(loop.TrainingError, match="not finite in epoch 3") as caught:
        fit(tmp_path / "1.pt", build=Exploding)
    assert caught.value.hint
    state = checkpoints.load(tmp_path / "1.pt", INPUTS)
    assert len(state["history"]) == 2
    assert all(value.isfinite().all() for value in state["model"].values())


def test_the_checkpoint_of_another_run_is_refused_by_what_differs(tmp_path: Path) -> None:
    fit(tmp_path / "1.pt", epochs=1)
    with pytest.raises(DataError) as caught:
        fit(tmp_path / "1.pt", inputs={"task": "other", "recipe": {"epochs": 4}, "seed": 3})
    assert len(caught.value.problems) == 2
    assert "task: toy there, other now" in caught.value.problems
    assert "delete" in caught.value.hint


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "1.pt"
    fit(path, epochs=1)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="is not a checkpoint"):
        fit(path)


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.8, 0.99])
def test_one_flipped_byte_of_a_checkpoint_is_a_message(tmp_path: Path, part: float) -> None:
    """From the header to the last weight: no byte may change without a word."""
    path = tmp_path / "1.pt"
    fit(path, epochs=1)
    content = bytearray(path.read_bytes())
    start = int(part * len(content))
    for place in range(start, min(start + 20, len(content))):
        content[place] ^= 0x10
        path.write_bytes(content)
        with pytest.raises(DataError, match="is not a checkpoint") as caught:
            checkpoints.load(path, INPUTS)
        assert "delete" in caught.value.hint
        content[place] ^= 0x10


def test_a_checkpoint_gives_back_what_it_was_given(tmp_path: Path) -> None:
    """Kinds, types, and the order in memory, on which the last bits of later sums depend."""
    path, given = tmp_path / "1.pt", torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).reshape(2, 3, 4, 5)
    state = {
        "channels last": given.to(memory_format=torch.channels_last),
        "half": given[0, 0, 0].bfloat16(),
        "step": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "groups": [{"betas": (0.9, 0.999), "params": [0, 1], "foreach": None, "lr": 0.1 + 0.2}],
        "state": {0: {"truth": torch.tensor([True, False])}, 3: math.inf},
    }
    checkpoints.save(path, INPUTS, state)
    got = checkpoints.load(path, INPUTS)
    for name in ("channels last", "half", "step", "empty"):
        assert got[name].dtype == state[name].dtype
        assert got[name].shape == state[name].shape
        assert torch.equal(got[name], state[name])
    assert got["channels last"].stride() == state["channels last"].stride()
    assert got["groups"] == state["groups"]
    assert list(got["state"]) == [0, 3]
    assert got["state"][0]["truth"].tolist() == [True, False]
    written = path.read_bytes()
    checkpoints.save(path, INPUTS, got)
    assert path.read_bytes() == written


def test_a_checkpoint_of_the_former_format_is_refused_and_never_runs_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"model": Evil(), "inputs": "{}"}, tmp_path / "1.pt")
    with pytest.raises(DataError, match="format of an earlier version") as caught:
        fit(tmp_path / "1.pt")
    assert "delete" in caught.value.hint
    assert not (tmp_path / "ran").exists()
