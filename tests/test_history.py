"""The log of a leaderboard: appended to, sealed line by line, and read without trust; scoring again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from made_up import RESULTS
from test_evidence import TASK, scored

from bench.cli import cli
from bench.errors import DataError, UsageError
from bench.history import LOG, START, best_by_day, check_log, record, unrecorded
from bench.pages import render
from bench.rescoring import moves, rescore
from bench.results import Result
from bench.verification.results import read_results

__all__ = ["scored"]


def with_value(result: Result, value: float, day: str, entry: str = "") -> Result:
    name = result.task["metrics"][0]["name"]
    scores = {**result.scores, name: replace(result.scores[name], value=value)}
    card = {**result.entry, "id": entry or result.entry["id"]}
    digest = f"{abs(hash(value)):064x}"[-64:]
    made = replace(result, scores=scores, entry=card, predictions_digest=digest)
    return replace(made, truth_digest="a" * 64, provenance={"scored": f"{day}T10:00:00+00:00"})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Write a log of three entries over three days; the second is no better than the first."""
    path = tmp_path / LOG
    (first, *_) = RESULTS
    record([with_value(first, 0.4, "2026-11-02", "a"), with_value(first, 0.3, "2026-11-03", "b")], path)
    record([with_value(first, 0.6, "2026-11-05", "c")], path)
    return path


def test_lines_are_sealed_and_nothing_is_recorded_twice(log: Path) -> None:
    lines, faults = check_log(log)
    assert not faults
    assert [line.entry for line in lines] == ["a", "b", "c"]
    assert lines[0].before == START
    (first, *_) = RESULTS
    same = with_value(first, 0.6, "2026-11-09", "c")
    before = log.read_bytes()
    assert record([same], log) == []
    assert log.read_bytes() == before
    assert unrecorded([same, with_value(first, 0.7, "2026-11-09", "c")], lines) == [same.file_name]
    (line,) = record([with_value(first, 0.5, "2026-11-09", "c")], log)
    assert log.read_bytes().startswith(before)
    assert line.value == 0.5
    assert [(step.date, step.entry) for step in best_by_day(check_log(log)[0], same)] == [
        ("2026-11-02", "a"),
        ("2026-11-05", "c"),
    ]


@pytest.mark.parametrize("change", ["value", "taken out", "swapped", "cut short", "no json", "unknown key"])
def test_a_changed_log_is_refused(change: str, log: Path) -> None:
    texts = log.read_text().splitlines()
    if change == "value":
        texts[0] = texts[0].replace("0.4", "0.9")
    elif change == "taken out":
        del texts[1]
    elif change == "swapped":
        texts[1:] = reversed(texts[1:])
    elif change == "no json":
        texts[1] = "[" * 10_000
    elif change == "unknown key":
        texts[2] = json.dumps({**json.loads(texts[2]), "script": "<b>"})
    log.write_text("\n".join(texts) + ("" if change == "cut short" else "\n"))
    _, faults = check_log(log)
    assert faults
    with pytest.raises(DataError):
        record([], log)


def test_a_page_shows_how_the_best_value_moved(log: Path) -> None:
    (first, *_) = RESULTS
    result = with_value(first, 0.6, "2026-11-05", "c")
    page = render([result], history=check_log(log)[0])[f"{first.task['name']}.html"]
    part = page.partition('id="history"')[2].partition("</section>")[0]
    assert part.index("2026-11-02") < part.index("2026-11-05")
    assert "2026-11-03" not in part
    assert 'id="history"' not in render([result])[f"{first.task['name']}.html"]


def test_commands_record_check_and_score_again(scored: tuple[Result, Path], tmp_path: Path) -> None:
    folder = scored[1].parent
    entries = tmp_path / "entries"
    entries.mkdir()
    (tmp_path / "entry").rename(entries / "entry")
    run = CliRunner().invoke
    done = run(cli, ["log", "--results", str(folder)], catch_exceptions=False)
    assert "1 new lines" in done.stdout
    done = run(cli, ["verify", "--results", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0
    log = folder.parent / LOG
    log.write_bytes(log.read_bytes().replace(b'"metrics_version": ', b'"metrics_version": 1'))
    assert run(cli, ["verify", "--results", str(folder)]).exit_code != 0
    before = scored[1].read_bytes()
    done = run(cli, ["rescore", str(entries), "--results", str(folder), "--write"], catch_exceptions=False)
    assert "1 of 1 scored again: 0 values and 0 ranks differ" in done.stdout
    assert json.loads(scored[1].read_bytes())["scores"] == json.loads(before)["scores"]


@pytest.mark.parametrize("wrong", ["folder", "task"])
def test_a_typo_is_not_taken_for_nothing_to_score(
    wrong: str, scored: tuple[Result, Path], tmp_path: Path
) -> None:
    _, file = scored
    entries = tmp_path / "nowhere" if wrong == "folder" else tmp_path
    task = ["--task", "demo-4x91"] if wrong == "task" else []
    done = CliRunner().invoke(cli, ["rescore", str(entries), "--results", str(file.parent), *task])
    assert isinstance(done.exception, UsageError)
    assert ("nowhere" if wrong == "folder" else "demo-4x91") in done.exception.title
    assert ("PREDICTIONS" if wrong == "folder" else TASK) in (done.exception.hint or "")


def test_ranks_change_with_values(scored: tuple[Result, Path], tmp_path: Path) -> None:
    (result,) = read_results(scored[1].parent)
    entries = tmp_path / "entries"
    entries.mkdir()
    (tmp_path / "entry").rename(entries / "entry")
    name = result.task["metrics"][0]["name"]
    right = result.scores["accuracy"].value
    card = [one for one in result.task["metrics"] if one["name"] == "accuracy"]
    task = {**result.task, "metrics": [*card, *(one for one in result.task["metrics"] if one not in card)]}
    assert name != "accuracy"
    low = replace(
        result, task=task, scores={**result.scores, "accuracy": replace(result.scores["accuracy"], value=0.0)}
    )
    middle = with_value(replace(result, task=task), right / 2, "2026-11-01", "middle")
    done = list(rescore([low, middle], entries))
    assert [one.new is None for one in done] == [False, True]
    assert [(row.entry, row.old_rank, row.new_rank) for row in moves(done)] == [
        ("entry", 2, 1),
        ("middle", 1, 2),
    ]
    assert done[0].old.task["name"] == TASK
