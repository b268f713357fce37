"""How well people agree: the frozen numbers are what the labels give, and pages show them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import Page

from bench.datasets import get_task
from bench.humans import calms21, humans
from bench.pages.published import published_tasks
from bench.pages.site import render

DATA = Path(os.environ.get("ETHOBENCH_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
LABELS = DATA / "calms21-two-annotators"


@pytest.mark.skipif(not LABELS.is_dir(), reason=f"no {LABELS}: set ETHOBENCH_DATA")
def test_the_frozen_line_is_what_the_labels_give() -> None:
    (line,) = humans("calms21-task1")
    made = calms21(LABELS)
    assert (line.value, line.low, line.high) == pytest.approx((made.value, made.low, made.high), rel=1e-12)
    assert replace(made, value=line.value, low=line.low, high=line.high) == line


def test_lines_are_of_tasks_and_metrics_that_there_are() -> None:
    for task in published_tasks():
        metrics = {metric.name for metric in get_task(task.name).metrics}
        for line in humans(task.name):
            assert line.metric in metrics
            assert 0 <= line.low <= line.value <= line.high <= 1
    assert humans("rat-dyads") == ()


def test_the_page_says_how_well_two_people_agree() -> None:
    pages = render([], published_tasks())
    text = " ".join(Page(pages["calms21-task1.html"]).text.split())
    assert "Two people, by F1: 0.826 [0.749, 0.882], a second annotator" in text
    assert "184,499 frames" in text
    assert "Two people" not in Page(pages["ratsi.html"]).text
