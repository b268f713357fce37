"""Networks that find segments in rows of features: seconds and rows, padding, averages, resuming."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import test_planning  # noqa: F401  the extractor is declared there
import toy

from baselines.contract import Derived
from baselines.runs.restoring import restore
from baselines.runs.train import train
from bench.kinds import SEGMENTS
from bench.metrics import DETECTION_METRICS
from bench.recordings import MOST_DETECTIONS, Recording
from bench.store import load, pull
from bench.submissions import read_tasks
from bench.tasks import WHOLE_RECORDINGS, Task

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import Tensor, nn  # noqa: E402

from baselines.contract import Sizes  # noqa: E402
from baselines.engine import checkpoints, localisation  # noqa: E402
from baselines.recipes.localisation import Recipe  # noqa: E402

RECIPE = Recipe(epochs=25, batch=2, lr=0.05, warm_up=1, ema=0.9, multiple=4)
LENGTH = 4.0
"""Rows to either side that every detection of the toy has."""


class Points(nn.Module):
    """A score of each class at every row."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.time = nn.Conv1d(features, 16, 5, padding=2)
        self.head = nn.Linear(16, classes)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """Return logits (B, N, C)."""
        return self.head(self.time((x * inside[..., None]).transpose(1, 2)).transpose(1, 2).relu())


def loss(logits: Tensor, inside: Tensor, truth) -> Tensor:
    """Ask each row which segments it lies in."""
    assert logits.shape[1] % RECIPE.multiple == 0
    rows = torch.arange(logits.shape[1])[:, None]
    targets = torch.zeros_like(logits)
    for number, (bounds, labels) in enumerate(truth):
        within = (rows >= bounds[:, 0]) & (rows < bounds[:, 1])  # (N, S)
        targets[number].index_add_(1, labels, within.float())
    each = nn.functional.binary_cross_entropy_with_logits(logits, targets.clamp(max=1), reduction="none")
    return each[inside].mean()


def decode(logits: Tensor, inside: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return a segment around every row, for every class."""
    scores = logits[0].sigmoid()[inside[0]]
    rows, classes = scores.shape
    at = torch.arange(rows).repeat_interleave(classes).float()
    return (
        torch.stack([at - LENGTH, at + LENGTH], dim=1),
        torch.arange(classes).repeat(rows),
        scores.flatten(),
    )


def build(recipe: Recipe, sizes: Sizes) -> nn.Module:
    return Points(dict(sizes.features)["speeds"], sizes.classes[0])


POINTS = localisation.baseline(
    module="test_localisers",
    name="points",
    title="Points",
    description="a score at every row",
    reference="none",
    recipe=RECIPE,
    network=build,
    loss=loss,
    decode=decode,
    features="test_planning:speeds",
)


def bouts(**parts: str) -> Task:
    return replace(
        toy.task(**parts),
        kind="segments",
        classes=toy.CLASSES[:2],
        metrics=DETECTION_METRICS,
        protocol=WHOLE_RECORDINGS,
    )


def fast(id_: str) -> Recording:
    """One class is the one in which the first animal runs to and fro."""
    made = toy.recording(id_)
    keypoints = np.nan_to_num(made.keypoints, nan=100.0) * 0 + 100
    keypoints[:, 0] += 40 * (made.labels[:, :1] & (np.arange(made.frames)[:, None] // 2 % 2 == 0))[:, :, None]
    return replace(made, keypoints=keypoints.astype(np.float32))


@pytest.fixture
def store(bench_home: Path) -> Path:
    pull(replace(toy.DATASET, read=lambda _: map(fast, toy.FRAMES)), Path())
    return bench_home


def test_rows_are_seconds_and_back() -> None:
    derived = Derived(np.zeros((9, 2), np.float32), 0.5, 0.25, "x")
    bounds = np.array([[0.5, 1.0], [1.25, 2.0]])
    rows = localisation.in_rows(bounds, derived)
    np.testing.assert_allclose(rows, [[0, 2], [3, 6]])
    whole = localisation.in_seconds(
        torch.tensor([[-9.0, 2.0], [3.0, 3.0], [3.0, 99.0], [99.0, 120.0]]),
        torch.tensor([1, 0, 2, 0]),
        torch.tensor([0.25, 0.9, 0.75, 0.5]),
        derived,
    )
    np.testing.assert_allclose(whole.bounds, [[-1.75, 1.0], [1.25, 25.25], [25.25, 30.5]])
    cut = localisation.cut(whole, 2.5)
    np.testing.assert_allclose(cut.bounds, [[1.25, 2.5], [0.0, 1.0]])
    assert (cut.labels.tolist(), cut.scores.tolist()) == ([2, 1], [0.75, 0.25])


def test_the_best_that_may_be_submitted_are_kept() -> None:
    count = MOST_DETECTIONS + 5
    bounds = torch.stack([torch.zeros(count), torch.ones(count)], dim=1)
    scores = torch.arange(count).float()
    derived = Derived(np.zeros((1, 1), np.float32), 0.0, 1.0, "x")
    labels = torch.zeros(count, dtype=torch.long)
    found = localisation.cut(localisation.in_seconds(bounds, labels, scores, derived), 1.0)
    assert len(found.labels) == MOST_DETECTIONS
    assert found.scores.min() == 5


def test_recordings_of_several_lengths_lie_in_one_array() -> None:
    x, inside = localisation.padded([torch.ones(3, 2), 2 * torch.ones(5, 2)], 4)
    assert x.shape == (2, 8, 2)
    assert inside.sum(dim=1).tolist() == [3, 5]
    assert not x[~inside].any()
    assert localisation.padded([torch.ones(3, 2)], 4, 10)[0].shape == (1, 12, 2)


def test_it_finds_segments_and_its_submission_is_valid(store: Path, tmp_path: Path) -> None:
    task = bouts()
    train(POINTS, task, seed=0, device="cpu", out=tmp_path / "out")
    recordings = {r.id: r for r in load(toy.DATASET, ["d", "e"], poses=True)}
    seconds = {"all": {id_: SEGMENTS.length(r) for id_, r in recordings.items()}}
    entry, read = read_tasks(tmp_path / "out", lambda _: task, lambda _: seconds)
    card = entry.tasks["toy"]
    assert (card.detections, card.output, card.causal) == ("raw", None, False)
    assert "an average of its weights" in card.description
    for id_, recording in recordings.items():
        found = read["toy"]["seed0"]["all"][id_]
        assert found.bounds.min() >= 0
        assert found.bounds.max() <= recording.frames / recording.fps + 1e-9
        sure = found.take(found.labels == 0)
        middle = np.clip((sure.bounds.mean(axis=1) * 30).astype(int), 0, recording.frames - 1)
        held = recording.labels[middle, 0]
        assert sure.scores[held].mean() > sure.scores[~held].mean() + 0.2
    (told,) = restore(tmp_path / "out", task, "seed0", "all").answers([recordings["d"]])
    one = read["toy"]["seed0"]["all"]["d"]
    np.testing.assert_allclose(np.sort(told.scores), np.sort(one.scores), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("saved", [1, 9])
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
        train(POINTS, bouts(), seed=0, device="cpu", out=tmp_path / "stopped", epochs=12)
    monkeypatch.setattr(checkpoints, "save", save)
    for name in ("stopped", "whole"):
        train(POINTS, bouts(), seed=0, device="cpu", out=tmp_path / name, epochs=12)
    for file in ("toy/seed0.json", ".work/toy/seed0-all.safetensors"):
        assert (tmp_path / "stopped" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
