"""`bench explain` and the printed tables: what stands where, and names that do not exist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from made_up import details, metric, result, score, task

from bench import datasets
from bench.cli import cli
from bench.errors import UsageError
from bench.results import PartScore, Result, write
from bench.text import by_part, explain, explanation, result_text
from tests.verification.toys import toy_result, toy_task

PARTS = [{"name": "one", "title": "annotator 1"}, {"name": "two", "title": "annotator 2"}]
METRICS = [
    metric("f1", "F1"),
    metric("accuracy", "Accuracy", mean="none"),
    metric("onset_error_median", "Onset error", unit="frames", higher_is_better=False),
    metric("bout_rate_error", "Bout rate error", unit="per frame", higher_is_better=False),
]


def full(value: float, **changes: Any) -> Any:
    per_class = changes.pop("per_class", {"attack": value, "mount": float("nan"), "other": 0.9})
    parts = {
        "one": PartScore(value / 2, value / 4, value, per_class),
        "two": PartScore(1.5 * value, value, 2 * value, per_class),
    }
    return score(value, per_class=per_class, per_part=parts, **changes)


def made(**changes: Any) -> Result:
    scores = {
        "f1": full(0.5),
        "accuracy": full(0.625, per_class={}),
        "onset_error_median": full(3.0),
        "bout_rate_error": full(1 / 1800),
    }
    why = details(parts=("one", "two"), ids=("easy", "hard"))
    given = {"task": task(parts=PARTS, metrics=METRICS), "scores": scores, "details": why} | changes
    return result("a", 0.5, **given)


def rows(printed: str, head: str) -> list[list[str]]:
    """Return the cells of the table whose head begins so, without its rule; columns part at two spaces."""
    lines = printed.split("\n")
    start = next(k for k, line in enumerate(lines) if line.startswith(head))
    rule = next(k for k in range(start, len(lines)) if lines[k].startswith("---"))
    stop = next((k for k in range(rule, len(lines)) if not lines[k]), len(lines))
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[rule + 1 : stop]]


def test_it_explains_class_by_class_and_recording_by_recording() -> None:
    printed = explain(made())
    assert "F1 0.500, 95% interval 0.438 – 0.531; seed0 0.500, seed1 0.500" in printed
    assert rows(printed, "by class")[1] == ["mount", "–", "0", "0.0%"]
    assert rows(printed, "true class")[0] == ["attack", "50", "38%", "40", "31%", "40", "31%", "130"]
    near = rows(printed, "frames from a true transition")
    assert near[0][:3] == ["0", "16", "0.250"]
    assert near[0][3].count("█") == round(30 * 0.25)
    onsets = rows(printed, "F1 within")
    assert onsets[0][:2] == ["onsets, mean", "0.250"]
    assert onsets[3][0] == "· other (in no mean)"
    assert onsets[1][-2:] == ["6", "10"]
    hardest = rows(printed, "recordings, the hardest first")
    assert [row[:2] for row in hardest] == [
        ["hard", "one"],
        ["hard", "two"],
        ["easy", "one"],
        ["easy", "two"],
    ]


def test_any_metric_is_shown_by_part_in_the_unit_of_people() -> None:
    printed = explain(made(), "bout_rate_error")
    assert "Bout rate error, per minute, 1.0" in printed
    assert rows(printed, "Bout rate error, per minute by part")[0][:2] == ["annotator 1", "0.5"]
    assert rows(by_part(made(), "accuracy"), "Accuracy by part")[1] == [
        "annotator 2",
        "0.938",
        "0.625 – 1.250",
    ]
    assert rows(by_part(made()), "F1 by part")[0][-3:] == ["0.500", "–", "0.900"]


def test_one_part_alone() -> None:
    printed = explain(made(), part="two")
    assert rows(printed, "true class")[0][-1] == "65"
    assert len(rows(printed, "recordings, the hardest first")) == 2
    assert explanation(made(), "two")["confusion"][0] == [25.0, 20.0, 20.0]


def test_json_has_what_the_tables_show() -> None:
    found = json.loads(json.dumps(explanation(made()), allow_nan=False))
    assert found["boundary"]["all"]["frames"][0] == 16
    assert found["boundary"]["all"]["bands"]["at a transition"] == 0.25
    assert found["boundary"]["mount"]["accuracy"] == [None] * 32
    assert found["edges"]["onset"]["predicted"] == {"attack": 10.0, "mount": 4.0, "other": 10.0}
    assert [row["id"] for row in found["recordings"]] == ["easy", "hard"] * 2


def test_names_that_do_not_exist_are_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'accuracy'"):
        explain(made(), "acuracy")
    with pytest.raises(UsageError, match="no part 'three'"):
        explain(made(), part="three")


def test_without_details_the_rest_is_explained_and_json_is_refused() -> None:
    bare = made(details={})
    assert "score it again" in explain(bare)
    assert rows(explain(bare), "by class")
    with pytest.raises(UsageError, match="before details were kept"):
        explanation(bare)
    segments = made(details={}, task=task(kind="segments", parts=PARTS, metrics=METRICS))
    assert "holds no frames to look at" in explain(segments)


def test_all_numbers_are_printed_by_family_and_by_part() -> None:
    printed = result_text(made(), every=True)
    lines = printed.split("\n")
    heads = [k for k, line in enumerate(lines) if line in ("frames", "agreement", "onsets", "ethogram")]
    assert [lines[k] for k in heads] == ["frames", "agreement", "onsets", "ethogram"]
    assert [lines[k + 1].split("  ")[1] for k in heads] == [
        "F1",
        "Accuracy",
        "Onset error, frames",
        "Bout rate error, per minute",
    ]
    assert [row[1:] for row in rows(printed, "by part")] == [
        ["0.250", "0.750"],
        ["0.312", "0.938"],
        ["1.5", "4.5"],
        ["0.5", "1.5"],
    ]
    assert "more numbers" not in printed
    assert rows(result_text(made()), "F1 by part")[0][0] == "annotator 1"


def test_the_command_reads_the_result_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "TASKS", (*datasets.TASKS, toy_task()))
    scored = toy_result(toy_task(), id_="a")
    write(scored, tmp_path)
    run = CliRunner().invoke
    shown = run(cli, ["explain", "toy", "submissions/a", "--results", str(tmp_path)])
    assert shown.exit_code == 0
    assert shown.output == explain(scored) + "\n"
    as_json = run(cli, ["explain", "toy", "a", "--results", str(tmp_path), "--json"])
    assert json.loads(as_json.output) == explanation(scored)
    wrong = run(cli, ["explain", "toy", "b", "--results", str(tmp_path)])
    assert isinstance(wrong.exception, UsageError)
    assert "did you mean 'toy--a'" in str(wrong.exception)
    assert "bench evaluate submissions/b --task toy" in str(wrong.exception)
    turned = run(cli, ["explain", "submissions/a", "toy", "--results", str(tmp_path)])
    assert "next: bench explain toy a" in str(turned.exception)


def test_many_classes_stand_below_each_other() -> None:
    names = [f"behaviour {k}" for k in range(9)]
    own = full(0.5, per_class=dict.fromkeys(names, 0.25))
    wide = made(
        task=task(parts=PARTS, metrics=METRICS[:1], classes=names, background=None),
        scores={"f1": own},
        support=dict.fromkeys(names, 7),
        details=details(names, ("one", "two")),
    )
    printed = explain(wide)
    matrix = rows(printed, "true class")
    assert matrix[0] == ["1 behaviour 0", "14%", *["11%"] * 8, "370"]
    assert [row[0] for row in rows(printed, "accuracy by class")] == names
    assert rows(printed, "F1 by part")[0] == ["value", "0.250", "0.750"]
    assert rows(printed, "F1 by part")[2] == ["behaviour 0", "0.250", "0.250"]
    assert len(rows(printed, "frames from a true transition")[0]) == 4
    assert max(map(len, printed.split("\n"))) < 120
