"""The whole path once, through the command line: simulate, train, score, publish; and its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.verification.results import read_results

ROOT = Path(__file__).parent.parent
TASK = "demo-12x900"


def bench(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=folder,
        env={**os.environ, "BENCH_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which `bench demo` ran at a small size."""
    pytest.importorskip("torch", reason="the demo trains a convolution: pip install '.[train]'")
    folder = tmp_path_factory.mktemp("demo")
    printed = bench(folder, "demo", "--recordings", "12", "--frames", "900", "--epochs", "6").stdout
    assert "simulated" in printed
    assert printed.rstrip().endswith(str(Path("demo/leaderboard/site/index.html")))
    return folder


def test_the_convolution_beats_the_prior(demo: Path) -> None:
    conv1d, prior = read_results(demo / "demo" / "leaderboard" / "results")
    assert (conv1d.entry["id"], prior.entry["id"]) == ("conv1d", "prior")
    for metric in ("f1", "map"):
        assert conv1d.scores[metric].value > prior.scores[metric].value
    assert conv1d.truth_digest == prior.truth_digest
    assert conv1d.task["dataset"]["simulated"]


def test_the_pages_say_simulated(demo: Path) -> None:
    site = demo / "demo" / "leaderboard" / "site"
    for page in (site / "index.html", site / f"{TASK}.html"):
        assert "simulated" in page.read_text().lower()


def test_the_average_of_scores_equals_scikit_learn_on_the_same_frames(demo: Path) -> None:
    from sklearn.metrics import average_precision_score, f1_score

    from bench.datasets import get_task
    from bench.store import load

    task = get_task(TASK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(demo / "home"))
        truth = {
            r.id: task.truth(r) for r in load(task.dataset, task.load_split().ids("all", "test"), poses=False)
        }
    with np.load(demo / "demo" / "submissions" / "conv1d" / TASK / "seed0.npz") as arrays:
        scores = np.concatenate([arrays[f"all/{id_}"] for id_ in truth])
    y = np.concatenate(list(truth.values()))
    result = next(r for r in read_results(demo / "demo/leaderboard/results") if r.entry["id"] == "conv1d")
    f1 = f1_score(y.argmax(axis=1), scores.argmax(axis=1), average=None)
    ap = average_precision_score(y, scores, average=None)
    np.testing.assert_allclose(list(result.scores["f1"].per_class.values()), f1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(list(result.scores["map"].per_class.values()), ap, rtol=0, atol=1e-12)


def test_evaluating_again_gives_the_same_bytes(demo: Path) -> None:
    written = json.loads((demo / f"demo/leaderboard/results/{TASK}--prior.json").read_text())
    printed = bench(demo, "evaluate", "demo/submissions/prior", "--json", "--results", "again").stdout
    again = json.loads(printed)
    assert again.pop("provenance").keys() == written.pop("provenance").keys()
    assert again == written


def test_a_new_submission_validates_once_predictions_are_added(demo: Path) -> None:
    bench(demo, "new", "submissions/mymodel", "--task", TASK)
    wanting = bench(demo, "validate", "submissions/mymodel", code=3)
    assert "no run" in wanting.stderr
    readme = (demo / "submissions/mymodel/README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=demo,
        env={**os.environ, "BENCH_HOME": str(demo / "home")},
        check=True,
    )
    checked = bench(demo, "validate", "submissions/mymodel")
    assert "valid: mymodel" in checked.stdout
    assert "still says 'Your name'; a page would show it" in checked.stderr
    assert not bench(demo, "validate", "demo/submissions/conv1d").stderr
    assert "mymodel" in bench(demo, "evaluate", "submissions/mymodel").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["evaluate", "nowhere"], 3, "bench new nowhere --task TASK"),
        (["new", "submissions/x", "--task", "dmo"], 2, "did you mean 'demo'"),
        (["pull", "calms-21"], 2, "did you mean 'calms21'"),
        (["pull", "demo-1x1"], 2, "1 recordings, expected 4 or more"),
        (["train", "prior", "--task", "calms21"], 2, "calms21-task1, calms21-task1-msgl"),
        (["train", "prior", "--task", "calms21-unlabelled"], 2, "is a data set, no task"),
        (["profile", "prior", "--task", "demo", "--into", "x"], 2, "bench train prior --task demo --out x"),
        (["pull", "rat-dyads"], 2, "bench pull rat-dyads --from FOLDER"),
        (["pull", "rat-dyads", "--from", "nowhere"], 4, "nowhere does not exist, expected a folder"),
        (["pull", "calms21", "--from", "file"], 4, "file is a file that is no .zip, expected a folder"),
        (["train", "prior", "--task", "demo", "--device", "cuda"], 2, "runs on the CPU alone"),
        (["train", "conv2d", "--task", "demo"], 2, "did you mean 'conv1d'"),
        (["train", "prior", "--task", "demo", "--seed", "4..1"], 2, "a range such as 0..4"),
        (["train", "prior", "--task", "rat-dyads"], 4, "bench pull rat-dyads --from FOLDER"),
        (["metrics", "onset_bais"], 2, "did you mean 'onset_bias'"),
        (["publish", "--oops"], 2, "No such option"),
        (["publish"], 2, "no results in leaderboard/results"),
        (["new", "file/below", "--task", "demo"], 2, "file"),
        (["simulate", "file"], 2, "file"),
        (["compare", "a", "b", "--task", "demo"], 3, "bench new a --task TASK"),
    ],
)
def test_faults_say_what_to_type_next(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert says in bench(tmp_path, *arguments, code=code).stderr


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    said = bench(tmp_path, "pull", "demo", code=2)
    assert f"{tmp_path / 'home'}: cannot be read or written" in said.stderr
    assert "next: set BENCH_HOME to a folder that can be written" in said.stderr


def test_publish_writes_over_nobody_elses_page(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>my thesis</p>")
    results = str(demo / "demo/leaderboard/results")
    said = bench(tmp_path, "publish", "--results", results, "--out", ".", code=2).stderr
    assert "index.html would be written over" in said
    assert (tmp_path / "index.html").read_text() == "<p>my thesis</p>"
    assert not (tmp_path / f"{TASK}.html").exists()
    said = bench(tmp_path, "publish", "--results", results, "--out", "index.html", code=2).stderr
    assert "index.html is a file, expected a folder" in said
    assert "--out" in said


def test_pages_show_rates_per_minute_and_infinity(demo: Path) -> None:
    page = (demo / "demo/leaderboard/site" / f"{TASK}.html").read_text()
    assert "per minute" in page
    assert "∞" in page
    assert "per frame" not in page


def test_two_entries_are_compared(demo: Path) -> None:
    entries = ("demo/submissions/conv1d", "demo/submissions/prior")
    rows = json.loads(bench(demo, "compare", *entries, "--task", TASK, "--json").stdout)["metrics"]
    f1 = next(row for row in rows if row["metric"] == "f1")
    assert f1["difference"] > 0
    assert f1["reason"].startswith("4 groups")
    assert "difference" in bench(demo, "compare", *entries, "--task", TASK).stdout


def test_lists(tmp_path: Path) -> None:
    assert "bench pull calms21 --from FOLDER" in bench(tmp_path, "tasks").stdout
    assert "2 TP / (2 TP + FP + FN)" in bench(tmp_path, "metrics", "f1").stdout
    assert bench(tmp_path, "metrics", "--all").stdout.count("higher is better") > 20
    assert "\nf1 " in bench(tmp_path, "metrics").stdout


def test_every_command_is_in_the_readme_or_the_changelog() -> None:
    from bench.cli import cli

    documents = (ROOT / "README.md").read_text() + (ROOT / "CHANGELOG.md").read_text()
    for name, command in cli.commands.items():
        assert command.help, f"bench {name} has no help"
        assert f"bench {name}" in documents or f"`{name}`" in documents, f"bench {name} is nowhere described"
