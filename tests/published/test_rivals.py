"""Published rivals: in the text of an evaluation and on the task's page."""

from __future__ import annotations

import pytest
from made_up import Page, page, result, score

from bench.datasets import TASKS, get_task
from bench.evaluation import task_card
from bench.pages.facts import task_facts
from bench.pages.published import published_models
from bench.published import read_published, rivals
from bench.tasks import Task
from bench.text import rivals_text

KNOWN = {task.name: task for task in TASKS}
NUMBERS = read_published()


def test_a_rival_comes_once_with_its_finest_numbers() -> None:
    found = {(rival.name, rival.part): rival for rival in rivals("calms21-task1", NUMBERS, KNOWN.get)}
    conv = found["1-D convolution", ""]
    assert {metric: number.text for metric, number in conv.numbers.items()} == {
        "f1": ".793 ± .011",
        "map": ".856 ± .010",
    }
    assert conv.model == "conv1d"
    assert found["MABe 2021 Task 1 Top-1", ""].model == "mabe21_top1"
    assert not any(rival.follows for rival in found.values())


def test_what_nobody_printed_follows_from_a_table_of_classes() -> None:
    found = {rival.name: rival for rival in rivals("calms21-task1-msgl", NUMBERS, KNOWN.get)}
    first = found["MSGL-Transformer"]
    assert first.numbers["f1"].printed == "0.7477"
    assert first.numbers["accuracy"].printed == "0.8709"
    assert first.follows == {"f1", "f1_all_classes", "recall", "recall_mean", "precision"}
    assert first.tables == ("Table 7", "Table 13", "Section 4.2.5", "Table 12")


def test_a_model_with_another_window_is_another_rival() -> None:
    found = {rival.name: rival for rival in rivals("calms21-task1-msgl", NUMBERS, KNOWN.get)}
    assert found["MSGL-Transformer, window of 20"].model == ""
    assert found["MSGL-Transformer"].model == "msgl"


def test_a_part_alone_is_no_headline() -> None:
    found = rivals("ratsi", NUMBERS, KNOWN.get)
    assert [rival.name for rival in found if not rival.part] == ["MSGL-Transformer"]
    assert {rival.part for rival in found if rival.name == "TCN"} == {"val8-test2"}
    assert not found[0].part
    text = rivals_text("ratsi", "accuracy", "Accuracy")
    assert "0.754 ± 0.051" in text
    assert "TCN" not in text


def test_the_best_published_value_comes_first() -> None:
    lines = rivals_text("calms21-task1", "f1", "F1").splitlines()
    assert lines[0].startswith("published, not scored here")
    assert "MABe 2021 Task 1 Top-1" in lines[2]
    assert any("1-D convolution " in line and ".793 ± .011" in line and "Table 1" in line for line in lines)
    assert "follows from its classes" in rivals_text("calms21-task1-msgl", "f1", "F1")
    assert rivals_text("demo", "f1", "F1") == ""
    assert rivals_text("calms21-task1", "accuracy", "Accuracy") == ""


def task_page(name: str) -> Page:
    card = task_card(get_task(name))
    parts = {part["name"]: score(0.5).per_part["all"] for part in card["parts"]}
    scores = {card["metrics"][0]["name"]: score(0.5, per_part=parts)}
    support = dict.fromkeys(card["classes"], 5)
    return page([result("mine", 0.5, task=card, scores=scores, support=support, details={})], f"{name}.html")


def test_the_page_of_a_task_shows_them_unranked() -> None:
    made = task_page("calms21-task1")
    (table,) = [table for table in made.tables if table[0][0] == "Model"]
    assert [cell.split("\n")[0] for cell in table[0]] == ["Model", "F1", "MAP", "Where"]
    assert table[1][:3] == ["MABe 2021 Task 1 Top-1 here: mabe21_top1", ".864± .011", ".914± .009"]
    assert any(row[0] == "1-D convolution here: conv1d" for row in table)
    assert {"href": "https://arxiv.org/abs/2104.02710", "rel": "noopener noreferrer nofollow"} in made.all(
        "a"
    )
    assert {"href": "#published"} in made.all("a")
    assert [h for h in made.all("h3") if h.get("id") == "published"] == [{"id": "published"}]
    rows = made.tables[0][2:]
    (ours,) = [row for row in rows if row[0] != "–"]  # the ranking holds our entry alone
    assert ours[1].startswith("Model mine")
    assert {row[1].split("\n")[1].split(" · ")[0] for row in rows if row is not ours} == {"as published"}


def test_the_page_says_what_only_follows() -> None:
    made = task_page("calms21-task1-msgl")
    assert made.all("i")
    assert "In italics" in made.text
    assert "In italics" not in task_page("calms21-task1").text


def test_a_page_without_rivals_says_nothing_of_them() -> None:
    assert published_models(task_facts(task_card(get_task("rat-dyads")))) is None
    made = task_page("rat-dyads")
    assert "Published" not in made.text
    assert {"href": "#published"} not in made.all("a")


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_rivals_of_every_task_fit_its_metrics(task: Task) -> None:
    found = published_models(task_facts(task_card(task)))
    if found is None:
        assert not [n for n in NUMBERS if n.task == task.name]
        return
    assert {metric.name for metric in found.metrics} <= {metric.name for metric in task.metrics}
    assert all(any(row.numbers) for row in found.rows)
    assert all(len(row.numbers) == len(found.metrics) for row in found.rows)
