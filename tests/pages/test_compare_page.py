"""The page that compares two entries: its numbers, and its address."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import RESULTS, Page, result, task
from test_browser import CHROMIUM, complaints, opened

from bench.evaluation import LEVEL
from bench.metrics.sampling.paired import jackknife_test
from bench.pages import publish, rank, render
from bench.pages.compare_page import compare_name, compare_page
from bench.results import Result
from tests.made_up import read

COMMITTED = Path(__file__).parent.parent.parent / "leaderboard" / "results"
ENTRIES = ["gbdt", "stacked", "single_frame"]


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [read(COMMITTED / f"rat-dyads--{name}.json") for name in ENTRIES]


def data_of(text: str) -> dict[str, object]:
    held = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert held is not None
    return dict(json.loads(held[1]))


def test_the_numbers_in_the_page_are_those_of_the_results(results: list[Result]) -> None:
    ranking = rank(results)[0]
    page = compare_page(ranking)
    assert page is not None
    data = json.loads(page.data)
    assert [entry.id for entry in page.entries] == ["stacked", "gbdt", "single_frame"]
    titles = [number["title"] for number in data["numbers"]]
    for one in results:
        held = data["entries"][one.entry["id"]]
        assert held["values"][0] == pytest.approx(one.scores["f1"].value, rel=1e-6)
        assert held["left"][0] == pytest.approx(list(one.scores["f1"].left_out), rel=1e-6)
        assert len(held["values"]) == len(held["left"]) == len(titles)
        for name, value in one.scores["f1"].per_class.items():
            assert held["values"][titles.index(f"F1, {name}")] == pytest.approx(value, rel=1e-6)
        assert len(held["recordings"]) == len(data["recordings"]) == 12


def test_fewer_than_two_entries_that_can_be_tested_have_no_page() -> None:
    assert compare_page(rank(RESULTS)[0]) is None
    assert compare_name("toy-task") not in render(RESULTS)


def test_hostile_names_stay_inside_the_data() -> None:
    hostile = "</script><script>alert(1)</script>\u202e"
    made = []
    for id_, value in (("a", 0.9), ("b", 0.6)):
        one = result(id_, value, groups=6, task=task(title=hostile, classes=["attack", hostile]))
        score = replace(one.scores["f1"], left_out=tuple(value + k / 1000 for k in range(6)))
        entry = {**one.entry, "name": f"{id_}{hostile}"}
        made.append(replace(one, entry=entry, scores={"f1": score}, details={}, group_frames=(9,) * 6))
    text = render(made)["toy-task.compare.html"]
    assert [tag for tag, _ in Page(text).elements].count("script") == 2
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
    assert set(data_of(text)["entries"]) == {"a", "b"}  # type: ignore[call-overload]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome on the PATH")
def test_the_browser_computes_the_interval_that_python_does(results: list[Result], tmp_path: Path) -> None:
    publish(render(results), tmp_path)
    path = tmp_path / "rat-dyads.compare.html"
    assert complaints(path) == []
    made = Page(opened(path, "#first=gbdt&second=single_frame"))
    row = next(row for row in made.tables[0] if row[0] == "F1")
    one, _, other = results
    left_out = np.subtract(one.scores["f1"].left_out, other.scores["f1"].left_out)[:, None]
    difference = np.array([one.scores["f1"].value - other.scores["f1"].value])
    tested = jackknife_test(difference, left_out, level=LEVEL)
    low, high = tested.low[0], tested.high[0]
    assert row[1:] == [
        f"{one.scores['f1'].value:.3f}",
        f"{other.scores['f1'].value:.3f}",
        f"{difference[0]:+.3f}",
        f"[{low:+.3f}, {high:+.3f}]",
        "first is better",
    ]
    recordings = [float(row[3].replace("\N{MINUS SIGN}", "-")) for row in made.tables[2][1:]]
    assert recordings == sorted(recordings, reverse=True)
    assert len(recordings) == 12
    swapped = Page(opened(path, "#first=single_frame&second=gbdt"))
    assert "second is better" in next(row for row in swapped.tables[0] if row[0] == "F1")
    hostile = opened(path, "#first=<img>&second=constructor")
    assert "<img" not in hostile.partition("<body>")[2]
    assert Page(hostile).tables[0][1][0] == "F1"
