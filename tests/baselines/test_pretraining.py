"""A network that learns Task 1 first: what is kept, what learns when, who shares the weights."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy

from baselines.models import get_baseline, load
from baselines.recipes.windows import Phase, Recipe, Tuning
from baselines.runs import curves
from baselines.runs.train import train
from bench.datasets import get_task
from bench.errors import DataError
from bench.recordings import Recording, one_hot
from bench.store import pull
from bench.submissions import read_entry
from bench.tasks import Dataset

torch = pytest.importorskip("torch", reason="torch is in the extra `train`")

from torch import nn  # noqa: E402

from baselines.engine import checkpoints, loop, window_training  # noqa: E402
from baselines.inputs.windows import Examples, windows  # noqa: E402

RECIPE = Recipe(past=1, future=2, gap=1, epochs=2, batch=16)
INPUTS = {"task": "toy"}


def simulated(dataset: Dataset, ids: Sequence[str]) -> Iterator[Recording]:
    """Make recordings of a few frames under the official ids; classes differ by place."""
    for number, id_ in enumerate(ids):
        rng, frames = np.random.default_rng(number), 9 + number % 5
        label = rng.integers(0, len(dataset.classes), frames)
        keypoints = rng.normal(200, 9, (frames, 2, 7, 2)) + 70 * label[:, None, None, None]
        yield Recording(
            id=id_,
            group=id_,
            fps=dataset.fps,
            classes=dataset.classes,
            labels=one_hot(label, len(dataset.classes)),
            annotated=np.ones(frames, dtype=bool),
            keypoints=keypoints.astype(np.float32),
        )


def store(name: str, subsets: Sequence[str] = ("train", "test")) -> None:
    task = get_task(name)
    split = task.load_split()
    ids = [id_ for part in split.parts for subset in subsets for id_ in split.ids(part, subset)]
    dataset = replace(toy.DATASET, name=task.dataset.name, classes=task.dataset.classes)
    pull(replace(dataset, read=lambda _: simulated(dataset, ids)), Path())


def column(log: Path, name: str) -> list[float]:
    with log.open() as lines:
        return [float(row[name]) for row in csv.DictReader(lines)]


def test_the_declared_phases() -> None:
    """As the card of the facts has them: epochs, rates, what learns, what the optimiser remembers."""
    run, described = (
        dict(get_baseline(name).recipe.tunings)
        for name in ("conv1d_finetuned", "conv1d_finetuned_as_described")
    )
    augmented = get_baseline("conv1d_augmented").recipe
    for name, tunings in (("conv1d_finetuned", run), ("conv1d_finetuned_as_described", described)):
        (need,) = get_baseline(name).needs
        assert (need.use, need.task) == ("start", "calms21-task1")
        reflects = replace(augmented.augmentation, reflect=tunings is described)  # paper, and not code
        recipe = replace(augmented, augmentation=reflects)
        assert replace(get_baseline(name).recipe, tunings=()) == load(need.model).recipe == recipe
        assert get_baseline(name).tasks == tuple(tunings) == ("calms21-task2", "calms21-task3")
        assert [t.head for t in tunings.values()] == ["kept", "new"]
    task2, task3 = (run[f"calms21-task{n}"].phases for n in (2, 3))
    assert [(p.epochs, p.lr, p.trains, p.adam) for p in task2] == [
        (5, 1e-3, "all", "kept"),
        (10, 1e-3, "all", "kept"),
    ]
    assert [(p.epochs, p.lr, p.trains, p.adam) for p in task3] == [
        (30, 1e-3, "all", "new"),
        (20, 5e-5, "all", "kept"),
    ]
    task2, task3 = (described[f"calms21-task{n}"].phases for n in (2, 3))
    assert [(p.epochs, p.lr, p.trains) for p in task2] == [(5, 1e-4, "head"), (10, 1e-4, "all")]
    assert [(p.epochs, p.lr, p.trains) for p in task3] == [(30, 1e-3, "head"), (20, 5e-5, "all")]


@pytest.mark.parametrize(
    ("asked", "epochs", "phases"), [(1, 1, (1, 1)), (7, 7, (5, 7)), (50, 50, (5, 10)), (60, 60, (5, 10))]
)
def test_other_epochs_cut_phases_and_never_draw_them_out(
    asked: int, epochs: int, phases: tuple[int, ...]
) -> None:
    declared = get_baseline("conv1d_finetuned").recipe
    recipe = declared.with_epochs(asked)
    assert recipe.epochs == epochs
    assert tuple(phase.epochs for phase in dict(recipe.tunings)["calms21-task2"].phases) == phases
    assert (recipe == declared) == (asked == 50)


@pytest.mark.slow
def test_tasks_2_and_3_share_one_pretraining_per_seed_and_variant(
    bench_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "plot", lambda *_: None)  # 22 of them take longer than the rest
    store("calms21-task1", ["train"])
    store("calms21-task2")
    store("calms21-task3")
    rates = {"calms21-task2": [1e-3, 1e-3], "calms21-task3": [1e-3, 5e-5]}
    for task in rates:
        train(get_baseline("conv1d_finetuned"), get_task(task), seed=0, device="cpu", out=tmp_path, epochs=1)
    (kept,) = (bench_home / "pretrained").glob("*.pt")
    made = kept.read_bytes()
    for task, expected in rates.items():
        logs = sorted((tmp_path / ".work" / task).glob("*.csv"))
        assert len(logs) == len(get_task(task).parts)
        assert [column(log, "lr") for log in logs] == [expected] * len(logs)
        card = read_entry(tmp_path).tasks[task]
        assert card.extra_data.startswith("the training recordings of CalMS21 Task 1")
        assert card.remark == "1 of 50 epochs"
    described = get_baseline("conv1d_finetuned_as_described")
    train(described, get_task("calms21-task2"), seed=0, device="cpu", out=tmp_path / "other", epochs=1)
    assert kept.read_bytes() == made
    assert column(next((tmp_path / "other/.work/calms21-task2").glob("*.csv")), "lr") == [1e-4, 1e-4]
    train(described, get_task("calms21-task2"), seed=3, device="cpu", out=tmp_path / "other", epochs=1)
    assert len(list((bench_home / "pretrained").glob("*.pt"))) == 3
    said = capsys.readouterr().err
    assert said.count("epoch 1 of 1: loss") == 3, "as run for seed 0; as described, reflected, for 0 and 3"


def test_without_the_first_task_it_says_what_to_type(bench_home: Path, tmp_path: Path) -> None:
    store("calms21-task2")
    with pytest.raises(DataError) as caught:
        train(
            get_baseline("conv1d_finetuned"),
            get_task("calms21-task2"),
            seed=0,
            device="cpu",
            out=tmp_path / "out",
        )
    assert "bench pull calms21 --from" in str(caught.value)
    assert not (tmp_path / "out").exists()


class Net(nn.Module):
    """A layer, a normalisation and a head."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.embed, self.norm = nn.Linear(4 * 6, 8), nn.BatchNorm1d(8)
        self.dropout, self.head = nn.Dropout(0.2), nn.Linear(8, classes)

    def forward(self, x):
        """Return logits (B, 3)."""
        return self.head(self.dropout(self.norm(self.embed(x.flatten(1))).relu()))


def examples() -> Examples:
    rng = np.random.default_rng(1)
    labels = [rng.integers(0, 3, n) for n in (37, 43)]
    kept = [(rng.normal(0, 1, (len(y), 6)) + y[:, None]).astype(np.float32) for y in labels]
    return Examples(windows(kept, RECIPE, torch.device("cpu")), torch.from_numpy(np.concatenate(labels)))


def fit(checkpoint: Path, phases: tuple[Phase, ...] = (), start=None) -> dict:
    """Train; return the state that it ends in."""
    recipe = RECIPE.tuned(Tuning(phases)) if phases else RECIPE
    ones = torch.ones(3)
    window_training.fit(
        Net, examples(), ones, recipe, seed=4, inputs=INPUTS, checkpoint=checkpoint, start=start
    )
    return checkpoints.load(checkpoint, INPUTS)


def moved(before: dict, after: dict) -> set[str]:
    return {n for n, w in after["model"].items() if not torch.equal(w, before["model"][n])}


def adam_steps(state: dict) -> set[float]:
    return {float(kept["step"]) for kept in state["optimiser"]["state"].values()}


def test_the_head_and_the_normalisations_learn_first_then_all(tmp_path: Path) -> None:
    first = fit(tmp_path / "first.pt")
    head = fit(tmp_path / "head.pt", (Phase(2, 0.01, "head", "new"),), first)
    assert {name.split(".")[0] for name in moved(first, head)} == {"head", "norm"}
    both = (Phase(2, 0.01, "head", "new"), Phase(1, 0.001, "all", "new"))
    done = fit(tmp_path / "both.pt", both, first)
    assert {name.split(".")[0] for name in moved(head, done)} == {"embed", "norm", "head"}
    assert [epoch["lr"] for epoch in done["history"]] == [0.01, 0.01, 0.001]


def test_the_optimiser_remembers_or_starts_anew(tmp_path: Path) -> None:
    """Five batches an epoch, two epochs of pretraining."""
    first = fit(tmp_path / "first.pt")
    assert adam_steps(first) == {10}
    kept = fit(tmp_path / "kept.pt", (Phase(1, 1e-3), Phase(1, 1e-3)), first)
    assert adam_steps(kept) == {20}
    anew = fit(tmp_path / "anew.pt", (Phase(1, 1e-3, adam="new"), Phase(2, 1e-3)), first)
    assert adam_steps(anew) == {15}
    assert moved(first, fit(tmp_path / "still.pt", (Phase(1, 0.0),), first)) == {
        "norm.running_mean",
        "norm.running_var",
        "norm.num_batches_tracked",
    }


def test_a_new_head_starts_by_the_seed_and_the_rest_where_it_was(tmp_path: Path) -> None:
    first = fit(tmp_path / "first.pt")
    body = {name: w for name, w in first["model"].items() if not name.startswith("head.")}
    still = fit(tmp_path / "still.pt", (Phase(1, 0.0, adam="new"),), {**first, "model": body})
    torch.manual_seed(loop.derive(4, 0))
    assert torch.equal(still["model"]["head.weight"], Net().head.weight)
    assert torch.equal(still["model"]["embed.weight"], first["model"]["embed.weight"])


@pytest.mark.parametrize("saved", [1, 2, 3])
def test_stopped_in_any_phase_it_ends_as_if_undisturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: int
) -> None:
    first = fit(tmp_path / "first.pt")
    phases = (Phase(2, 0.01, "head", "new"), Phase(1, 1e-3), Phase(2, 1e-4, adam="new"))
    whole = fit(tmp_path / "whole.pt", phases, first)
    save, count = checkpoints.save, iter(range(saved))

    def stopping(*args) -> None:
        if next(count, None) is None:
            raise KeyboardInterrupt
        save(*args)

    monkeypatch.setattr(checkpoints, "save", stopping)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "stopped.pt", phases, first)
    monkeypatch.setattr(checkpoints, "save", save)
    resumed = fit(tmp_path / "stopped.pt", phases, first)
    assert not moved(whole, resumed)
    assert len(resumed["history"]) == 5
    assert adam_steps(resumed) == adam_steps(whole)


def test_recipes_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="phases have other epochs"):
        replace(RECIPE, phases=(Phase(3, 0.1),))
    with pytest.raises(ValueError, match="nothing of a new head"):
        Tuning((Phase(3, 0.1),), head="new")
    with pytest.raises(ValueError, match="nothing is held out"):
        replace(RECIPE, validation="windows", tunings=(("demo", Tuning((Phase(1, 0.1),))),))
