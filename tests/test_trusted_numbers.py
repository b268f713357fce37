"""What `bench evaluate` believes, and what it writes over: labels, code, runs and results of others."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bench import closure, store, submitting
from bench.cli import cli
from bench.datasets import demo, get_task
from bench.errors import DataError, UsageError
from bench.recordings import Recording
from bench.results import canonical, digest_of, to_json
from bench.submissions import Entry, TaskCard, write_card
from bench.tasks import Task
from bench.verification.results import check_result, read_result

TASK = get_task("demo-6x80")
DEMO = get_task("demo")
"""Its labels are frozen; it takes longer to score."""
RUNS = ("seed0", "seed1")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the recordings of the demo."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_HOME", str(folder))
        store.pull_simulated(TASK.dataset)
    return folder


@pytest.fixture
def here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def card(task: Task) -> TaskCard:
    return TaskCard(task.classes, "scores", "It guesses.", "none", False)


def entry(
    path: Path, *, seeds: tuple[int, ...] = (0, 1), name: str = "Mine", author: str = "A. Mouse"
) -> Path:
    """Write an entry with a run of every seed; the same seed gives the same predictions."""
    write_card(path, Entry(path.name, name, (author,), "MIT", {TASK.name: card(TASK)}))
    for run, seed in zip(RUNS, seeds, strict=False):
        drawn = np.random.default_rng(seed)
        lengths = submitting.lengths(TASK, submitting.recordings_to_answer(TASK))["all"]
        answers = {id_: drawn.random((int(frames), 4), dtype=np.float32) for id_, frames in lengths.items()}
        submitting.write_run(path, TASK.name, run, answers)
    return path


def evaluate(path: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, ["evaluate", str(path), "--results", "leaderboard/results", *more])


@pytest.mark.slow
def test_labels_that_were_edited_together_with_the_manifest_are_refused(
    tmp_path: Path, bench_home: Path
) -> None:
    def forged(folder: Path) -> Iterator[Recording]:
        for recording in demo.read(folder):
            labels = recording.labels.copy()
            labels[:9] = labels[:9][:, ::-1]
            yield replace(recording, labels=labels)

    store.pull_simulated(replace(DEMO.dataset, read=forged, resume=None))
    assert list(store.load_all(DEMO.dataset)), "the store itself holds no contradiction"
    for command in ("validate", "evaluate"):
        write_card(tmp_path / command, Entry(command, "Mine", ("A. Mouse",), "MIT", {"demo": card(DEMO)}))
        done = CliRunner().invoke(cli, [command, str(tmp_path / command)])
        assert isinstance(done.exception, DataError)
        assert any(problem.startswith("demo: labels of mouse") for problem in done.exception.problems)


@pytest.mark.slow
def test_what_an_import_accepted_is_scored(tmp_path: Path, bench_home: Path) -> None:
    demo.write(tmp_path / "official", seed=7)
    store.pull(DEMO.dataset, tmp_path / "official", [DEMO], accept_changed=True)
    assert len(submitting.recordings_to_answer(DEMO)) == 6


def test_a_result_names_the_code_that_measured(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(entry(here / "mine", seeds=(0,)))
    file = here / "leaderboard/results/demo-6x80--mine.json"
    assert read_result(file).metrics_code == closure.metric_code()
    verify = ["verify", "--results", str(file.parent)]
    assert "other code" not in CliRunner().invoke(cli, verify).output
    made = json.loads(file.read_bytes())
    made["metrics_code"] = "0" * 64
    file.write_bytes(canonical(made | {"digest": digest_of(made)}))
    assert "scored by other code of the metrics" in CliRunner().invoke(cli, verify).output
    assert not check_result(file).faults, (
        "a mark, and no fault: quicker code of the same version is other code"
    )
    del made["metrics_code"]
    file.write_bytes(canonical(made | {"digest": digest_of(made)}))
    result = read_result(file)
    assert "metrics_code" not in to_json(result), "results from before the field keep their bytes"


def test_one_character_in_a_metric_is_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "bench"
    shutil.copytree(Path(closure.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__", "_*"))
    monkeypatch.setattr(closure, "__file__", str(copy / "closure.py"))
    before = closure.metric_code.__wrapped__()
    (copy / "cli" / "entries.py").write_text("")
    assert closure.metric_code.__wrapped__() == before, "commands decide no number"
    metric = copy / "metrics" / "frames.py"
    metric.write_bytes(metric.read_bytes().replace(b"\n", b"\r\n"))
    assert closure.metric_code.__wrapped__() == before, "line ends are no code"
    words = b'"""In other words."""\r\n' + metric.read_bytes() + b"# A remark.\r\n\r\n'and a text'\r\n"
    metric.write_bytes(words.replace(b'"""In other words."""', b'"""Said otherwise."""'))
    assert closure.metric_code.__wrapped__() == before, "words are no code"
    metric.write_bytes(words + b"0\r\n")
    assert closure.metric_code.__wrapped__() != before


@pytest.mark.parametrize(
    ("source", "other"),
    [
        (b"A = 'x # 1'  # 2\n", b"A = 'x # 2'\n"),
        (b"A = '''1\n\n'''\n", b"A = '''1\n'''\n"),
        (b"A = '''1 \n'''\n", b"A = '''1\n'''\n"),
        (b"def f():\n    '''Words.'''\n    return 1\n", b"def f():\n    '''Words.'''\n    return 2\n"),
        ("A = 'é', 1  # é\n".encode(), "A = 'é', 2  # é\n".encode()),
    ],
)
def test_what_is_no_word_is_code(source: bytes, other: bytes) -> None:
    assert closure.without_words(source) != closure.without_words(other)


def test_code_without_its_words_is_the_same_code() -> None:
    package = Path(closure.__file__).parent / "metrics"
    for path in sorted(package.rglob("*.py")):
        source = path.read_bytes()
        if path.name != "arrays.py":  # its functions are docstrings alone
            assert syntax(closure.without_words(source)) == syntax(source), path


def syntax(source: bytes) -> str:
    """Return the syntax tree without texts that stand alone."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            body[:] = [one for one in body if not is_text(one)]
    return ast.dump(tree)


def is_text(node: ast.stmt) -> bool:
    text = node.value if isinstance(node, ast.Expr) else None
    return isinstance(text, ast.Constant) and isinstance(text.value, str)


def test_two_runs_of_the_same_bytes_are_one(here: Path) -> None:
    done = evaluate(entry(here / "mine", seeds=(3, 3)))
    assert "seed1 repeats seed0" in done.stderr
    twice = read_result(here / "leaderboard/results/demo-6x80--mine.json")
    evaluate(entry(here / "other" / "mine", seeds=(3,)), "--results", "once")
    once = read_result(here / "once/demo-6x80--mine.json")
    assert twice == replace(once, provenance=twice.provenance)
    evaluate(entry(here / "several", seeds=(3, 4)))
    assert len(read_result(here / "leaderboard/results/demo-6x80--several.json").scores["f1"].per_run) == 2


def test_an_entry_elsewhere_does_not_take_a_name(here: Path) -> None:
    assert evaluate(entry(here / "submissions" / "gbdt", seeds=(0,))).exception is None
    file = here / "leaderboard/results/demo-6x80--gbdt.json"
    before = file.read_bytes()
    elsewhere = entry(here / "elsewhere" / "gbdt", seeds=(5,))
    done = evaluate(elsewhere)
    assert isinstance(done.exception, UsageError)
    assert "elsewhere" in done.exception.problems[0]
    assert file.read_bytes() == before
    assert evaluate(elsewhere, "--replace").exception is None
    assert file.read_bytes() != before


def test_an_entry_of_other_people_does_not_take_a_name(here: Path) -> None:
    evaluate(entry(here / "one" / "mine", seeds=(0,)))
    file = here / "leaderboard/results/demo-6x80--mine.json"
    before = file.read_bytes()
    done = evaluate(entry(here / "two" / "mine", seeds=(0,), name="Another", author="B. Rat"))
    assert isinstance(done.exception, UsageError)
    assert "'Another' by B. Rat" in done.exception.problems[0]
    assert file.read_bytes() == before


def test_an_entry_that_was_trained_again_replaces_its_result_and_says_so(here: Path) -> None:
    path = entry(here / "submissions" / "mine", seeds=(0,))
    assert "replaced" not in evaluate(path).stderr
    assert "replaced" not in evaluate(path).stderr, "the same predictions"
    shutil.rmtree(path)
    done = evaluate(entry(path, seeds=(1,)))
    assert done.exception is None
    assert "held the result of other predictions, and is replaced" in done.stderr
