"""`bench reproduce` where a table needs some parts of a task alone, or variants, or many workers."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from baselines.runs.crew import Crew
from bench import cli as command
from bench.datasets import get_task
from bench.published.tables import COLUMNS
from bench.recordings import Recording, one_hot
from bench.store import pull, pull_simulated
from bench.tasks import Dataset

TASK = get_task("calms21-task2")
PART = TASK.parts[1].name
HEADS = {
    "papers": [["Toy", "Nobody 2020", "https://example.org"]],
    "tables": [
        ["Toy", "Table 1", "toy-part", "One part", "1", "7..8", "", ""],
        ["Toy", "Table 2", "toy-mean", "All parts", "1", "7..8", "", ""],
        ["Toy", "Table 3", "toy-nets", "Networks", "1", "7", "", ""],
    ],
    "rows": [
        ["Toy", "Table 1", "Prior", "Prior", "prior", "", "", "", ""],
        ["Toy", "Table 2", "Prior", "Prior", "prior", "", "", "", ""],
        ["Toy", "Table 3", "Net", "Net", "single_frame", "conv1d_causal", "", "", ""],
        ["Toy", "Table 3", "Other", "Other", "conv1d", "", "", "", ""],
    ],
    "published": [
        ["Toy", "Table 1", "Prior", "Acc", TASK.name, PART, "", "accuracy", "share", "", ".6", ""],
        ["Toy", "Table 2", "Prior", "Acc", TASK.name, "", "", "accuracy", "share", "", ".6", ""],
        ["Toy", "Table 3", "Net", "Acc", "demo-8x70", "", "", "accuracy", "share", "", ".6", ""],
        ["Toy", "Table 3", "Other", "Acc", "demo-8x70", "", "", "accuracy", "share", "", ".6", ""],
    ],
}


@pytest.fixture(autouse=True)
def tables(tmp_path: Path, bench_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put made-up tables in the place of the papers'."""
    folder = tmp_path / "reference"
    folder.mkdir()
    for name, lines in HEADS.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS[name].split(), *lines])
    monkeypatch.setattr("bench.published.tables.resource", lambda *_: folder)


@pytest.fixture
def annotators() -> None:
    """Store short recordings without poses under the official ids: a prior needs no more."""
    split = TASK.load_split()
    ids = [id_ for part in split.parts for subset in ("train", "test") for id_ in split.ids(part, subset)]
    dataset = replace(TASK.dataset, digests={}, read=lambda _: simulated(TASK.dataset, ids))
    pull(dataset, Path(), [TASK], replace=True, accept_changed=True)


def simulated(dataset: Dataset, ids: Sequence[str]) -> Iterator[Recording]:
    for number, id_ in enumerate(ids):
        frames = 11 + number % 7
        label = np.random.default_rng(number).integers(0, len(dataset.classes), frames)
        yield Recording(
            id=id_,
            group=id_,
            fps=dataset.fps,
            classes=dataset.classes,
            labels=one_hot(label, len(dataset.classes)),
            annotated=np.ones(frames, dtype=bool),
        )


def bench(*arguments: str) -> Result:
    done = CliRunner().invoke(command.cli, ["reproduce", *arguments])
    if done.exception is not None:
        raise done.exception
    return done


@pytest.mark.slow
def test_one_part_is_trained_alone_and_stays_when_all_are_asked_for(annotators: None, tmp_path: Path) -> None:
    out = tmp_path / "out"
    place = ("--out", str(out))
    assert "1 of 5" in bench("toy-part", "--dry-run", *place).stdout
    done = bench("toy-part", "--json", *place)
    (row,) = json.loads(done.stdout)
    assert (row["runs"], row["part"]) == (2, PART)
    assert done.stderr.count("Class prior on") == 2  # seeds
    entry = out / "prior"
    assert [path.name for path in entry.iterdir()] == [".work"], "no entry, and none that looks like one"
    assert f"{entry}, {TASK.name}, seed 7..8: 1 of 5 parts, which make no entry" in done.stderr
    assert f"next: bench train prior --task {TASK.name} --seed 7..8 --out {entry}" in done.stderr
    assert "bench evaluate" not in done.stderr
    assert "2 of 2" in bench("toy-part", "--dry-run", *place).stdout
    assert "0 of 2" in bench("toy-mean", "--dry-run", *place).stdout
    assert "Class prior on" not in bench("toy-part", *place).stderr

    done = bench("toy-mean", "toy-part", "--json", *place)
    assert done.stderr.count("Class prior on") == 8  # four more parts
    assert f"part {PART}" not in done.stderr
    mean, same = json.loads(done.stdout)
    assert same["value"] == row["value"] != mean["value"]
    assert f"next: bench evaluate {entry} --task {TASK.name}" in done.stderr
    assert "which make no entry" not in done.stderr
    again = bench("toy-part", "--json", *place)
    assert json.loads(again.stdout) == [same], "read from the submission"


@pytest.mark.slow
def test_the_command_that_makes_an_entry_is_the_same_run(annotators: None, tmp_path: Path) -> None:
    """What it prints to type trains the other parts, and not the first one again."""
    out = tmp_path / "out"
    typed = next(
        line for line in bench("toy-part", "--out", str(out)).stderr.splitlines() if "next: " in line
    )
    done = CliRunner().invoke(command.cli, typed.removeprefix("next: bench ").split())
    assert done.exit_code == 0, done.output
    assert done.stderr.count("Class prior on") == 8
    assert sorted(path.name for path in (out / "prior" / TASK.name).iterdir()) == ["seed7.npz", "seed8.npz"]


@pytest.mark.slow
def test_all_jobs_of_a_table_go_to_one_crew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="torch is in the extra `train`")
    pull_simulated(get_task("demo-8x70").dataset)
    given = []

    @contextmanager
    def at_work(crew: Crew):
        def train(units):
            given.append((crew, [unit.job.baseline.name for unit in units]))
            for unit in units:
                unit.train()
                yield unit, None

        yield train

    arguments = ("toy-nets", "--variants", "--epochs", "1", "--json", "--out")
    alone = json.loads(bench(*arguments, str(tmp_path / "alone")).stdout)
    monkeypatch.setattr(Crew, "at_work", at_work)
    assert json.loads(bench(*arguments, str(tmp_path / "crew"), "--workers", "3").stdout) == alone
    assert given == [(Crew(3), ["single_frame", "conv1d_causal", "conv1d"])]
    assert [(row["row"], row["model"], row["variant"]) for row in alone] == [
        ("Net", "single_frame", False),
        ("Net", "conv1d_causal", True),
        ("Other", "conv1d", False),
    ]
    text = bench("toy-nets", "--variants", "--epochs", "1", "--out", str(tmp_path / "crew")).stdout
    assert "single_frame, expected" in text
    assert "conv1d_causal, a variant" in text
    assert "One seed has no ±: --seeds 5 gives ours" in text
    text = bench("toy-nets", "--epochs", "1", "--out", str(tmp_path / "crew")).stdout
    assert "conv1d_causal" not in text


def test_a_dry_run_names_the_variants(tmp_path: Path) -> None:
    assert "conv1d_causal" not in bench("toy-nets", "--dry-run").stdout
    rows = json.loads(bench("toy-nets", "--dry-run", "--variants", "--json").stdout)
    assert [row["model"] for row in rows] == ["single_frame", "conv1d_causal", "conv1d"]
