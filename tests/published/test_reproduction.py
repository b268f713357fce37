"""Reproducing published tables: ours beside theirs, what is trained for it, and what cannot be."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from baselines.reproduction.jobs import baseline_of, entry_name, missing_data
from bench import cli as command
from bench.datasets import get_task
from bench.errors import BenchError, DataError, UsageError
from bench.evaluation import Values
from bench.published import (
    Job,
    Number,
    compare,
    get_table,
    jobs,
    jobs_of,
    read_published,
    tables_of,
    why_not,
)
from bench.published.tables import COLUMNS
from bench.store import pull_simulated
from bench.text import compared_text

NUMBERS = read_published()
TASK1, TASK2 = get_task("calms21-task1"), get_task("calms21-task2")


def number(table: str, row: str, column: str) -> Number:
    (found,) = [n for n in get_table(NUMBERS, table) if (n.row.row, n.column) == (row, column)]
    return found


def values(runs: int, parts: int, classes: int) -> Values:
    """Return values: runs differ by .01, parts by .02, the mean and the classes by .1."""
    runs_, parts_, columns = np.ogrid[:runs, :parts, : 1 + classes]
    return Values(0.5 + 0.01 * runs_ + 0.02 * parts_ + 0.1 * columns)


def test_a_headline_is_the_mean_over_parts_and_runs() -> None:
    cell = number("calms21-3", "Baseline", "Average F1")
    found = compare(cell, TASK2, values(3, 5, 4))
    assert found.value == pytest.approx(0.5 + 0.01 + 0.04)
    assert found.spread == pytest.approx(np.std([0.0, 0.01, 0.02]))
    assert (found.runs, found.yardstick) == (3, "published")
    assert found.difference == pytest.approx(0.55 - 0.754)
    assert found.deviations == pytest.approx((0.55 - 0.754) / 0.005)


def test_a_part_and_a_class_are_taken_by_name() -> None:
    cell = number("calms21-9", "Baseline", "Annotator 4, Investigation F1")
    assert compare(cell, TASK2, values(2, 5, 4)).value == pytest.approx(0.5 + 0.005 + 0.06 + 0.2)


def test_a_spread_over_folds_meets_ours_over_folds() -> None:
    ratsi = get_task("ratsi")
    mean = compare(number("msgl-8", "Mean", "F1"), ratsi, values(1, 9, 5))
    assert mean.spread == pytest.approx(np.std(0.02 * np.arange(9)))
    assert mean.deviations == pytest.approx(mean.difference / 0.047)
    fold = compare(number("msgl-8", "3 9", "F1"), ratsi, values(1, 9, 5))
    assert fold.value == pytest.approx(0.52)
    assert math.isnan(fold.spread)
    assert fold.yardstick == ""
    assert math.isnan(fold.deviations)


def test_where_nothing_is_printed_our_own_spread_measures() -> None:
    task = get_task("calms21-task1-msgl")
    found = compare(number("msgl-13", "TCN", "Accuracy"), task, values(5, 1, 0))
    assert found.yardstick == "ours"
    assert found.deviations == pytest.approx(found.difference / np.std(0.01 * np.arange(5)))
    assert "of our ±" in compared_text([found])


def test_one_seed_without_any_spread_says_what_gives_one() -> None:
    task, said = get_task("calms21-task1-msgl"), "One seed has no ±: --seeds 5 gives ours"
    cell = number("msgl-13", "TCN", "Accuracy")
    text = compared_text([compare(cell, task, values(1, 1, 0))])
    assert text.endswith(said)
    assert "no ± on either side" in text
    assert said not in compared_text([compare(cell, task, values(5, 1, 0))])
    published = compare(number("calms21-1", "LSTM", "MAP"), TASK1, values(1, 1, 4))
    assert said not in compared_text([published])


def test_lines_of_variants_say_whose_they_are() -> None:
    task = get_task("calms21-task1-msgl")
    row = compare(number("msgl-13", "TCN", "Accuracy"), task, values(5, 1, 0))
    assert "msgl_tcn" not in compared_text([row])
    text = compared_text([row, replace(row, variant="msgl_tcn_plain")])
    assert "msgl_tcn, expected" in text
    assert "msgl_tcn_plain, a variant" in text


def test_what_the_truth_leaves_undefined_is_no_zero() -> None:
    cell = number("calms21-9", "Baseline", "Annotator 1, Attack F1")
    undefined = values(2, 5, 4)
    undefined.array[:, 0] = np.nan
    found = compare(cell, TASK2, undefined)
    assert math.isnan(found.value)
    assert "undefined" in found.reason
    headline = compare(number("calms21-3", "Baseline", "Average F1"), TASK2, undefined)
    assert headline.value == pytest.approx(0.5 + 0.005 + 0.05)  # over the four parts that define it


def test_jobs_are_the_papers_models_and_seeds() -> None:
    first = get_table(NUMBERS, "calms21-1")
    assert [job.model for job in jobs(first)] == ["fc", "lstm", "self_attention", "conv1d"]
    assert jobs(first)[0] == Job("fc", None, "calms21-task1", (42, 43, 44, 45, 46))
    assert jobs(first, 2)[0].seeds == (42, 43)
    assert jobs(first, 7)[0].seeds == tuple(range(42, 49))
    assert [entry_name(job) for job in jobs(get_table(NUMBERS, "msgl-7"))] == [
        "msgl_window20",
        "msgl",
        "msgl_window50",
    ]
    assert len(jobs(get_table(NUMBERS, "msgl-17"))) == 8  # four models on two tasks
    sizes = [n for n in get_table(NUMBERS, "msgl-16") if n.metric == "parameters"]
    assert len(sizes) == 4
    assert jobs(sizes) == ()


def test_jobs_need_the_parts_of_their_numbers_alone() -> None:
    """RatSI has nine folds; what tables print of one needs one, and a mean needs all."""
    parts = {
        name: {job.parts for job in jobs(get_table(NUMBERS, name)) if job.task == "ratsi"}
        for name in ("msgl-8", "msgl-9", "msgl-10", "msgl-11", "msgl-17")
    }
    assert parts.pop("msgl-8") == {()}
    assert [len(of) for of in parts.pop("msgl-9")] == [3]
    assert set(map(tuple, parts.values())) == {(("val8-test2",),)}
    both = jobs([*get_table(NUMBERS, "msgl-10"), *get_table(NUMBERS, "msgl-8")])
    assert {job.model: job.parts for job in both}["msgl"] == ()
    assert {job.model: job.parts for job in both}["msgl_tcn"] == ("val8-test2",)


def test_no_two_jobs_of_all_tables_differ_by_seeds_alone() -> None:
    """They would be two orders for the same runs."""
    every = jobs([number for number in NUMBERS if number.row.model], variants=True)
    assert len({(job.model, job.past, job.task) for job in every}) == len(every)


def test_variants_come_after_the_model_that_is_expected() -> None:
    table = get_table(NUMBERS, "msgl-13")
    assert [job.model for job in jobs(table)] == ["msgl_tcn", "msgl_lstm", "msgl_bilstm", "msgl"]
    of = jobs_of(table, variants=True)
    assert [job.model for job in of[number("msgl-13", "TCN", "Accuracy")]] == ["msgl_tcn", "msgl_tcn_plain"]
    assert [job.model for job in of[number("msgl-13", "LSTM", "Accuracy")]] == ["msgl_lstm"]
    window = jobs_of(get_table(NUMBERS, "msgl-7"), variants=True)
    names = [entry_name(job) for job in window[number("msgl-7", "T = 20", "Accuracy")]]
    assert names == ["msgl_window20", "msgl_as_described_window20"]


def test_another_window_is_another_model() -> None:
    job = jobs(get_table(NUMBERS, "msgl-7"))[0]
    made = baseline_of(job)
    assert (made.recipe.past, made.recipe.window) == (19, 20)
    assert "20" in made.title
    assert "20" in made.description
    with pytest.raises(UsageError, match="has no window"):
        baseline_of(replace(job, model="gbdt"))


def test_why_not() -> None:
    assert why_not(number("calms21-1", "LSTM", "MAP"), TASK1) == ""
    reasons = [one for one in NUMBERS if one.row.reason]
    assert reasons
    assert all(why_not(one, TASK1) == one.row.reason for one in reasons)
    seconds = number("msgl-16", "TCN", "Time/Epoch (s)")
    assert why_not(seconds, TASK1) == (
        "seconds per epoch: no metric of the task; bench profile msgl_tcn --task calms21-task1 measures it"
    )
    assert why_not(replace(seconds, task=""), None) == "no task here asks this"


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(command.cli, ["reproduce", *arguments])


def fault(done: Result) -> BenchError:
    assert isinstance(done.exception, BenchError)
    return done.exception


def test_the_list_names_every_table_of_the_issue(bench_home: Path) -> None:
    listed = {row["name"]: row for row in json.loads(bench("--list", "--json").output)}
    assert list(listed) == [table.name for table in tables_of(NUMBERS)]
    calms21, msgl = (1, 2, 3, 4, 8, 9, 10), (7, 8, 10, 11, 13, 14, 16, 17)
    assert {f"calms21-{n}" for n in calms21} | {f"msgl-{n}" for n in msgl} <= set(listed)
    assert listed["calms21-4"]["missing"] == [
        "bench pull calms21-task3 --from FOLDER",
        "bench pull calms21 --from FOLDER",  # where it was pretrained
    ]
    assert {row["name"]: row["trainings"] for row in listed.values()}["msgl-10"] == 4
    assert listed["msgl-17"]["variants"] == {"msgl_tcn": ["msgl_tcn_plain"], "msgl": ["msgl_as_described"]}
    text = bench("--list").output
    assert re.search(r"msgl_tcn +msgl_tcn_plain +msgl-10, msgl-13, msgl-16, msgl-17\n", text + "\n")
    assert "42..46" in text
    assert "8 of 8" in text


def test_the_list_of_one_table_is_of_that_table(bench_home: Path) -> None:
    assert [row["name"] for row in json.loads(bench("--list", "calms21-4", "--json").output)] == ["calms21-4"]


def test_a_dry_run_trains_nothing(bench_home: Path, tmp_path: Path) -> None:
    done = bench("calms21-2", "--dry-run", "--seeds", "2", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert "42..43" in done.output
    assert "0 of 2" in done.output
    assert not (tmp_path / "out").exists()
    nothing = bench("vassi", "--dry-run").output
    assert "nothing to train" in nothing
    assert get_table(NUMBERS, "vassi")[0].row.reason[:30] in nothing


def test_without_recordings_it_says_which_command_gets_them(bench_home: Path, tmp_path: Path) -> None:
    done = bench("calms21-1", "--out", str(tmp_path / "out"))
    said = fault(done)
    assert isinstance(said, DataError)
    assert said.exit_code == 4
    assert said.hint == "bench pull calms21 --from FOLDER"
    assert said.problems[0] == "fc on calms21-task1"
    assert ".726 ± .004" in done.output


def test_labels_without_poses_train_nothing(
    tiny: Path, bench_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prior needs no poses, a network does; and a store may lack recordings altogether."""
    task = get_task("demo-8x240")
    pull_simulated(task.dataset)
    path = bench_home / task.dataset.name / "manifest.json"
    held = json.loads(path.read_bytes())
    for stored in held["recordings"].values():
        stored["poses"] = False
    path.write_text(json.dumps(held))
    prior, frame = Job("prior", None, task.name, (0,)), Job("single_frame", None, task.name, (0,))
    assert missing_data(prior) == []
    assert missing_data(frame) == [f"bench pull {task.dataset.name} --replace"]
    held["recordings"].popitem()
    path.write_text(json.dumps(held))
    assert missing_data(prior) == [f"bench pull {task.dataset.name} --replace"]


def test_parameters_need_no_recordings(bench_home: Path) -> None:
    done = bench("msgl-16", "--json")
    assert done.exit_code == 0, done.output
    rows = [row for row in json.loads(done.output) if row["metric"] == "parameters"]
    assert [row["value"] for row in rows] == [30788, 57604, 147972, 285892]
    assert [row["difference"] for row in rows] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        (["calms21-11"], "no table 'calms21-11'"),
        ([], "no table named"),
        (["calms21-1", "--workers", "2", "--cluster", "tcp://here:1"], "expected one of them"),
    ],
)
def test_bad_usage(arguments: list[str], title: str) -> None:
    said = fault(bench(*arguments))
    assert isinstance(said, UsageError)
    assert title in said.title


TINY = {
    "papers": [["Toy", "Nobody 2020", "https://example.org"]],
    "tables": [["Toy", "Table 1", "toy-1", "A toy", "2", "7..8", "seeds", "Made up"]],
    "rows": [
        ["Toy", "Table 1", "Prior", "Prior", "prior", "", "", "", ""],
        ["Toy", "Table 1", "Frame", "Frame", "single_frame", "", "", "", ""],
        ["Toy", "Table 1", "Far", "Far", "prior", "", "", "", ""],
        ["Toy", "Table 1", "Oracle", "Oracle", "", "", "", "", "sees the truth"],
    ],
    "published": [
        ["Toy", "Table 1", "Prior", "Acc", "demo-8x240", "", "", "accuracy", "percent", "", "61.5", "2.5"],
        ["Toy", "Table 1", "Prior", "Loss", "demo-8x240", "", "", "loss", "share", "", "0.3", ""],
        ["Toy", "Table 1", "Frame", "Looks", "demo-8x240", "", "investigation", "f1", "share", "", ".50", ""],
        [
            "Toy",
            "Table 1",
            "Frame",
            "Size",
            "demo-8x240",
            "",
            "",
            "parameters",
            "parameters",
            "",
            "189560",
            "",
        ],
        ["Toy", "Table 1", "Far", "Acc", "ratsi", "", "", "accuracy", "share", "", ".7", ""],
        ["Toy", "Table 1", "Oracle", "Acc", "demo-8x240", "", "", "accuracy", "share", "", ".99", ".01"],
    ],
}


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a made-up table in the place of the papers'."""
    folder = tmp_path / "reference"
    folder.mkdir()
    for name, lines in TINY.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS[name].split(), *lines])
    monkeypatch.setattr("bench.published.tables.resource", lambda *_: folder)
    return folder


@pytest.mark.slow
def test_from_simulated_recordings_to_ours_beside_theirs(
    tiny: Path, bench_home: Path, tmp_path: Path
) -> None:
    """Train, score, compare; again, and nothing is trained; what lacks recordings is said."""
    pull_simulated(get_task("demo-8x240").dataset)
    out = tmp_path / "out"
    arguments = ["toy-1", "--epochs", "1", "--out", str(out)]
    refused = fault(bench(*arguments))
    assert "is not trained in epochs" in refused.title  # the prior
    shutil.rmtree(out, ignore_errors=True)

    done = bench("toy-1", "--out", str(out), "--json")
    said = fault(done)
    assert (said.exit_code, said.hint) == (4, "bench pull ratsi --from FOLDER")
    rows = {(row["row"], row["column"]): row for row in json.loads(done.stdout)}
    prior = rows["Prior", "Acc"]
    assert prior["runs"] == 2
    assert 0 < prior["value"] < 1
    assert prior["deviations"] == pytest.approx((prior["value"] - 0.615) / 0.025)
    assert rows["Frame", "Looks"]["value"] is not None
    assert rows["Frame", "Size"]["difference"] == 4
    assert rows["Far", "Acc"]["reason"] == "no recordings: bench pull ratsi --from FOLDER"
    assert rows["Oracle", "Acc"]["reason"] == "sees the truth"
    assert rows["Prior", "Loss"]["reason"] == "loss: no metric of the task"

    assert f"next: bench evaluate {out / 'single_frame'} --task demo-8x240" in done.stderr
    assert "msgl" not in done.stderr

    files = {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")}
    assert {path.name for path in files} == {"seed7.npz", "seed8.npz"}
    assert len(files) == 4
    again = bench("toy-1", "--out", str(out), "--json")
    assert json.loads(again.stdout) == json.loads(done.stdout)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")} == files

    text = bench("toy-1", "--out", str(out)).stdout
    assert "Toy, Table 1: A toy" in text
    assert "61.5 ± 2.5 %" in text
    assert "of the published ±" in text
    assert text.rstrip().endswith("Made up")
    assert "2 of 2" in bench("toy-1", "--out", str(out), "--dry-run").stdout
