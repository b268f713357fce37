"""The shell completes names; `--json` prints what the tables say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from baselines.models import MODELS
from bench.cli import cli
from bench.datasets import DATASETS, TASKS, get_task
from bench.metrics import FAMILIES, METRICS
from bench.store import pull_simulated
from bench.submissions import scaffold


def completed(*words: str) -> list[str]:
    """Return what the shell would offer for the last of some words."""
    shell = ShellComplete(cli, {}, "bench", "_BENCH_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


def printed(*arguments: str) -> Any:
    made = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    assert made.exit_code == 0
    return json.loads(made.stdout)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("data", "rat-dyads-b"), "rat-dyads-bouts"),
        (("pull", "calms21-un"), "calms21-unlabelled"),
        (("leaderboard", "rat-dyads-c"), "rat-dyads-clusters"),
        (("train", "conv1d_ca"), "conv1d_causal"),
        (("train", "prior", "--task", "ethom"), "ethome"),
        (("new", "x", "--task", "ethom"), "ethome"),
        (("metrics", "cohen"), "cohen_kappa"),
        (("evaluate", "--resul"), "--results"),
    ],
)
def test_a_word_is_completed(words: tuple[str, ...], offered: str, bench_home: Path) -> None:
    assert completed(*words) == [offered]


def test_folders_of_entries_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert completed("evaluate", "sub") == ["sub"]  # any folder
    for name in ("mine", "yours"):
        scaffold(Path("submissions") / name, get_task("demo"))
    assert completed("evaluate", "") == ["submissions/mine", "submissions/yours"]
    assert completed("compare", "submissions/mine", "submissions/y") == ["submissions/yours"]
    assert completed("explain", "demo", "submissions/m") == ["submissions/mine"]


def test_a_store_that_cannot_be_read_completes_nothing(bench_home: Path) -> None:
    (bench_home / "tasks").mkdir(parents=True)
    (bench_home / "tasks" / "mylab.json").write_text("{")
    assert completed("leaderboard", "rat") == []
    assert completed("train", "gbd") == ["gbdt"]


def test_lists_are_json(bench_home: Path) -> None:
    tasks = {task["name"]: task for task in printed("tasks")}
    assert list(tasks) == [task.name for task in TASKS]
    assert tasks["rat-dyads"]["recordings"] is None
    assert tasks["rat-dyads"]["classes"] == list(get_task("rat-dyads").classes)
    assert [one["name"] for one in printed("pull", "--list")] == [dataset.name for dataset in DATASETS]
    assert [one["name"] for one in printed("metrics")] == [metric.name for metric in METRICS]
    assert [one["name"] for one in printed("metrics", "f1")] == ["f1"]
    assert {one["family"] for one in printed("metrics", "onsets")} == {"onsets"} <= set(FAMILIES)
    assert len(printed("models")) == len(MODELS)


def test_a_card_is_json(bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task = get_task("demo-5x40")
    pull_simulated(task.dataset)
    card = printed("data", task.name)
    assert card["subsets"]["train"]["frames"] == 120
    assert sum(card["subsets"]["test"]["counts"].values()) == 40
    assert len(card["missing"]) == 2
    assert sum(map(sum, card["bouts"].values())) == 200
    assert [task["recordings"] for task in printed("tasks") if task["name"] == "demo"] == [None]
    rows = printed("leaderboard", "rat-dyads", "--reference")
    assert "Class prior" in {row["name"] for row in rows}
