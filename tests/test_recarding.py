"""`bench evaluate --card`: results say what a card says now, and no number moves."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import cli
from bench.errors import BenchError, SubmissionError, UsageError
from bench.submissions import read_entry, write_card
from tests.made_up import read

TASK = "demo-4x30"


def bench(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments)
    if isinstance(done.exception, BenchError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def scored(bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Score an entry, and take its predictions away."""
    monkeypatch.chdir(tmp_path)
    bench("pull", TASK)
    bench("train", "prior", "--task", TASK)
    bench("evaluate", "submissions/prior")
    shutil.rmtree(tmp_path / "submissions/prior" / TASK)
    return tmp_path / "leaderboard/results" / f"{TASK}--prior.json"


def change(**changes: object) -> None:
    folder = Path("submissions/prior")
    entry = read_entry(folder)
    card = replace(entry.tasks[TASK], **changes)
    write_card(folder, replace(entry, licence="MIT", tasks={TASK: card}), replace=True)


def test_words_and_costs_are_taken_over_and_numbers_stay(scored: Path) -> None:
    before = read(scored)
    change(remark="of another day", latency_ms=0.25)
    printed = bench("evaluate", "submissions/prior", "--card")
    assert "Class prior (of another day) on " in printed
    after = read(scored)
    assert (after.entry["licence"], after.entry["latency_ms"]) == ("MIT", 0.25)
    assert replace(after, entry=before.entry) == before
    made = scored.read_bytes()
    bench("evaluate", "submissions/prior", "--card", "--task", TASK)
    assert scored.read_bytes() == made


def test_a_card_that_reads_predictions_otherwise_must_be_scored(scored: Path) -> None:
    made = scored.read_bytes()
    change(output="scores")
    with pytest.raises(SubmissionError, match="otherwise than they were scored") as caught:
        bench("evaluate", "submissions/prior", "--card")
    assert caught.value.problems == ("output: 'probabilities' when it was scored, 'scores' on the card",)
    assert scored.read_bytes() == made


def test_without_a_result_there_is_nothing_to_put_it_into(scored: Path) -> None:
    with pytest.raises(UsageError, match="answers no task 'demo'; did you mean 'demo-4x30'"):
        bench("evaluate", "submissions/prior", "--card", "--task", "demo")
    scored.unlink()
    with pytest.raises(UsageError, match="no result") as caught:
        bench("evaluate", "submissions/prior", "--card")
    assert caught.value.problems == (f"leaderboard/results/{TASK}--prior.json is not there",)
    assert caught.value.hint == f"bench evaluate submissions/prior --task {TASK}"


def test_predictions_that_are_at_hand_are_scored(scored: Path) -> None:
    """Those of another training would get the card of this one, or the reverse."""
    bench("train", "prior", "--task", TASK)
    made = scored.read_bytes()
    with pytest.raises(UsageError, match="score them") as caught:
        bench("evaluate", "submissions/prior", "--card")
    assert caught.value.hint == f"bench evaluate submissions/prior --task {TASK}"
    assert scored.read_bytes() == made


def test_a_comparison_names_the_remark_and_one_recording_is_no_test(scored: Path) -> None:
    bench("train", "prior", "--task", TASK)
    shutil.copytree("submissions/prior", "submissions/other")
    change(remark="of another day")
    asked = ("compare", "submissions/prior", "submissions/other", "--task", TASK)
    printed = bench(*asked)
    assert "Class prior (of another day) against Class prior on" in printed
    assert "no interval: " in printed
    assert '"least_p": 1.0' in bench(*asked, "--json")


def test_a_task_that_was_never_scored_does_not_keep_others_back(scored: Path) -> None:
    entry = read_entry(Path("submissions/prior"))
    tasks = {**entry.tasks, "demo": entry.tasks[TASK]}
    write_card(Path("submissions/prior"), replace(entry, licence="MIT", tasks=tasks), replace=True)
    bench("evaluate", "submissions/prior", "--card")
    assert read(scored).entry["licence"] == "MIT"
