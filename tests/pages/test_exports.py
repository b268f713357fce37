"""The table of a task in files that others read: the same numbers, and no cell that is more than text."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made_up import RESULTS, Page, entry, result

from bench.cli import cli
from bench.datasets import get_task
from bench.errors import DataError, UsageError
from bench.pages import FORMATS, render
from bench.pages.exports import as_csv, as_json, as_latex, as_markdown, full_table, short_table
from bench.pages.ranking import rank
from bench.pages.site import page_of_results
from bench.pages.task_page import TaskPage, task_page

HOSTILE = "=cmd|' /C calc'!A0 \\input{x} | <b>*bold*</b> [a](http://b) & % $"


def made(*names: str) -> TaskPage:
    results = [
        result(chr(97 + k), 0.75 - k / 8, entry=entry(chr(97 + k), name=n)) for k, n in enumerate(names)
    ]
    return task_page(rank(results))


def unscored(name: str) -> TaskPage:
    return page_of_results([], get_task(name))


def test_every_entry_has_its_numbers_in_full() -> None:
    page = task_page(rank(RESULTS))
    rows = list(csv.DictReader(io.StringIO(as_csv(page))))
    assert [row["entry"] for row in rows] == ["a", "e", "b", "d", "c"]
    by_id = {one.entry["id"]: one for one in RESULTS}
    for row in rows:
        score = by_id[row["entry"]].scores.get("f1")
        if score is None or math.isnan(score.value):
            assert row["f1"] == ""
        else:
            assert float(row["f1"]) == score.value
            assert float(row["f1_low"]) == score.low
    assert {row["status"] for row in rows} == {"scored here"}
    told = json.loads(as_json(page))
    assert [one["entry"] for one in told] == ["a", "e", "b", "d", "c"]
    assert told[-1]["f1"] is None
    assert list(told[0]) == list(full_table(page).columns)


def test_published_models_stand_below_as_shares() -> None:
    page = unscored("calms21-task1")
    rows = {row["name"]: row for row in json.loads(as_json(page))}
    assert rows["MABe 2021 Task 1 Top-1"]["f1"] == 0.864
    assert rows["MABe 2021 Task 1 Top-1"]["status"] == "as published"
    assert rows["LSTM"]["entry"] == "lstm"
    assert "CalMS21" in rows["LSTM"]["source"]
    percent = {row["name"]: row for row in json.loads(as_json(unscored("ratseizure")))}
    assert percent["RaSeformer"]["detection_map"] == pytest.approx(0.5708)
    short = short_table(unscored("ratseizure"))
    assert short.rows[0][1:4] == ("RaSeformer", "as published", "57.08 %")


def test_hostile_names_are_text_in_every_format() -> None:
    page = made(HOSTILE, "plain")
    (row, _) = csv.DictReader(io.StringIO(as_csv(page)))
    assert row["name"] == f"'{HOSTILE}"
    assert json.loads(as_json(page))[0]["name"] == HOSTILE
    latex = as_latex(page)
    assert "\\input" not in latex
    assert "\\textbackslash{}input\\{x\\}" in latex
    assert "\\& \\% \\$" in latex
    (line,) = (line for line in as_markdown(page).splitlines() if "cmd" in line)
    assert "\\<b\\>\\*bold\\*\\</b\\> \\[a\\]\\(http://b\\)" in line
    assert line.replace("\\|", "").count("|") == 1 + len(short_table(page).columns)


def test_a_page_holds_the_same_files() -> None:
    page = Page(render(RESULTS)["toy-task.html"])
    links = {link["download"]: link["href"] for link in page.all("a") if "download" in link}
    assert list(links) == [f"toy-task.{ending}" for ending, _, _ in FORMATS.values()]
    for (_, media, written), address in zip(FORMATS.values(), links.values(), strict=True):
        head, _, data = address.partition(";base64,")
        assert head == f"data:{media};charset=utf-8"
        assert base64.b64decode(data, validate=True).decode() == written(task_page(rank(RESULTS)))


def bench(*arguments: str, results: Path) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--results", str(results)])


def test_the_same_in_the_terminal(tmp_path: Path) -> None:
    shown = bench("leaderboard", "calms21-task1", results=tmp_path / "none")
    assert shown.exit_code == 0
    assert "MABe 2021 Task 1 Top-1" in shown.stdout
    written = bench("export", "calms21-task1", "--format", "json", results=tmp_path / "none")
    assert json.loads(written.stdout) == json.loads(as_json(unscored("calms21-task1")))
    nothing = bench("export", "ethome", results=tmp_path / "none")
    assert isinstance(nothing.exception, UsageError)
    assert "no paper prints a value" in str(nothing.exception)


def test_a_file_that_is_left_out_is_named_after_the_table(tmp_path: Path) -> None:
    tmp_path.joinpath("calms21-task1--broken.json").write_text("{", encoding="utf-8")
    for command in ("leaderboard", "export"):
        made = bench(command, "calms21-task1", results=tmp_path)
        assert "MABe 2021 Task 1 Top-1" in made.stdout
        assert isinstance(made.exception, DataError)
        assert "calms21-task1--broken.json" in str(made.exception)


@pytest.mark.parametrize(
    "start", ["=1+1", "<script>alert(1)</script>", "{{7*7}}", "\\input{x}", "\u202e", "\x1b[31m"]
)
def test_a_hundred_kilobytes_of_hostile_text_are_short_and_inert_in_every_format(start: str) -> None:
    page = made(start + "w," * 50_000, "plain")
    for _, _, written in FORMATS.values():
        text = written(page)
        assert len(text) < 20_000
        assert "\u202e" not in text
        assert "\x1b" not in text
    (row, _) = csv.DictReader(io.StringIO(as_csv(page)))
    assert not row["name"].startswith("=")
    assert "\\input{" not in as_latex(page)
    assert "<script>" not in as_markdown(page)
