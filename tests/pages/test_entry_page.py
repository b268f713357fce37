"""The page of one entry: where it is wrong, where it is hard, and every number in families."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from made_up import CLASSES, RESULTS, details, metric, page, result, score, task

from bench.pages.charts import APART, CURVES, TONES, Chart, curve_chart
from bench.pages.ranking import rank
from bench.pages.task_page import task_page
from bench.results import PartScore, Result

LEFT, RIGHT, TOP, BOTTOM = CURVES.left, CURVES.right, CURVES.top, CURVES.bottom
OWN = "toy-task--a.html"


def test_the_head_says_value_rank_and_where_it_was_tested() -> None:
    made = page(RESULTS, "toy-task--d.html")
    for words in (
        "Model d",
        "0.500",
        "[0.438, 0.531]",
        "? of 5",
        "2, ± 0.004",
        "1,234 frames of 7 recordings",
    ):
        assert words in made.text
    assert "undefined" in page(RESULTS, "toy-task--c.html").source
    assert [anchor["href"] for anchor in made.all("a")][:3] == ["#content", "index.html", "toy-task.html"]


def test_the_task_page_links_to_every_entry() -> None:
    links = {anchor["href"] for anchor in page(RESULTS).all("a")}
    assert {f"toy-task--{id_}.html" for id_ in "abcde"} <= links


def test_confusion_shows_shares_of_the_row_and_frames_as_the_mean_over_runs() -> None:
    made = page(RESULTS, OWN)
    (table,) = (table for table in made.tables if table[0][0] == "True class")
    # Two runs of 50 + 40 + 40 frames: 25 of 65 are right.
    assert table[1] == ["attack", "38.5 %25", "30.8 %20", "30.8 %20", "65"]
    assert table[2] == ["mount", "–", "–", "–", "0"]
    shades = [cell["class"] for cell in made.all("td") if "shade" in cell.get("class", "")]
    assert shades[:3] == ["n shade4 strong", "n shade3", "n shade3"]
    assert not [cell for cell in made.all("td") if "style" in cell]


def test_the_curves_are_drawn_and_said_in_words() -> None:
    made = page(RESULTS, OWN)
    titles = re.findall('<title id="[a-z-]+-title">([^<]+)</title>', made.source)
    assert titles == [
        "Accuracy by distance to the nearest true transition",
        "Onsets found: F1 by tolerance",
        "Offsets found: F1 by tolerance",
    ]
    # All frames and two classes (mount does not occur); mean and attack, without the background.
    assert [path["class"] for path in made.all("path")] == [
        "curve tone2",
        "curve tone1",
        "curve whole",
        *["curve tone1", "curve whole"] * 2,
    ]
    assert "all frames: 0.250 at 0, 0.500 at 5" in made.text
    assert "attack: 0.250 at 0, 0.333 at 5" in made.text
    (bands,) = (table for table in made.tables if table[0][0] == "True frames of")
    assert bands[1] == ["all classes", "0.250", "0.489", "0.649", "8"]


def test_every_recording_stands_alone_in_a_sortable_table() -> None:
    made = page(RESULTS, OWN)
    (table,) = (table for table in made.tables if table[0][0] == "Recording")
    assert table[0][1:3] == ["Frames", "F1"]
    assert table[1] == ["mouse1", "1,000", "0.500", "0.500", "–", "0.500"]
    assert table[2] == ["mouse2", "234", "0.250", "–", "–", "–"]


def test_numbers_stand_in_families_and_strange_ones_under_others() -> None:
    made = page(RESULTS, OWN)
    text = made.text
    assert text.index("Frame metrics of one class against the rest") < text.index("Others")
    tables = [table for table in made.tables if table[0][0] == "Metric"]
    assert [[row[0].split(" ")[0] for row in table] for table in tables] == [
        ["Metric", "F1"],
        ["Metric", "Delay"],
    ]
    assert tables[0][0] == ["Metric", "Value", "±\N{NO-BREAK SPACE}runs", *CLASSES]
    folded = page(RESULTS).all("details")
    assert len(folded) == 2


def test_parts_have_every_metric() -> None:
    parts = [{"name": "one", "title": "annotator 1"}, {"name": "two", "title": "annotator 2"}]
    per_part = {
        "one": PartScore(0.25, 0.125, 0.375, {}),
        "two": PartScore(0.75, 0.5, 0.875, {}),
    }
    own = score(0.5, per_part=per_part, std_parts=0.25)
    late = score(3.0, per_part={name: PartScore(3.0, 2.0, 4.0, {}) for name in per_part}, std_parts=0.0)
    why = details(parts=("one", "two"))
    made = page(
        [result("a", 0.5, task=task(parts=parts), scores={"f1": own, "delay": late}, details=why)], OWN
    )
    f1, delay = (table for table in made.tables if table[0][0] == "Metric" and "annotator 1" in table[0])
    assert f1[1] == ["F1", "0.250[0.125, 0.375]", "0.750[0.500, 0.875]", "0.250"]
    assert delay[1][1:] == ["3.0[2.0, 4.0]", "3.0[2.0, 4.0]", "0.0"]
    (recordings,) = (table for table in made.tables if table[0][0] == "Recording")
    assert [row[1] for row in recordings] == ["Part", "one", "one", "two", "two"]
    (confusion,) = (table for table in made.tables if table[0][0] == "True class")
    assert confusion[1][-1] == "130"


def test_overlapping_classes_have_no_matrix_and_old_results_say_what_they_lack() -> None:
    why = details()
    why["parts"]["all"] = {key: of for key, of in why["parts"]["all"].items() if key != "confusion"}
    made = page([result("a", 0.5, task=task(exclusive=False), details=why)], OWN)
    assert not [table for table in made.tables if table[0][0] == "True class"]
    assert "so there is no confusion matrix" in made.text
    assert made.all("path")
    old = page([result("a", 0.5, details={})], OWN)
    assert "scored by an older version" in old.text
    assert not old.all("path")
    assert not page([result("a", 0.5, details={})]).all("path")


def test_segments_are_counted_as_segments() -> None:
    made = page([result("a", 0.5, task=task(kind="segments"), details={})], OWN)
    (table,) = (table for table in made.tables if table[0][0] == "Class")
    assert table[0][-2:] == ["True segments", "Share"]
    assert table[3][-2:] == ["1,200", "97.2 %"]
    assert "older version" not in made.text
    assert "True segments of each class" in page([result("a", 0.5, task=task(kind="segments"))]).text


def test_clusters_say_what_they_stand_for_and_have_every_section_of_labelled_frames() -> None:
    cards = [metric("f1", "F1"), metric("cluster_ami", "Adjusted mutual information")]
    question = task(kind="clusters", metrics=cards)
    scores = {"f1": score(0.5), "cluster_ami": score(0.25, per_class={}, per_class_interval={})}
    results = [result("a", 0.5, task=question, scores=scores)]
    stands = "A cluster stands for the class that most of its training frames have"
    whole, own = page(results), page(results, OWN)
    assert stands in whole.text
    assert stands in own.text
    assert whole.column(0, "AMI") == ["0.250"]
    (by_class,) = (table for table in own.tables if table[0][0] == "Class")
    assert by_class[0][1:] == ["F1", "True frames", "Share"]
    assert [row[1].split("[")[0] for row in by_class[1:]] == ["0.500", "–", "0.900"]
    assert {"True class", "True frames of", "Recording"} <= {table[0][0] for table in own.tables}
    assert "one cluster for each frame" in own.text
    assert stands not in page(RESULTS).text + page(RESULTS, OWN).text


def curves(chart: Chart | None) -> list[str]:
    """Return the tones of the curves, the first on top."""
    assert chart is not None
    paths = [str(shape["class"]) for shape in chart.shapes if shape.tag == "path"]
    return [style.removeprefix("curve ") for style in reversed(paths)]


def compared(results: Sequence[Result]) -> Chart | None:
    """Return the chart in which the entries of these results are compared."""
    return task_page(rank(results)).rankings[0].boundary_chart


def test_entries_are_compared_near_a_transition_in_their_order() -> None:
    chart = compared(RESULTS)
    assert curves(chart) == [f"tone{k}" for k in range(1, 6)]
    assert chart is not None
    names = ["Model a", "Model e", "Model b", "Model d", "Model c"]
    assert [shape.text for shape in chart.shapes if str(shape["class"]).startswith("name")] == names
    assert [words.split(":")[0] for words in chart.words] == names
    many = curves(compared([result(f"m{k}", k / 60) for k in range(30)]))
    assert many.count("rest") == len(many) - TONES
    assert compared([replace(each, details={}) for each in RESULTS]) is None


def drawn(lines: Sequence[tuple[str, np.ndarray]], *, whole: bool) -> Chart | None:
    return curve_chart("curves", "Curves", "frames", lines, whole=whole)


def test_names_at_the_ends_of_lines_are_not_over_each_other() -> None:
    for level in (0.0, 0.5, 1.0):
        chart = drawn([(f"class {k}", np.full(31, level)) for k in range(7)], whole=True)
        assert chart is not None
        leads = [shape for shape in chart.shapes if str(shape["class"]).startswith("lead")]
        assert len(leads) == 7
        labels = sorted(float(lead["y2"]) for lead in leads)
        assert (np.diff(labels) >= APART - 0.2).all()
        assert labels[0] >= TOP - APART
        assert labels[-1] <= BOTTOM + 0.1
        assert {lead["y1"] for lead in leads} == {BOTTOM - (BOTTOM - TOP) * level}


def test_a_line_is_broken_where_it_is_undefined() -> None:
    chart = drawn([("a", np.array([0.0, 0.5, np.nan, 1.0, 1.0]))], whole=True)
    assert chart is not None
    middle = (TOP + BOTTOM) / 2
    step = (RIGHT - LEFT) / 4
    expected = [
        f"M{LEFT:.1f} {BOTTOM:.1f}",
        f"L{LEFT + step:.1f} {middle:.1f}",
        f"M{LEFT + 3 * step:.1f} {TOP:.1f}",
        f"L{RIGHT:.1f} {TOP:.1f}",
    ]
    assert [shape["d"] for shape in chart.shapes if shape.tag == "path"] == ["".join(expected)]
    assert chart.words == ("a: 0.000 at 0",)
    assert drawn([("a", np.full(31, np.nan))], whole=True) is None
    assert drawn([], whole=False) is None


@pytest.mark.parametrize("name", [OWN, "toy-task.html"])
def test_simulated_numbers_are_badged(name: str) -> None:
    simulated = [replace(each, task=task(dataset={"simulated": True})) for each in RESULTS]
    made = page(simulated, name)
    badges = [span for span in made.all("span") if span.get("class") == "badge"]
    assert len(badges) == 1 + len(made.all("caption")) + len(made.all("figure"))


def test_declared_costs_are_shown_and_missing_ones_are_not() -> None:
    names = ("FLOPs per frame", "Speed", "Latency", "Training", "Peak memory")
    assert not any(f"<dt>{name}</dt>" in page(RESULTS, OWN).source for name in names)
    mine = result("a", 0.5)
    costs = {"flops_per_frame": 15_646_976, "frames_per_second": 2015.5, "latency_ms": 0.60512}
    costs |= {"seconds_per_epoch": 164.25, "peak_memory_mib": 1781.5}
    made = page([replace(mine, entry={**mine.entry, **costs})], OWN)
    assert "15,646,976" in made.text
    assert "2,016 frames per second" in made.text
    assert "0.605 ms" in made.text
    assert "164 s per epoch" in made.text
    assert "1,782 MiB" in made.text
