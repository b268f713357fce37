"""The front of the package, `import bench`: what it shows, and what it takes."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import bench
from bench import datasets
from bench.cli import cli
from bench.datasets import get_task
from bench.errors import DataError, SubmissionError, UsageError
from bench.metrics import DETECTION_METRICS, NAMED_CLUSTER_METRICS
from bench.recordings import Detections
from bench.store import pull_simulated
from bench.tasks import NAMED_IN_TRAINING, WHOLE_RECORDINGS, Part, Task
from tests.made_up import read

README = (Path(__file__).parent.parent / "README.md").read_text()
DEMO = get_task("demo-7x90")
IDS = DEMO.load_split().ids("all", "test")
SPLIT = DEMO.load_split()
ANSWERED = [*SPLIT.ids("all", "train"), *IDS]
"""By a task of clusters."""
KINDS: dict[str, Task] = {
    "frames": replace(DEMO, name="turned", classes=("mount", "other", "attack", "investigation")),
    "overlapping": replace(
        DEMO, name="overlapping", classes=("mount", "attack"), background=None, exclusive=False
    ),
    "parts": replace(
        DEMO,
        name="parts",
        split=replace(SPLIT, parts=dict.fromkeys(("one", "other"), SPLIT.parts["all"])),
        parts=(Part("one", "One"), Part("other", "Other")),
    ),
    "segments": replace(
        DEMO,
        name="bouts",
        kind="segments",
        classes=("mount", "attack", "investigation"),
        background=None,
        metrics=DETECTION_METRICS,
        protocol=WHOLE_RECORDINGS,
    ),
    "clusters": replace(
        DEMO,
        name="pieces",
        kind="clusters",
        metrics=NAMED_CLUSTER_METRICS,
        protocol=NAMED_IN_TRAINING,
    ),
}
"""A task of each kind on the simulated mice, by names that `bench.load_task` is made to know."""


@pytest.fixture
def toys(bench_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Import the simulated mice, name the toy tasks, and stand in an empty folder."""
    pull_simulated(DEMO.dataset)
    monkeypatch.setattr(datasets, "TASKS", (*datasets.TASKS, *KINDS.values()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def python_of(page: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return code


def perfect(task: bench.TaskData) -> dict[str, np.ndarray]:
    return {r.id: r.labels.astype(np.float64) for r in task.recordings("test", poses=False)}


# --- What it shows -----------------------------------------------------------------------------------------


def test_the_front_is_what_it_lists_and_each_name_is_documented() -> None:
    code = "import bench; print([n for n in dir(bench) if not n.startswith('_')] == sorted(bench.__all__))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"True\n"
    for name in bench.__all__:
        assert inspect.getdoc(getattr(bench, name)), f"bench.{name} has no docstring"
    with pytest.raises(AttributeError, match="nothing"):
        bench.nothing  # noqa: B018


def test_importing_it_waits_for_nothing() -> None:
    code = "import sys, bench; print([m for m in ('numpy', 'pyarrow', 'bench.errors') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"[]\n"


def test_the_python_of_the_readme_runs(toys: Path) -> None:
    section = README.split("## From Python")[1].split("\n## ")[0]
    code = python_of(section).replace('"demo"', f'"{DEMO.name}"')
    anything = README.split("## Score anything")[1].split("\n## ")[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    for entry in ("mymodel", "prior"):
        command("new", f"submissions/{entry}", "--task", DEMO.name)
    exec(python_of(Path("submissions/prior/README.md").read_text()), {})  # noqa: S102
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102
    assert names["result"].task["name"] == DEMO.name
    np.savez("truth.npz", m1=np.arange(60) // 9 % 3, m2=np.arange(41) // 7 % 3)
    np.savez("scores.npz", m1=np.eye(3)[np.arange(60) // 9 % 3], m2=np.eye(3)[np.arange(41) // 6 % 3])
    exec(python_of(anything), names)  # noqa: S102
    assert 0 < names["found"].scores["f1"].value < 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_python_of_the_scaffold_runs_as_it_stands(kind: str, toys: Path) -> None:
    task = KINDS[kind]
    command("new", "submissions/mine", "--task", task.name)
    exec(python_of(Path("submissions/mine/README.md").read_text()), {})  # noqa: S102
    command("evaluate", "submissions/mine", "--results", "results")
    result = read(toys / "results" / f"{task.name}--mine.json")
    assert result.task["classes"] == list(task.classes)
    assert list(result.scores[task.metrics[0].name].per_run) == ["seed0"]
    (again,) = bench.evaluate("submissions/mine")
    assert again.digest() == result.digest()


# --- What it takes -----------------------------------------------------------------------------------------


def as_lists(scores: np.ndarray, classes: tuple[str, ...]) -> Any:
    return scores.tolist()


def as_table(scores: np.ndarray, classes: tuple[str, ...]) -> Any:
    """Turn the columns around: a table goes by its names."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(scores, columns=list(classes))[list(reversed(classes))]
    return table.assign(recording="mine", frame=range(len(table)))


def as_numbered_table(scores: np.ndarray, classes: tuple[str, ...]) -> Any:
    return pytest.importorskip("pandas").DataFrame(scores)


def as_tensor(scores: np.ndarray, classes: tuple[str, ...]) -> Any:
    return pytest.importorskip("torch").tensor(scores, requires_grad=True)


def as_half_tensor(scores: np.ndarray, classes: tuple[str, ...]) -> Any:
    torch = pytest.importorskip("torch")
    return torch.tensor(scores, dtype=torch.bfloat16)


def as_booleans(scores: np.ndarray, classes: tuple[str, ...]) -> Any:
    return scores.astype(bool)


FORMS = (as_lists, as_table, as_numbered_table, as_tensor, as_half_tensor, as_booleans)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_scores_may_come_in_any_form(form: Callable[..., Any], toys: Path) -> None:
    task = bench.load_task("turned")
    scores = perfect(task)
    plain = bench.write_run("plain", task, "seed3", {"all": scores})
    turned = {id_: form(array, task.classes) for id_, array in scores.items()}
    path = bench.write_run(toys / "other", "turned", 3, turned)
    assert path == toys / "other" / "turned" / "seed3.npz"
    assert path.read_bytes() == plain.read_bytes()


def test_what_is_handed_out_is_right_when_it_is_handed_in(toys: Path) -> None:
    command("new", "submissions/mine", "--task", "turned")
    task = bench.load_task("turned")
    bench.write_run("submissions/mine", task, 0, perfect(task))
    (result,) = bench.evaluate("submissions/mine", "turned")
    assert result.scores["f1"].value == 1.0


def test_detections_may_be_rows_or_arrays(toys: Path) -> None:
    task = bench.load_task("bouts")
    rows: dict[str, Any] = {id_: [] for id_ in IDS}
    rows[IDS[0]] = [
        {"segment": (np.float32(0.5), 2), "label": "attack", "score": np.int64(3)},
        {"segment": [0.25, 1.5], "label": "mount", "score": 0.5},
    ]
    nothing = Detections(np.empty((0, 2)), np.empty(0, dtype=np.int64), np.empty(0))
    arrays = dict.fromkeys(IDS, nothing)
    arrays[IDS[0]] = Detections(np.array([[0.5, 2.0], [0.25, 1.5]]), np.array([1, 0]), np.array([3.0, 0.5]))
    one, other = bench.write_run("a", task, 0, rows), bench.write_run("b", task, 0, {"all": arrays})
    assert one == Path("a/bouts/seed0.json")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("form", [np.uint8, np.ndarray.tolist, "tensor", "column"])
def test_clusters_may_come_in_any_form_of_whole_numbers(form: Any, toys: Path) -> None:
    def turned(ids: np.ndarray) -> Any:
        if form == "tensor":
            return pytest.importorskip("torch").tensor(ids)
        return pytest.importorskip("pandas").Series(ids) if form == "column" else form(ids)

    ids = {id_: np.arange(90) // 7 for id_ in ANSWERED}
    plain = bench.write_run("plain", "pieces", 0, ids)
    other = bench.write_run("other", "pieces", 0, {id_: turned(array) for id_, array in ids.items()})
    assert other == Path("other/pieces/seed0.npz")
    assert other.read_bytes() == plain.read_bytes()


def numbered(*shape: int, dtype: Any = np.int64) -> dict[str, Any]:
    return {id_: np.zeros(shape, dtype=dtype) for id_ in ANSWERED}


def shaped(*shape: int) -> dict[str, Any]:
    return {id_: np.full(shape, 0.25) for id_ in IDS}


def one_row(**changes: Any) -> dict[str, Any]:
    row = {"segment": [0.5, 1.0], "label": "mount", "score": 1.0, **changes}
    return {id_: [row] for id_ in IDS}


FIRST = IDS[0]
REFUSED: dict[str, tuple[str, object, tuple[str, ...]]] = {
    "too few frames": ("turned", shaped(89, 4), (f"all/{FIRST}", "89 frames", "expected 90")),
    "transposed": ("turned", shaped(4, 90), (f"all/{FIRST}", "(4, 90)", "(90, 4)", "scores.T")),
    "one column": ("turned", shaped(90, 1), ("1 columns, expected 4: mount, other, attack, investigation",)),
    "hard labels": ("turned", shaped(90), (f"all/{FIRST}", "(90,)", "(90, 4)")),
    "texts": ("turned", {id_: [["a"]] for id_ in IDS}, (f"all/{FIRST}", "expected numbers")),
    "ragged": ("turned", {id_: [[1.0], [1.0, 2.0]] for id_ in IDS}, (f"all/{FIRST}", "no array")),
    "not a number": ("turned", shaped(90, 4) | {FIRST: np.full((90, 4), np.nan)}, (FIRST, "NaN", "mount")),
    "too large": ("turned", {id_: np.full((90, 4), 1e300) for id_ in IDS}, (f"all/{FIRST}", "infinite")),
    "a recording missing": (
        "turned",
        {FIRST: np.zeros((90, 4))},
        (f"all/{IDS[1]} is missing", "90"),
    ),
    "an unknown recording": (
        "turned",
        {**shaped(90, 4), "mouse999": np.zeros((90, 4))},
        ("all/'mouse999' is not a test recording",),
    ),
    "a training recording": (
        "turned",
        {id_: np.zeros((90, 4)) for id_ in ANSWERED},
        (f"all/{ANSWERED[0]!r} is a training recording, not scored", "next: ", "recordings(SUBSET)"),
    ),
    "detections of a training recording": (
        "bouts",
        {id_: [] for id_ in ANSWERED},
        (f"all/{ANSWERED[0]!r} is a training recording, not scored",),
    ),
    "a recording that neither trains nor is tested": (
        "pieces",
        numbered(90) | {"mouse999": np.zeros(90, int)},
        ("all/'mouse999' is not a training or test recording",),
    ),
    "an unknown part": ("turned", {"al": shaped(90, 4)}, ("part 'al'", "did you mean 'all'", "expected all")),
    "unknown parts": ("parts", {"two": shaped(90, 4)}, ("part 'two'", "expected one, other")),
    "no parts": ("parts", shaped(90, 4), ("part", "one, other", FIRST)),
    "no probability": ("overlapping", shaped(90, 2) | {FIRST: np.full((90, 2), 7)}, (FIRST, "above one")),
    "no recording": ("turned", {}, (f"all/{FIRST} is missing",)),
    "an unknown label": ("bouts", one_row(label="mounts"), (f"all/{FIRST}", "did you mean 'mount'")),
    "ends before its start": ("bouts", one_row(segment=[2.0, 1.0]), (f"all/{FIRST}", "end is not after")),
    "beyond the recording": ("bouts", one_row(segment=[2.0, 99.0]), (f"all/{FIRST}", "lasts 3.000 s")),
    "no score": ("bouts", {id_: [{"segment": [0, 1], "label": "mount"}] for id_ in IDS}, ("no score",)),
    "no rows": ("bouts", dict.fromkeys(IDS, 3), (f"all/{FIRST}", "int", "Detections or a list of rows")),
    "an index": (
        "bouts",
        dict.fromkeys(IDS, Detections(np.array([[0.0, 1.0]]), np.array([3]), np.array([1.0]))),
        (f"all/{FIRST}", "label 3", "0 to 2"),
    ),
    "tests alone": ("pieces", {id_: np.zeros(90, int) for id_ in IDS}, (f"all/{ANSWERED[0]} is missing",)),
    "scores for clusters": ("pieces", numbered(90, dtype=float), (f"all/{FIRST}", "float64", "whole number")),
    "one-hot clusters": ("pieces", numbered(90, 4), (f"all/{FIRST}", "(90, 4)", "(90,)")),
    "a cluster too few": ("pieces", numbered(89), (f"all/{FIRST}", "89 frames", "expected 90")),
    "missing detections": ("bouts", {}, (f"all/{FIRST} is missing", "empty list")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_run_cannot_hold_is_refused_with_place_found_and_expected(case: str, toys: Path) -> None:
    task, predictions, pieces = REFUSED[case]
    with pytest.raises(SubmissionError) as caught:
        bench.write_run("mine", task, 0, predictions)
    for piece in pieces:
        assert piece in str(caught.value)
    assert not Path("mine").exists()


def test_columns_that_are_not_the_classes_are_refused(toys: Path) -> None:
    pandas = pytest.importorskip("pandas")
    wrong = pandas.DataFrame(np.zeros((90, 4)), columns=["a", "b", "c", "mount"])
    with pytest.raises(SubmissionError, match="'a', 'b', 'c', 'mount'; expected mount, other"):
        bench.write_run("mine", "turned", 0, dict.fromkeys(IDS, wrong))


def test_names_that_do_not_exist_are_refused(toys: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'turned'"):
        bench.write_run("mine", "turnd", 0, shaped(90, 4))
    with pytest.raises(SubmissionError, match="run 'Seed 0'"):
        bench.write_run("mine", "turned", "Seed 0", shaped(90, 4))
    with pytest.raises(DataError, match="bench pull"):
        bench.write_run("mine", "demo-9x80", 0, {})


# --- How it looks ------------------------------------------------------------------------------------------


def test_a_result_and_a_task_are_short_in_a_notebook_and_escaped(toys: Path) -> None:
    command("new", "submissions/mine", "--task", "turned")
    card = Path("submissions/mine/submission.toml")
    card.write_text(card.read_text().replace('name = "mine"', 'name = "<b>mine</b>"'))
    task = bench.load_task("turned")
    bench.write_run("submissions/mine", task, 0, perfect(task))
    (result,) = bench.evaluate("submissions/mine")
    assert repr(result) == "<result mine on turned: F1 1.000 (–); 2 recordings>"
    page = result._repr_html_()
    assert "&lt;b&gt;mine&lt;/b&gt; on turned, simulated: 2 recordings" in page
    assert page.count("<tr>") == 5
    assert "<b>" not in page
    odd = bench.TaskData(replace(task.task, question="What <i>is</i> it?"), task.split)
    assert "What &lt;i&gt;is&lt;/i&gt; it? Classes: mount, other, attack, investigation." in odd._repr_html_()
    assert "<td>all</td><td>4</td><td>1</td><td>2</td>" in odd._repr_html_()
    compared = bench.compare("submissions/mine", "submissions/mine", "turned")
    assert repr(compared) == "<comparison mine minus mine on turned: F1 0.000 (–), p 1.000>"
