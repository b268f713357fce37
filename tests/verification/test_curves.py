"""Files of `bench curve`: what is changed by hand is refused, and the others are drawn on pages."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from made_up import RESULTS, Page

from bench.errors import DataError
from bench.pages import render
from bench.pages.label_curves import label_curve
from bench.results import canonical, digest_of
from bench.verification.curves import read_curve, read_curves


def score(*runs: float) -> dict[str, Any]:
    mean = sum(runs) / len(runs)
    per_run = {f"seed{number}": run for number, run in enumerate(runs)}
    return {
        "value": mean,
        "low": mean - 0.1,
        "high": mean + 0.1,
        "std_runs": 0.02,
        "per_run": per_run,
        "per_class": {"attack": mean, "mount": None},
    }


def point(fraction: float, groups: int, f1: tuple[float, ...], error: tuple[float, ...]) -> dict[str, Any]:
    amount = {"groups": groups, "recordings": 2 * groups, "frames": 300 * groups}
    return {
        "fraction": fraction,
        "labelled": {f"seed{number}": {"all": amount} for number in range(len(f1))},
        "scores": {"f1": score(*f1), "late": score(*error)},
    }


def content() -> dict[str, Any]:
    made = {
        "format": 1,
        "varied": "labels",
        "rule": "the first ones",
        "model": {"name": "trees", "title": "Trees", "remark": None},
        "task": {"name": "toy", "title": "Toy", "simulated": False},
        "split_digest": "",
        "metrics_version": 1,
        "metrics": [
            {"name": "f1", "title": "F1", "unit": "", "higher_is_better": True},
            {"name": "late", "title": "Late", "unit": "frames", "higher_is_better": False},
        ],
        "seeds": [0, 1],
        "points": [point(0.25, 2, (0.2, 0.4), (9.0, 12.0)), point(1.0, 7, (0.5, 0.7), (3.0, 5.0))],
    }
    return {**made, "digest": digest_of(made)}


def write(folder: Path, made: dict[str, Any], name: str = "toy--trees--labels.json") -> Path:
    path = folder / name
    path.write_bytes(canonical(made))
    return path


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "points[0].scores.f1.value": lambda c: c["points"][0]["scores"]["f1"].update(value=0.9),
    "digest": lambda c: c["points"][1]["labelled"]["seed0"]["all"].update(groups=6),
    "points[1].fraction": lambda c: c["points"][1].update(fraction=1.5),
    "points[0].scores": lambda c: c["points"][0]["scores"].pop("late"),
    "varied": lambda c: c.update(varied="seeds"),
    "metrics": lambda c: c.pop("metrics"),
}


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    write(tmp_path, content())
    (tmp_path / "notes.txt").write_text("not read")
    assert read_curves(tmp_path) == ([content()], None)
    assert read_curves(tmp_path / "absent") == ([], None)


@pytest.mark.parametrize("place", CHANGES)
def test_a_change_by_hand_is_named_by_its_place(place: str, tmp_path: Path) -> None:
    changed = deepcopy(content())
    CHANGES[place](changed)
    if place == "points[0].scores.f1.value":
        changed["digest"] = digest_of({key: value for key, value in changed.items() if key != "digest"})
    _, faults = read_curve(write(tmp_path, changed))
    assert place in {str(fault).partition(":")[0] for fault in faults}


def test_a_file_of_another_name_and_one_that_is_none_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, content())
    write(tmp_path, content(), "toy--forest--labels.json")
    (tmp_path / "toy--b--labels.json").write_text("[1")
    sound, fault = read_curves(tmp_path)
    assert sound == [content()]
    assert isinstance(fault, DataError)
    assert [problem.partition(":")[0] for problem in fault.problems] == [
        "toy--b--labels.json",
        "toy--forest--labels.json",
    ]


def test_what_is_drawn_is_what_the_file_says() -> None:
    shown = label_curve(content())
    assert [(row.percent, row.groups, row.seeds) for row in shown.rows] == [
        ("25 %", "2", 2),
        ("100 %", "7", 2),
    ]
    assert [round(value.value, 3) for value in shown.rows[1].values] == [0.6, 4.0]
    assert shown.chart is not None
    marks = [shape.title for shape in shown.chart.shapes if shape.tag == "circle"]
    assert marks == ["F1, seed0: 0.200", "F1, seed1: 0.400", "F1, seed0: 0.500", "F1, seed1: 0.700"]
    assert shown.chart.words == ("F1: 0.300 at 25 %, 0.600 at 100 %",), "frames have another axis"


def test_the_page_of_the_model_shows_it_and_no_other_page_does() -> None:
    made = content()
    made["task"], made["model"] = {**made["task"], "name": "toy-task"}, {**made["model"], "name": "a"}
    pages = render(RESULTS, curves=[made])
    shown = Page(pages["toy-task--a.html"])
    assert "#labels" in [anchor["href"] for anchor in shown.all("a")]
    table = next(rows for rows in shown.tables if rows[0][0] == "Labels")
    assert [row[:3] for row in table[1:]] == [["25 %", "2", "2"], ["100 %", "7", "2"]]
    assert "#labels" not in [anchor["href"] for anchor in Page(pages["toy-task--b.html"]).all("a")]
