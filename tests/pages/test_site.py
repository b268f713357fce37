"""The leaderboard: what a page shows, in which order, and what it says about its numbers."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import NAN, RESULTS, Page, entry, metric, page, result, score, task

from bench.about import DEVELOPERS
from bench.datasets import get_task
from bench.evaluation import task_card
from bench.metrics import METRICS, METRICS_VERSION
from bench.pages import PLOTTED, Ranks, clean, number, rank, render
from bench.pages.charts import Chart
from bench.pages.marks import PUBLISHED, RERUN, SCORED, mark_of_entry
from bench.pages.published import published_tasks
from bench.pages.task_page import task_page
from bench.published import audit_papers
from bench.published.findings import DIFFERS
from bench.results import PartScore, Result, write
from bench.verification.results import read_results
from tests.made_up import read


def test_entries_stand_by_value_then_id_and_share_ranks() -> None:
    ranking = rank(RESULTS)[0]
    assert [(row.place, row.result.entry["id"]) for row in ranking.rows] == [
        (1, "a"),
        (2, "e"),
        (3, "b"),
        (3, "d"),
        (None, "c"),
    ]
    made = page(RESULTS)
    assert made.column(0, "#") == ["?", "?", "?", "?", "–"]
    assert made.column(0, "Entry") == ["Model a", "Model e", "Model b", "Model d", "Model c"]
    assert [cell.split("[")[0] for cell in made.column(0, "F1")] == ["0.750", "0.625", "0.500", "0.500", "–"]


def with_left_out(id_: str, value: float, noise: float, groups: int) -> Result:
    """Return a result with values without each group, and a noise that differs from entry to entry."""
    rng = np.random.default_rng(ord(id_))
    left_out = tuple(value + noise * rng.normal(size=groups))
    made = result(id_, value, groups=groups, group_frames=[100] * groups)
    return replace(made, scores={**made.scores, "f1": score(value, left_out=left_out)})


def test_ranks_are_ranges_of_entries_that_were_tested() -> None:
    entries = [
        with_left_out("a", 0.9, 0.001, 12),
        with_left_out("b", 0.602, 0.003, 12),
        with_left_out("c", 0.6, 0.003, 12),
    ]
    ranking = rank(entries)[0]
    assert [row.ranks for row in ranking.rows] == [
        Ranks(1, 1, tested=True),
        Ranks(2, 3, tested=True),
        Ranks(2, 3, tested=True),
    ]
    made = page(entries)
    assert made.column(0, "#") == ["1", "2–3", "2–3"]
    assert f"differ by more than {number(ranking.apart)}: had the entries been equal" in made.text
    assert "may be as good" not in page(entries, "index.html").text
    assert "2–3 of 3" in page(entries, "toy-task--b.html").text


def test_an_entry_that_was_not_tested_may_stand_anywhere() -> None:
    entries = [
        with_left_out("a", 0.9, 0.001, 12),
        result("b", 0.602, groups=12),
        with_left_out("c", 0.6, 0.003, 12),
    ]
    ranking = rank(entries)[0]
    assert [(of.first, of.last, of.tested) for row in ranking.rows if (of := row.ranks)] == [
        (1, 2, True),
        (1, 3, False),
        (2, 3, True),
    ]
    assert page(entries).column(0, "#") == ["1–2", "?", "2–3"]
    assert "1 of 3 were not tested" in page(entries).text
    assert "1 more may be as good" in page(entries, "index.html").text
    few = [with_left_out(id_, value, 0.001, 5) for id_, value in (("a", 0.9), ("b", 0.5))]
    assert page(few).column(0, "#") == ["1–2", "1–2"]
    assert "5 groups of recordings are too few" in page(few).text


def test_a_bias_ranks_by_its_distance_from_zero() -> None:
    early = task(metrics=[metric("onset_bias", "Bias", unit="frames", higher_is_better=False)])
    biases = {"a": -9.0, "b": 0.5, "c": 4.0, "d": -0.25}
    entries = [
        replace(result(id_, 0.5), task=early, scores={"onset_bias": score(value)})
        for id_, value in biases.items()
    ]
    assert [row.result.entry["id"] for row in rank(entries)[0].rows] == ["d", "b", "c", "a"]


def test_entries_whose_names_read_alike_are_told_apart() -> None:
    """By case, by spaces, by the way of writing a letter, and where a name ends as the added id does."""
    names = {
        "a": "Mouse\u00e9",
        "b": "mouse\u0065\u0301 ",
        "c": "Mouse\u00e9 (b)",
        "d": "Rat",
        "e": "Rat\u00a0",
    }
    alike = [result(id_, 0.5) for id_ in names]
    alike = [replace(each, entry={**each.entry, "name": names[each.entry["id"]]}) for each in alike]
    shown = page(alike).column(0, "Entry")
    assert len({" ".join(unicodedata.normalize("NFKC", name).casefold().split()) for name in shown}) == 5
    assert [name for name in shown if name.endswith("(d)")] == ["Rat (d)"]
    assert "Rat (e)" in page(alike, "toy-task--e.html").text
    assert page([alike[0], alike[3]]).column(0, "Entry") == ["Mouse\u00e9", "Rat"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("COP", "\u0421\u041e\u0420"),  # Cyrillic
        ("COT", "\u0421\u039f\u03a4"),  # Cyrillic and Greek
        ("Model I", "Model l"),
        ("BAMS 0", "BAMS O"),
        ("modern", "modem"),
    ],
)
def test_entries_whose_names_look_alike_are_told_apart(name: str, other: str) -> None:
    pair = [result("a", 0.5), result("b", 0.5)]
    names = [name, other]
    named = [replace(r, entry={**r.entry, "name": n}) for r, n in zip(pair, names, strict=True)]
    assert page(named).column(0, "Entry") == [f"{name} (a)", f"{other} (b)"]


def test_a_metric_of_which_less_is_better_ranks_upwards() -> None:
    delay_first = task(metrics=task()["metrics"][::-1])
    ranking = rank([replace(each, task=delay_first) for each in RESULTS])[0]
    assert [row.result.entry["id"] for row in ranking.rows] == ["b", "d", "e", "a", "c"]
    assert [row.place for row in ranking.rows] == [1, 1, 3, 4, None]


def test_undefined_is_a_dash_that_says_so_and_never_zero() -> None:
    made = page([result("a", NAN)])
    dashes = [attributes for tag, attributes in made.elements if attributes.get("class") == "none"]
    assert {"undefined", "not ranked: the value is undefined"} <= {dash["title"] for dash in dashes}
    own = page([result("a", NAN)], "toy-task--a.html")
    assert {"undefined", "not stated"} <= {dash["title"] for dash in own.all("span") if "title" in dash}
    assert all(dash["title"] == dash["aria-label"] for dash in dashes)
    assert made.column(0, "F1") == ["–"]
    assert made.column(0, "mount") == ["–"]
    assert "0.000" not in made.text
    assert "nan" not in made.text.lower()
    assert not [svg for svg in made.all("svg") if svg["aria-labelledby"].startswith("plot-")]
    assert "No entry has a defined value" in page([result("a", NAN)], "index.html").text


def test_numbers_have_three_decimals_and_the_full_value_beside() -> None:
    third = 1 / 3
    made = page([result("a", third, scores={"f1": score(third, std_runs=NAN, per_run={"run": third})})])
    assert made.column(0, "F1") == ["0.333[0.271, 0.365]"]
    assert {"title": repr(third)} in made.all("span")
    assert made.column(0, "Runs") == ["1"]
    assert made.column(0, "±\N{NO-BREAK SPACE}runs") == ["–"]
    assert made.column(0, "Parameters") == ["72,540"]
    assert made.column(0, "Delay frames lower is better") == ["–"]
    assert "not scored by this metric" in made.source
    values = (-0.0001, 0.0, -1.5, 12.3456, math.inf, -math.inf)
    assert [number(value) for value in values] == ["0.000", "0.000", "−1.500", "12.346", "∞", "−∞"]
    assert [number(value, "frames") for value in values] == ["0.0", "0.0", "−1.5", "12.3", "∞", "−∞"]


def test_sort_keys_are_exact_and_empty_where_undefined() -> None:
    keys = [cell["data-value"] for cell in page(RESULTS).all("td") if "strong" in cell.get("class", "")]
    assert keys == ["0.75", "0.625", "0.5", "0.5", ""]
    heads = page(RESULTS).all("th")
    assert [head["title"] for head in heads if head.get("aria-sort") == "descending"] == ["How f1 is made."]
    assert {head["data-first"] for head in heads if head.get("title") == "How delay is made."} == {
        "ascending"
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"metrics_version": 2}, "metrics version 1, not 2"),
        ({"split_digest": "dd" * 32}, "split a1a1a1a1a1a1, not dddddddddddd"),
        ({"truth_digest": "dd" * 32}, "truth b2b2b2b2b2b2, not dddddddddddd"),
        ({"task": task(protocol={"name": "late", "description": "late"})}, "protocol all-frames, not late"),
        ({"task": task(background=None)}, "background other, not none"),
        (
            {"task": task(classes=["attack", "other"]), "details": {}},
            "classes (attack, mount, other), not (attack, other)",
        ),
        ({"task": task(metrics=task()["metrics"][::-1])}, "ranking metric f1, not delay"),
    ],
)
def test_what_cannot_be_compared_is_ranked_apart(changes: dict[str, Any], why: str) -> None:
    leading = [replace(each, **changes) for each in (result("x", 0.25), result("y", 0.125))]
    old = result("old", 0.9)
    rankings = rank([old, *leading])
    assert [len(ranking.rows) for ranking in rankings] == [2, 1]
    assert [ranking.rows[0].place for ranking in rankings] == [1, 1]
    assert rankings[1].differences == (why,)
    made = page([old, *leading])
    assert f"cannot be compared with those of the first ranking: {why}." in made.text
    assert "Ranked separately: metrics version 1, split a1a1a1a1, truth b2b2b2b2" in made.text
    index = page([old, *leading], "index.html")
    assert "2 entries, and 1 ranked separately" in index.text
    assert "Model old" not in index.text


def test_simulated_data_are_badged_wherever_their_numbers_stand() -> None:
    simulated = [replace(each, task=task(name="demo", dataset={"simulated": True})) for each in RESULTS]
    made = page(simulated, "demo.html")
    badges = [span for span in made.all("span") if span.get("class") == "badge"]
    assert len(badges) == 1 + len(made.all("caption")) + len(made.all("figure"))
    assert "(simulated)" in made.text
    assert "No animal was recorded" in made.text
    both = page([*simulated, *RESULTS], "index.html")
    assert [span["class"] for span in both.all("span") if "class" in span].count("badge") == 1
    assert "imulated" not in page(RESULTS).text


def test_a_remark_stands_beside_the_name_wherever_a_number_ranks() -> None:
    made = render([result("a", 0.75, entry=entry("a", remark="1 of 50 epochs")), result("b", 0.5)])
    beside = '<span class="badge remark"><bdi>1 of 50 epochs</bdi></span>'
    for name in ("index.html", "toy-task.html", "toy-task--a.html"):
        assert made[name].count(beside) == 1, name
    assert beside not in made["toy-task--b.html"]


def test_parts_have_a_table_of_their_own() -> None:
    parts = [{"name": "one", "title": "annotator 1"}, {"name": "two", "title": "annotator 2"}]
    per_part = {"one": PartScore(0.25, 0.125, 0.375, {})}
    own = score(0.25, per_part=per_part, std_parts=0.0625)
    made = page([result("a", 0.25, task=task(parts=parts), scores={"f1": own})])
    assert made.column(2, "annotator 1") == ["0.250[0.125, 0.375]"]
    assert made.column(2, "annotator 2") == ["–"]
    assert made.column(2, "±\N{NO-BREAK SPACE}parts") == ["0.062"]
    assert "annotator" not in page(RESULTS).text


def test_many_classes_stand_only_in_the_table_by_class() -> None:
    names = [f"class {k}" for k in range(9)]
    own = score(0.25, per_class=dict.fromkeys(names, 0.125), per_class_interval={})
    made = page(
        [
            result(
                "a",
                0.25,
                task=task(classes=names, background=None),
                scores={"f1": own},
                support={},
                details={},
            )
        ]
    )
    assert not [row for row in made.tables[0] if "class 3" in row]
    assert made.column(1, "class 3") == ["0.125"]


def test_a_page_says_how_its_numbers_were_made() -> None:
    made = page(RESULTS)
    for words in (
        "How f1 is made.",
        "Source of delay",
        "Unit: frames. Lower is better.",
        "Every annotated frame (all-frames): 1,234 frames of 7 recordings in 5 independent groups.",
        "95 % intervals by the percentile bootstrap over 5 groups of recordings (1,000 resamples, seed 0)",
        "Nobody 2020",
        "CC BY 4.0",
        "The frame rate is assumed.",
        "a1" * 32,
        "b2" * 32,
        "1,200",
        "97.2 %",
        "offline",
    ):
        assert words in made.text
    own = page(RESULTS, "toy-task--a.html")
    for words in (
        "c3" * 32,
        "offline: the answer for a frame may use later frames",
        "A. Author",
        "B. Author",
        "72,540",
    ):
        assert words in own.text


def test_without_intervals_the_page_says_why() -> None:
    bare = score(0.5, low=NAN, high=NAN)
    made = page([result("a", 0.5, interval={"reason": "3 groups are too few."}, scores={"f1": bare})])
    assert made.column(0, "F1") == ["0.500"]
    assert "No interval: 3 groups are too few." in made.text
    assert not [line for line in made.all("line") if line["class"] == "range"]


def interval_chart(*results: Result) -> Chart:
    """Return the chart of the first ranking of these results."""
    chart = task_page(rank(results)).rankings[0].interval_chart
    assert chart is not None
    return chart


def ticks(chart: Chart) -> list[str]:
    return [shape.text for shape in chart.shapes if shape["class"] == "tick"]


def test_the_plot_places_values_on_an_axis_of_round_numbers() -> None:
    chart = interval_chart(result("a", 0.8), result("b", 0.6))
    assert ticks(chart) == ["0.5", "0.6", "0.7", "0.8", "0.9"]
    assert [shape["cx"] for shape in chart.shapes if shape.tag == "circle"] == ["74.00%", "26.00%"]
    same = interval_chart(result("a", 0.0, scores={"f1": score(0.0, low=NAN, high=NAN)}))
    assert len(ticks(same)) > 1
    wide = interval_chart(result("a", 0.0, scores={"f1": score(-40.0, low=-90.0, high=1200.0)}))
    assert ticks(wide) == ["−500", "0", "500", "1000", "1500"]


@pytest.mark.slow
def test_the_plot_of_many_entries_says_what_it_leaves_out() -> None:
    results = [result(f"m{k}", k / 60) for k in range(60)]
    chart = task_page(rank(results)).rankings[0].interval_chart
    assert chart is not None
    assert [shape.tag for shape in chart.shapes].count("circle") == PLOTTED
    made = page(results)
    assert f"The first {PLOTTED} of 60 entries." in made.text
    assert len(made.tables[0]) == 2 + 60


def test_the_index_shows_the_best_entry_of_each_task() -> None:
    other = [replace(result("z", 0.875), task=task(name="another", title="Another task"))]
    made = page([*RESULTS, *other], "index.html")
    assert [anchor["href"] for anchor in made.all("a")] == ["#content", "another.html", "toy-task.html"]
    assert "Model a" in made.text
    assert "0.750" in made.text
    assert "[0.688, 0.781]" in made.text
    assert "5 entries" in made.text
    assert "1 entry" in made.text
    assert "1 more may be as good" in page(RESULTS[:1] + RESULTS[3:4], "index.html").text


def test_an_empty_leaderboard_says_what_to_type() -> None:
    pages = render([])
    assert list(pages) == ["index.html"]
    assert "Nothing has been scored yet" in pages["index.html"]
    assert "bench demo" in pages["index.html"]


def test_the_same_results_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    results = [*RESULTS, result("f", 0.9, metrics_version=3), replace(RESULTS[0], task=task(name="b"))]
    assert render(results) == render(results[::-1]) == render(results)
    for each in results:
        write(each, tmp_path)
    assert render([read(path) for path in sorted(tmp_path.iterdir())]) == render(results)


@pytest.mark.slow
def test_the_committed_results_are_of_this_version() -> None:
    """Else `bench publish` fails in every fresh clone."""
    found = read_results(Path(__file__).parents[2] / "leaderboard" / "results")
    assert found
    for one in found:
        split = get_task(one.task["name"]).load_split()
        assert (one.metrics_version, one.split_digest) == (METRICS_VERSION, split.digest)
        assert not one.changed
    assert "index.html" in render(found)


def test_a_task_that_nobody_has_scored_has_a_page_of_what_papers_print() -> None:
    tasks = published_tasks()
    names = [one.name for one in tasks]
    assert {"calms21-task1", "ratsi", "ratseizure"} <= set(names)
    assert "rat-dyads" not in names
    pages = render(RESULTS, tasks)
    reference = {"audit.html", "metrics.html", "tables.html"}
    assert set(pages) == set(render(RESULTS)) | {f"{name}.html" for name in names} | reference
    for name in names:
        made = Page(pages[f"{name}.html"])
        assert made.tables[0][0][0] == "Model"
        assert len(made.tables[0]) > 3
        assert f"bench new submissions/mymodel --task {name}" in made.text
    first = Page(pages["index.html"])
    linked = [link["href"] for link in first.all("a") if link["href"].endswith(".html")]
    pages_of_tasks = ["toy-task.html", *(f"{name}.html" for name in names)]
    assert linked == ["metrics.html", "audit.html", "tables.html", *pages_of_tasks]
    assert first.text.count("not scored here") == len(names)
    assert "0 entries" in first.text


def test_a_task_with_entries_shows_what_papers_print_beside_them() -> None:
    calms = task_card(get_task("calms21-task1"))
    one = replace(result("a", 0.75, support={}, details={}), task=calms)
    index = Page(render([one], published_tasks())["index.html"]).text
    assert index.count("published model") == len(published_tasks())
    assert index.count("not scored here") == len(published_tasks()) - 1


def test_the_audit_shows_what_differs_first_and_every_number_once() -> None:
    made = Page(render(RESULTS, published_tasks())["audit.html"])
    findings = audit_papers()
    shown = [row for table in made.tables for row in table[1:]]
    assert len(shown) == len(findings)
    first = {(row[0], row[2]) for row in made.tables[0][1:]}
    assert first == {(one.place, one.printed) for one in findings if one.verdict == DIFFERS}


def test_every_metric_has_its_definition() -> None:
    made = Page(render(RESULTS, published_tasks())["metrics.html"])
    for one in METRICS:
        assert one.name in made.text
        assert clean(one.definition) in made.text


def test_published_models_stand_among_the_entries_by_value_and_without_a_rank() -> None:
    calms = task_card(get_task("calms21-task1"))
    entries = [
        replace(result(id_, value, support={}, details={}), task=calms)
        for id_, value in (("a", 0.95), ("b", 0.01), ("c", NAN))
    ]
    section = task_page(rank(entries)).rankings[0]
    values = [line.value.value for line in section.lines]
    assert values[:-1] == sorted(values[:-1], reverse=True)
    assert math.isnan(values[-1])
    assert len(values) > 3
    made = page(entries, "calms21-task1.html")
    ranks = [row[0].split("\n")[0] for row in made.tables[0][2:]]
    assert ranks == ["?", *["–"] * (len(values) - 3), "?", "–"]
    marks = [row["data-mark"] for row in made.all("tr") if "data-mark" in row]
    assert marks == [SCORED, *[PUBLISHED] * (len(values) - 3), SCORED, SCORED]


def test_an_entry_of_ours_of_a_published_model_is_marked_as_run_again() -> None:
    ours, theirs = {"authors": [DEVELOPERS], "id": "lstm"}, {"authors": ["A. Stranger"], "id": "lstm"}
    assert mark_of_entry(ours, ["lstm"]) == RERUN
    assert mark_of_entry(theirs, ["lstm"]) == SCORED
    assert mark_of_entry(ours, ["other"]) == SCORED


def with_left_out_of(id_: str, value: float, slope: float) -> Result:
    left_out = tuple(value + slope * (k - 5.5) for k in range(12))
    made = result(id_, value, groups=12)
    scores = {"f1": replace(made.scores["f1"], left_out=left_out)}
    return replace(made, scores=scores, group_frames=(10,) * 12)


def test_the_matrix_holds_every_pair_once_each_way_with_opposite_signs() -> None:
    entries = [
        with_left_out_of("a", 0.9, 0.001),
        with_left_out_of("b", 0.6, 0.003),
        with_left_out_of("c", 0.55, -0.003),
    ]
    pairs = task_page(rank(entries)).rankings[0].pairs
    assert [row.entry.id for row in pairs] == ["a", "b", "c"]
    for k, row in enumerate(pairs):
        assert row.cells[k] is None
        for j, cell in enumerate(row.cells):
            other = pairs[j].cells[k]
            if cell is None or other is None:
                continue
            assert cell.value.value == -other.value.value
            assert (cell.value.low, cell.value.high) == (-other.value.high, -other.value.low)
    assert [cell.verdict for cell in pairs[0].cells if cell] == ["better", "better"]
    assert [cell.verdict for cell in pairs[1].cells if cell] == ["worse", "open"]
    assert task_page(rank(RESULTS)).rankings[0].pairs == ()
