"""Scoring a folder from Python: the same result as the command writes, and nothing written."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import numpy as np
import pytest
from click.testing import CliRunner

from bench import results, store, submitting
from bench.cli import cli
from bench.datasets import demo
from bench.errors import DataError, SubmissionError, UsageError
from bench.results import Result
from bench.submissions import write_run
from tests.made_up import read


@pytest.fixture
def entry(bench_home: Path, tmp_path: Path) -> Path:
    """Write an entry that answers `demo` with the truth, seen through a little noise."""
    store.pull_simulated(demo.TASK.dataset)
    folder = tmp_path / "mine"
    assert CliRunner().invoke(cli, ["new", str(folder), "--task", "demo"]).exit_code == 0
    draw = np.random.default_rng(3)
    scores = {}
    for id_, recording in submitting.recordings_to_answer(demo.TASK).items():
        noisy = recording.labels + draw.uniform(0, 1.5, recording.labels.shape)
        scores[id_] = (noisy / noisy.sum(axis=1, keepdims=True)).astype(np.float32)
    write_run(folder, "demo", "seed0", {"all": scores})
    return folder


def test_a_folder_is_scored_as_the_command_scores_it(entry: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    (result,) = submitting.evaluate(str(entry))
    assert sorted(tmp_path.rglob("*")) == before
    done = CliRunner().invoke(cli, ["evaluate", str(entry), "--results", str(tmp_path / "results")])
    assert done.exit_code == 0, done.output
    written = read(tmp_path / "results" / "demo--mine.json")
    assert written.digest() == result.digest()
    assert 0.5 < result.scores["f1"].value < 1


def test_two_entries_of_one_name_at_one_moment(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked at what is there before one writes, unless one waits for the other."""
    (result,) = submitting.evaluate(entry)
    names = [{"name": word, "authors": [word]} for word in ("first", "second")]
    rivals = [replace(result, entry=result.entry | name) for name in names]
    looked, check = Barrier(2), submitting.replaced_result

    def slow(*arguments: object, **options: object) -> str:
        note = check(*arguments, **options)  # type: ignore[arg-type]
        with suppress(BrokenBarrierError):
            looked.wait(timeout=0.3)
        return note

    def write(rival: Result) -> str:
        try:
            submitting.write_results(entry, [rival], tmp_path / "results")
        except UsageError as fault:
            return fault.title
        return "wrote"

    monkeypatch.setattr(submitting, "replaced_result", slow)
    with ThreadPoolExecutor(2) as pool:
        done = sorted(pool.map(write, rivals))
    assert "nothing was written" in done[0]
    assert done[1] == "wrote"
    assert [path.name for path in (tmp_path / "results").glob("*.json")] == ["demo--mine.json"]


def test_a_submission_is_read_with_the_recordings_that_it_answers(entry: Path) -> None:
    (submitted,) = submitting.read_submission(entry, "demo")
    assert set(submitted.recordings) == set(demo.TASK.load_split().ids("all", "test"))
    assert submitted.summary == ""
    assert submitted.side.title == submitted.entry.name


def test_an_entry_differs_from_itself_by_nothing(entry: Path) -> None:
    (submitted,) = submitting.read_submission(entry)
    found = submitting.compare_submitted(submitted, submitted)
    assert {row.metric for row in found.differences} == {metric.name for metric in demo.TASK.metrics}
    assert {row.difference for row in found.differences if not np.isnan(row.difference)} == {0.0}
    assert "changed" not in submitting.comparison_json(found)


def test_what_is_not_at_hand_is_named_with_the_command_that_makes_it(entry: Path, tmp_path: Path) -> None:
    other, folder = tmp_path / "gbdt", tmp_path / "results"
    shutil.copytree(entry, other)
    shutil.rmtree(other / "demo")
    with pytest.raises(DataError, match="cannot be compared on demo") as fault:
        submitting.compare(entry, other, "demo", folder)
    assert any(str(other / "demo") in problem for problem in fault.value.problems)
    assert f"bench evaluate {entry} --task demo" in (fault.value.hint or "")
    assert f"bench train gbdt --task demo --out {other}" in (fault.value.hint or "")
    done = CliRunner().invoke(
        cli, ["compare", str(entry), str(other), "--task", "demo", "--results", str(folder)]
    )
    assert isinstance(done.exception, DataError)
    with pytest.raises(SubmissionError):
        submitting.compare(entry, tmp_path / "nowhere", "demo", folder)


def without_predictions(entry: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """Score two entries, then take their predictions away; return both and the folder of results."""
    other = tmp_path / "other"
    shutil.copytree(entry, other)
    with np.load(entry / "demo" / "seed0.npz") as arrays:
        moved = {name.partition("/")[2]: np.roll(arrays[name], 5, axis=0) for name in arrays.files}
    (other / "demo" / "seed0.npz").unlink()
    write_run(other, "demo", "seed0", {"all": moved})
    folder = tmp_path / "results"
    for path in (entry, other):
        results.write(submitting.evaluate(path)[0], folder)
    return entry, other, folder


def test_two_results_are_compared_without_predictions(entry: Path, tmp_path: Path) -> None:
    one, other, folder = without_predictions(entry, tmp_path)
    assert submitting.compare_results(one, other, "demo", folder) is None, "the predictions are at hand"
    expected = {row.metric: row for row in submitting.compare(one, other, "demo", folder).differences}
    shutil.rmtree(other / "demo")
    found = submitting.compare(one, other, "demo", folder)
    assert found.source == "results"
    assert [row.metric for row in found.differences] == list(expected)
    counted = [row for row in found.differences if row.method == "swap"]
    assert {"f1", "accuracy", "recall", "precision", "cohen_kappa"} <= {row.metric for row in counted}
    assert [repr(row) for row in counted] == [repr(expected[row.metric]) for row in counted]
    for row in found.differences:
        assert row.difference == pytest.approx(expected[row.metric].difference, nan_ok=True, abs=1e-12)
    asked = ["compare", str(one), str(other), "--task", "demo", "--results", str(folder)]
    printed = CliRunner().invoke(cli, asked).output
    assert "jackknife t: from the differences without each of 6 groups" in printed
    assert '"source": "results"' in CliRunner().invoke(cli, [*asked, "--json"]).output


def test_a_result_that_counts_no_recordings_cannot_be_compared(entry: Path, tmp_path: Path) -> None:
    one, other, folder = without_predictions(entry, tmp_path)
    path = folder / "demo--other.json"
    held = json.loads(path.read_bytes())
    for part in held["details"]["parts"].values():
        del part["categories"], part["recordings"]["counts"], part["recordings"]["group"]
    for score in held["scores"].values():
        del score["left_out"]
    del held["digest"], held["group_frames"]
    path.write_bytes(results.canonical(held | {"format": 1}))
    shutil.rmtree(other / "demo")
    with pytest.raises(DataError) as caught:
        submitting.compare(one, other, "demo", folder)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("bench evaluate submissions/other --task demo")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [path.name]
    held["scores"]["f1"]["value"] = 1.5
    path.write_bytes(results.canonical(held | {"format": 1}))
    with pytest.raises(DataError, match=r"scores\.f1\.value: 1\.5"):
        submitting.compare(one, other, "demo", folder)


def test_faults_are_raised_before_anything_is_scored(entry: Path) -> None:
    with pytest.raises(UsageError):
        submitting.evaluate(entry, "nothing")
    (entry / "demo" / "seed0.npz").write_bytes(b"no archive")
    with pytest.raises(SubmissionError):
        submitting.evaluate(entry)
