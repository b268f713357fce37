"""From a file in RatSeizure's layout, and features of its clips, to scores: pull, train, evaluate."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is in the extra `train`")

from click.testing import CliRunner

from baselines.models import get_baseline
from baselines.runs.train import train
from bench.cli import cli
from bench.datasets import get_task
from bench.datasets.ratseizure import FILE
from bench.errors import DataError
from bench.evaluation import evaluate
from bench.floors import compute_floors
from bench.kinds import SEGMENTS
from bench.splits import Split
from bench.store import load
from bench.submissions import entry_card, read_tasks
from tests.datasets.ratseizure_file import database

CLIPS = {
    subset: {id_: (id_,) for id_ in (f"{subset}-{number:03d}" for number in range(1, count + 1))}
    for subset, count in (("train", 24), ("test", 15))
}
TASK = replace(
    get_task("ratseizure"),
    split=Split(name="ratseizure", source="own", rule="the first clips of each subset", parts={"all": CLIPS}),
)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def pulled(bench_home: Path, tmp_path: Path) -> Path:
    """Pull the clips, and lay one file of features for all of them, by the names of the official file."""
    source = tmp_path / "official"
    source.mkdir()
    clips = database()
    (source / FILE).write_text(json.dumps({"database": clips}))
    run("pull", "ratseizure", "--from", str(source), "--accept-changed")
    folder = bench_home / "features"
    folder.mkdir()
    first, *others = [folder / f"{clip}.npy" for clip in clips]
    np.save(first, np.random.default_rng(0).normal(size=(72, 1024)).astype(np.float32))
    for path in others:
        os.link(first, path)
    return folder


@pytest.mark.slow
def test_from_the_official_layout_to_scores(pulled: Path, tmp_path: Path) -> None:
    declared = get_baseline("raseformer")
    small = replace(declared, recipe=replace(declared.recipe, width=16, batch=8, epochs=1, warm_up=0))
    lacking = [next(load(TASK.dataset, [id_], poses=False)) for id_ in ("train-003", "train-021")]
    held = {one.id: pulled / f"{one.group}.npy" for one in lacking}
    for path in held.values():
        path.rename(path.with_suffix(".away"))
    with pytest.raises(DataError) as caught:
        train(small, TASK, seed=0, device="cpu", out=tmp_path / "raseformer")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == list(held)
    for path in held.values():
        path.with_suffix(".away").rename(path)
    train(small, TASK, seed=0, device="cpu", out=tmp_path / "raseformer")
    recordings = {one.id: one for one in load(TASK.dataset, list(CLIPS["test"]), poses=False)}
    seconds = {"all": {id_: SEGMENTS.length(one) for id_, one in recordings.items()}}
    entry, read = read_tasks(tmp_path / "raseformer", lambda _: TASK, lambda _: seconds)
    assert "video" in entry.tasks["ratseizure"].extra_data
    card = entry_card(entry, "ratseizure")
    result = evaluate(TASK, card, read["ratseizure"], recordings, resamples=0)
    assert result.recordings == 15
    for answer in read["ratseizure"]["seed0"]["all"].values():
        assert 0 < len(answer.labels) <= 200
        assert answer.bounds.max() <= 10


@pytest.mark.slow
def test_the_oracle_of_whole_clips_is_what_a_plain_count_gives(pulled: Path) -> None:
    """All scores are equal, so the average precision of a class is precision times recall."""
    testing = [clip["annotations"] for clip in database().values() if clip["subset"] == "testing"]
    values = []
    for least in np.linspace(0.3, 0.7, 5):
        for label in range(14):
            lengths = [
                {(row["segment"][0], row["segment"][1]) for row in rows if row["label_id"] == label}
                for rows in testing
            ]
            answered = [clip for clip in lengths if clip]
            hits = sum(any((end - start) / 10 >= least for start, end in clip) for clip in answered)
            values.append(hits / len(answered) * hits / sum(map(len, lengths)))
    computed = compute_floors(get_task("ratseizure")).values["true_classes"]
    assert computed == pytest.approx(np.mean(values), abs=1e-12)
    assert 0.1 < computed < 1
