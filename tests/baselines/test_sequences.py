"""Networks that label whole stretches: they learn, resume to the same bytes, answer several questions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy

from baselines.runs import states
from baselines.runs.restoring import restore
from baselines.runs.train import train

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import nn  # noqa: E402

from baselines.contract import Sizes  # noqa: E402
from baselines.engine import checkpoints, sequences  # noqa: E402
from baselines.inputs.poses import columns  # noqa: E402
from baselines.recipes.sequences import Recipe  # noqa: E402

RECIPE = Recipe(size=48, epochs=20, batch=3, lr=0.02, decay=0.01, warm_up=1, clip=1.0)


class Stretch(nn.Module):
    """Each frame and its neighbours; one head for each question; aside, the poses are to be made again."""

    def __init__(self, features: int, classes: tuple[int, ...]) -> None:
        super().__init__()
        self.time = nn.Conv1d(features, 12, 5, padding=2)
        self.heads = nn.ModuleList(nn.Linear(12, count) for count in classes)
        self.again = nn.Linear(12, features)
        self.calls: list[str] = []

    def forward(self, x, inside, *, aside=False):
        """Return logits (B, T, C) of each question, or how badly poses are made again."""
        y = self.time((x * inside[..., None]).transpose(1, 2)).transpose(1, 2).relu()
        if aside:
            return ((self.again(y) - x) ** 2)[inside].mean()
        answers = tuple(head(y) for head in self.heads)
        return answers if len(answers) > 1 else answers[0]


def build(recipe: Recipe, sizes: Sizes) -> nn.Module:
    return Stretch(columns(sizes.skeleton), sizes.classes)


def declared(name: str, **more: object):
    return sequences.baseline(
        module="test_sequences",
        name=name,
        title="Stretch",
        description="a convolution over time",
        reference="none",
        recipe=more.pop("recipe", RECIPE),
        network=build,
        **more,
    )


ONE = declared("one")
ALL = declared("all", serves="parts")
ASIDE = declared("aside", unlabelled=("test",), recipe=replace(RECIPE, aside=0.5))


def accuracy(path: Path, part: str) -> float:
    with np.load(path) as scores:
        hits = [
            toy.recording(id_).labels[np.arange(toy.FRAMES[id_]), scores[f"{part}/{id_}"].argmax(axis=1)][5:]
            for id_ in "de"
        ]
    return float(np.concatenate(hits).mean())


def test_it_learns_and_labels_every_frame(store: Path, tmp_path: Path) -> None:
    path = train(ONE, toy.task(), seed=0, device="cpu", out=tmp_path / "out")
    assert accuracy(path, "all") > 0.9
    with np.load(path) as scores:
        assert scores["all/d"].shape == (97, 3)
        np.testing.assert_allclose(scores["all/d"].sum(axis=1), 1, atol=1e-5)
        restored = restore(tmp_path / "out", toy.task(), "seed0", "all")
        (told,) = restored.answers([toy.recording("d")])
        np.testing.assert_array_equal(told, scores["all/d"])
    log = (tmp_path / "out/.work/toy/seed0-all.csv").read_text().splitlines()
    rates = [float(line.split(",")[3]) for line in log[1:]]
    assert rates[0] < max(rates) <= 0.02
    assert rates[-1] == min(rates[1:])


def test_long_recordings_are_cut_and_nobody_sees_where(store: Path, tmp_path: Path) -> None:
    """The network looks two frames to each side, crops overlap by more: another size changes nothing."""
    train(ONE, toy.task(), seed=0, device="cpu", out=tmp_path / "out")
    path = tmp_path / "out/.work/toy/seed0-all.safetensors"
    state, inputs = states.load(path)
    states.save(path, state, {**inputs, "recipe": {**inputs["recipe"], "size": 400}})
    (whole,) = restore(tmp_path / "out", toy.task(), "seed0", "all").answers([toy.recording("c")])
    states.save(path, state, inputs)
    (cut,) = restore(tmp_path / "out", toy.task(), "seed0", "all").answers([toy.recording("c")])
    np.testing.assert_allclose(cut, whole, atol=1e-6)
    assert len(cut) == 303 > 2 * RECIPE.size


def test_several_questions_are_learned_at_once(store: Path, tmp_path: Path) -> None:
    """The second part has other names for the same: its head learns them apart."""
    asked = toy.task(first="ab", second="bc")
    path = train(ALL, asked, seed=0, device="cpu", out=tmp_path / "out")
    assert accuracy(path, "first") > 0.9
    assert accuracy(path, "second") > 0.9
    assert [p.name for p in sorted((tmp_path / "out/.work/toy").glob("*.pt"))] == ["seed0-parts.pt"]
    with np.load(path) as scores:
        assert not np.array_equal(scores["first/d"], scores["second/d"])


def test_each_question_keeps_the_weights_of_its_own_best_epoch(store: Path, tmp_path: Path) -> None:
    asked = toy.task(first="ab", second="b")
    parts = {name: {**part, "val": {"c": ("c",)}} for name, part in asked.split.parts.items()}
    asked = replace(asked, split=replace(asked.split, parts=parts))
    watched = declared("all", serves="parts", recipe=replace(RECIPE, validation="recordings", lr=0.05))
    train(replace(ALL, recipe=watched.recipe), asked, seed=0, device="cpu", out=tmp_path / "out")
    saved = checkpoints.read(tmp_path / "out/.work/toy/seed0-parts.pt")[0]
    names = [f"validation_loss toy/{part}" for part in ("first", "second")]
    assert list(saved["best"]) == names
    state, _ = states.load(tmp_path / "out/.work/toy/seed0-first.safetensors")
    for part, name in zip(("first", "second"), names, strict=True):
        for key, weights in saved["best"][name].items():
            np.testing.assert_array_equal(state.arrays[f"toy/{part}/{key}"], weights.numpy())
    assert set(saved["history"][0]) == {"epoch", "loss", *names, "lr", "seconds"}


@pytest.mark.slow
def test_crops_without_labels_teach_beside_those_with(store: Path, tmp_path: Path) -> None:
    plain, beside = (train(b, toy.task(), seed=0, device="cpu", out=tmp_path / b.name) for b in (ONE, ASIDE))
    assert accuracy(beside, "all") > 0.9
    kept = [tmp_path / name / ".work/toy/seed0-all.safetensors" for name in ("one", "aside")]
    one, other = (states.load(path)[0].arrays for path in kept)
    moved = [not np.array_equal(one[key], other[key]) for key in one]
    assert any(moved)
    assert "the test recordings, without labels" in (tmp_path / "aside/submission.toml").read_text()
    assert 'extra_data = "none"' in (tmp_path / "one/submission.toml").read_text()
    assert plain != beside


@pytest.mark.slow
@pytest.mark.parametrize("saved", [1, 4])
def test_stopped_it_ends_with_the_same_bytes(
    saved: int, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, count = checkpoints.save, iter(range(saved))

    def stopping(*args: object) -> None:
        if next(count, None) is None:
            raise KeyboardInterrupt
        save(*args)

    monkeypatch.setattr(checkpoints, "save", stopping)
    with pytest.raises(KeyboardInterrupt):
        train(ASIDE, toy.task(), seed=0, device="cpu", out=tmp_path / "stopped")
    monkeypatch.setattr(checkpoints, "save", save)
    for name in ("stopped", "whole"):
        train(ASIDE, toy.task(), seed=0, device="cpu", out=tmp_path / name)
    for file in ("toy/seed0.npz", ".work/toy/seed0-all.safetensors"):
        assert (tmp_path / "stopped" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_classes_that_overlap_are_answered_each_by_itself(store: Path, tmp_path: Path) -> None:
    path = train(ONE, replace(toy.task(), exclusive=False), seed=0, device="cpu", out=tmp_path / "out")
    assert accuracy(path, "all") > 0.9
    with np.load(path) as scores:
        assert np.ptp(scores["all/d"].sum(axis=1)) > 1e-3


def test_its_size_and_cost_are_those_of_a_frame(store: Path, tmp_path: Path) -> None:
    from bench.submissions import read_entry

    train(ONE, toy.task(), seed=0, device="cpu", out=tmp_path / "out", epochs=1)
    card = read_entry(tmp_path / "out").tasks["toy"]
    assert card.parameters == 12 * 12 * 5 + 12 + 12 * 3 + 3 + 12 * 12 + 12
    assert card.flops_per_frame == 2 * (12 * 12 * 5 + 12 * 3)
    assert "crops of 48 frames" in card.description
    assert card.remark == "1 of 20 epochs"
